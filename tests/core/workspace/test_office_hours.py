"""Office hours: from when to when the team answers, on each day of the week."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.errors import InvalidInput
from app.core.workspace import office_hours

HOURS = {"mon": ["09:00", "17:00"], "fri": ["18:00", "00:00"]}


@pytest.mark.parametrize(
    ("at", "zone", "is_open"),
    [
        (datetime(2026, 11, 2, 8, 59, tzinfo=UTC), "UTC", False),
        (datetime(2026, 11, 2, 9, 0, tzinfo=UTC), "UTC", True),
        (datetime(2026, 11, 2, 16, 59, 59, tzinfo=UTC), "UTC", True),
        (datetime(2026, 11, 2, 17, 0, tzinfo=UTC), "UTC", False),
        (datetime(2026, 11, 2, 8, 0, tzinfo=UTC), "Europe/Berlin", True),
        (datetime(2026, 11, 3, 12, 0, tzinfo=UTC), "UTC", False),
        (datetime(2026, 11, 6, 23, 59, tzinfo=UTC), "UTC", True),
        (datetime(2026, 11, 7, 0, 0, tzinfo=UTC), "UTC", False),
    ],
)
def test_the_office_is_open_from_the_first_time_until_before_the_second(
    at: datetime, zone: str, *, is_open: bool
) -> None:
    assert office_hours.is_open(HOURS, zone, at=at) is is_open
    assert office_hours.is_open(None, zone, at=at) is True


@pytest.mark.parametrize(
    "value",
    [
        {"day": ["09:00", "10:00"]},
        {"mon": ["09:00"]},
        {"mon": ["9:00", "10:00"]},
        {"mon": ["10:00", "10:00"]},
        {"mon": ["24:00", ""]},
    ],
)
def test_a_day_needs_two_times_in_their_order(value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        office_hours.checked(value)
    assert refused.value.field == "office_hours"


def test_office_hours_are_stored_by_the_order_of_the_week_and_no_day_means_always_open() -> None:
    assert list(office_hours.checked({"fri": ("18:00", "00:00"), "mon": ["09:00", "17:00"]}) or {}) == ["mon", "fri"]
    assert office_hours.checked({}) is None
