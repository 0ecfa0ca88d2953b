"""Dates in imported files."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.core.imports import dates
from app.core.imports.dates import DateOrder

VIENNA = ZoneInfo("Europe/Vienna")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-07-01", datetime(2025, 6, 30, 22, tzinfo=UTC)),
        ("2025-07-01 10:30:00", datetime(2025, 7, 1, 8, 30, tzinfo=UTC)),
        ("2025-07-01T10:30:00Z", datetime(2025, 7, 1, 10, 30, tzinfo=UTC)),
        ("2025-07-01 10:30:00 UTC", datetime(2025, 7, 1, 10, 30, tzinfo=UTC)),
        ("1751365800", datetime(2025, 7, 1, 10, 30, tzinfo=UTC)),
        ("01.07.2025", datetime(2025, 6, 30, 22, tzinfo=UTC)),
        ("31/12/2025 10:30", datetime(2025, 12, 31, 9, 30, tzinfo=UTC)),
        ("12/31/2025", datetime(2025, 12, 30, 23, tzinfo=UTC)),
        ("05/05/2025", datetime(2025, 5, 4, 22, tzinfo=UTC)),
        ("03/04/2025", None),
        ("32/13/2025", None),
        ("2025-02-30", None),
        ("2025-07-01 25:00", None),
        ("0001-01-01", None),
        ("yesterday", None),
        ("12345", None),
    ],
)
def test_a_date_is_read_only_where_it_can_be_read_in_one_way(text: str, expected: datetime | None) -> None:
    assert dates.read(text, order=DateOrder.UNKNOWN, zone=VIENNA) == expected


def test_a_person_says_whether_the_day_comes_first() -> None:
    read = {order: dates.read("03/04/2025", order=order, zone=UTC) for order in DateOrder}
    assert read[DateOrder.DAY_FIRST] == datetime(2025, 4, 3, tzinfo=UTC)
    assert read[DateOrder.MONTH_FIRST] == datetime(2025, 3, 4, tzinfo=UTC)
    assert dates.read("31/12/2025", order=DateOrder.MONTH_FIRST, zone=UTC) is None
