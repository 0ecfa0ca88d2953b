"""Times as the reader writes them."""

import pytest
from flask import Flask

from app.web import formatting
from app.web.inbox import labels
from tests.make import NOON


@pytest.mark.parametrize(
    ("languages", "shown"),
    [
        ("", "2 Nov 2026, 13:00 CET"),
        ("en-GB,en;q=0.9", "2 Nov 2026, 13:00 CET"),
        ("en-US,en;q=0.9", "Nov 2, 2026, 1:00 PM CET"),
        ("de-DE,de;q=0.9,en-US;q=0.5", "Nov 2, 2026, 1:00 PM CET"),
        ("de-DE,en", "2 Nov 2026, 13:00 CET"),
        ("en-XX-x-y", "2 Nov 2026, 13:00 CET"),
    ],
)
def test_a_time_is_written_as_in_the_english_of_the_reader(languages: str, shown: str) -> None:
    with Flask("times").test_request_context(headers={"Accept-Language": languages}):
        assert formatting.local_time(NOON, "Europe/Berlin").striptags() == shown
        assert shown in labels.short_time(NOON, "Europe/Berlin")
