"""Limits against pumping."""

from datetime import timedelta
from typing import Any

import pytest

from app.core import clock
from app.core.confirmations import limits
from app.core.confirmations.limits import TextToSend
from app.core.destinations import Destination
from app.core.errors import InvalidInput
from app.core.problems import overview
from app.core.workspace import confirmation_limits, settings
from app.db import Database
from tests import make


def _text(number: int, *, address: str | None = "192.0.2.7") -> TextToSend:
    return TextToSend(Destination(f"+1202555{number:04}", f"{number:032}", "US"), address, 1)


@pytest.mark.parametrize(
    ("limit", "numbers", "addresses"),
    [
        ("address_hour", range(3), 1),
        ("number_hour", [1] * 3, 3),
        ("prefix_hour", range(3), 3),
        ("total_day", range(3), 3),
    ],
)
@pytest.mark.databases("sqlite")
def test_each_limit_counts_for_itself_and_an_hour_or_a_day_later_begins_again(
    database: Database, limit: str, numbers: list[int], addresses: int
) -> None:
    window = timedelta(days=1) if limit == "total_day" else timedelta(hours=1)
    with database.unit_of_work() as session:
        workspace = settings.change(session, {"confirmation_limits": {limit: 2}}, actor="agent:1", at=make.NOON)
        texts = [_text(number, address=f"192.0.2.{row % addresses}") for row, number in enumerate(numbers)]
        waits = [limits.refused(session, workspace, each, at=make.NOON) for each in texts]
        assert waits[:2] == [None, None]
        assert waits[2]
        assert waits[2] <= window.total_seconds()
        assert limits.refused(session, workspace, texts[2], at=make.NOON + window) is None


def test_a_limit_that_concerns_everyone_is_a_problem_once_an_hour(database: Database) -> None:
    with database.unit_of_work() as session:
        values: dict[str, Any] = {"confirmation_limits": {"country_hour": 1, "number_hour": 3}}
        workspace = settings.change(session, values, actor="agent:1", at=make.NOON)
        for _ in range(4):
            limits.refused(session, workspace, _text(1), at=make.NOON)
        limits.refused(session, workspace, _text(2), at=make.NOON + timedelta(hours=1))
        limits.refused(session, workspace, _text(3), at=make.NOON + timedelta(hours=1))
    with database.unit_of_work() as session:
        assert overview.count(session) == 0  # that was long ago
        limits.refused(session, workspace, _text(4), at=clock.now())
        limits.refused(session, workspace, _text(4), at=clock.now())
    with database.read_only() as session:
        assert overview.count(session) == 1
        found = overview.read(session, at=make.NOON + timedelta(hours=2))
        assert [each.details for each in found.alarms] == [{"limit": "country_hour", "country": "US"}] * 3
        assert not overview.read(session, at=clock.now() + timedelta(days=9)).alarms


@pytest.mark.parametrize("values", [{"number_hour": 0}, {"spend_day": -1}, {"total_day": True}, {"total": 5}])
def test_limits_are_whole_numbers_and_the_defaults_are_not_stored(values: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        confirmation_limits.checked(values)
    assert confirmation_limits.checked({"number_hour": 5, "spend_day": 0}) is None
    assert confirmation_limits.checked({"number_hour": 4}) is not None
