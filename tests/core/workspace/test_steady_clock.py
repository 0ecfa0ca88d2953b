"""Nothing is erased by its age while the clock cannot be believed."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from structlog.testing import capture_logs

from app.core.workspace import steady_clock
from app.db import Database
from tests.make import NOON

A_MINUTE, A_DAY, YEARS = timedelta(minutes=1), timedelta(days=1), timedelta(days=6 * 366)


@pytest.fixture
def now() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def ask(database: Database, now: time_machine.Traveller, times: int, *, every: timedelta) -> list[bool]:
    answers = []
    for _ in range(times):
        answers.append(steady_clock.is_steady(database))
        now.shift(every)
    return answers


def test_a_clock_that_jumps_by_years_is_not_steady_until_it_went_on_for_a_day_without_a_jump(
    database: Database, now: time_machine.Traveller
) -> None:
    assert all(ask(database, now, 3, every=A_MINUTE)), "a new workspace"
    now.shift(YEARS)
    with capture_logs() as logged:
        assert not any(ask(database, now, 30, every=A_MINUTE)), "years ahead"
    assert [each["event"].partition(":")[0] for each in logged] == ["the clock jumped, or no worker ran for days"]
    now.shift(-YEARS)
    assert not any(ask(database, now, 24, every=timedelta(hours=1))), "set right"
    assert all(ask(database, now, 2, every=A_DAY))


def test_a_clock_that_is_set_a_little_or_a_worker_that_paused_for_a_weekend_changes_nothing(
    database: Database, now: time_machine.Traveller
) -> None:
    for step in (A_MINUTE, -timedelta(hours=2), timedelta(days=3), -timedelta(days=2)):
        assert steady_clock.is_steady(database)
        now.shift(step)
    assert steady_clock.is_steady(database)


def test_a_worker_that_looks_a_moment_after_another_noted_the_jump_sees_it_too(
    database: Database, now: time_machine.Traveller
) -> None:
    assert steady_clock.is_steady(database)
    now.shift(YEARS)
    with capture_logs() as logged:
        assert ask(database, now, 3, every=timedelta()) == [False, False, False]
    assert len(logged) == 1
