"""The words for reasons, wherever a page shows one."""

from collections.abc import Collection

import pytest

from app.core.consent.rules import RULES, Reason
from app.core.consent.set_decisions import Outcome
from app.models import Channel
from app.web.admin import overview
from app.web.bulk import labels as bulk_labels
from app.web.campaigns import labels as campaign_labels
from app.web.contacts import labels

OF_TEXTS = {rule.reason for rule in RULES if Channel.SMS in rule.channels}


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (labels.REASONS, Reason),
        (overview.REASONS, Reason),
        (campaign_labels.REASONS, OF_TEXTS),
        (bulk_labels.OUTCOMES, Outcome),
    ],
    ids=["contacts", "overview", "campaigns", "bulk"],
)
def test_every_reason_has_words_on_each_page_that_shows_it(words: Collection[str], codes: Collection[str]) -> None:
    assert sorted(set(codes) - set(words)) == []
