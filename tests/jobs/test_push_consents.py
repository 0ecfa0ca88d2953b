"""The worker tells the carrier about consents, at its rate, and waits where it takes nothing."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from app.core.sms import consent_pushes
from app.core.sms.consent_pushes import MESSAGE, OFFLINE, OTHER, WEBSITE
from app.db import Database
from app.gateways.base import ConsentItem, ConsentSource, ConsentStatus, PushResult
from app.jobs.push_consents import Pusher
from app.jobs.route_outbox import sweep_outbox
from tests import make
from tests.processes import PATIENCE_S


@dataclass
class Carrier:
    """Takes two numbers a call, and answers as a test says."""

    answers: list[PushResult] = field(default_factory=list)
    calls: list[list[ConsentItem]] = field(default_factory=list)
    items_per_call: int = 2
    calls_per_minute: int = 600
    was_called: threading.Event = field(default_factory=threading.Event)

    def push_consents(self, items: Sequence[ConsentItem]) -> PushResult:
        self.calls.append(list(items))
        self.was_called.set()
        return self.answers.pop(0) if self.answers else PushResult()


def three_opt_ins(database: Database) -> None:
    with database.unit_of_work() as session:
        news = make.live_type(session)
        for ending in (50, 51, 52):
            make.opt_in(session, make.contact(session, phone_number=f"+4474001234{ending}"), news)
    sweep_outbox(database, pushes_consents=True)


def waiting(database: Database) -> tuple[int, str | None, int]:
    with database.read_only() as session:
        lag = consent_pushes.lag(session)
    return lag.waiting, lag.problem, lag.failed


def test_core_and_gateways_name_the_ways_of_consent_alike() -> None:
    assert {WEBSITE, MESSAGE, OFFLINE, OTHER} == set(ConsentSource)


@pytest.mark.databases("sqlite")
def test_calls_have_the_size_and_the_rate_of_the_carrier(database: Database) -> None:
    three_opt_ins(database)
    carrier = Carrier()
    pusher = Pusher(database, carrier)
    assert [pusher.round() for _ in range(3)] == [0.1, 0.1, 1.0]
    assert [len(call) for call in carrier.calls] == [2, 1]
    assert {item.status for call in carrier.calls for item in call} == {ConsentStatus.OPTED_IN}
    assert len({item.key for call in carrier.calls for item in call}) == 3
    assert waiting(database) == (0, None, 0)


@pytest.mark.databases("sqlite")
def test_what_was_not_taken_waits_longer_each_time_and_is_pushed_again(database: Database) -> None:
    three_opt_ins(database)
    busy = PushResult(problem="Twilio answered 429.")
    carrier = Carrier([busy, busy, PushResult(problem="No.", retry_after_s=3600.0)])
    pusher = Pusher(database, carrier)
    assert [pusher.round() for _ in range(3)] == [5.0, 10.0, 3600.0]
    assert waiting(database) == (3, "No.", 0)
    assert pusher.round() == 0.1
    assert {item.phone for item in carrier.calls[0]} <= {item.phone for item in carrier.calls[3] + carrier.calls[2]}


@pytest.mark.databases("sqlite")
def test_a_refused_number_is_not_pushed_again(database: Database) -> None:
    three_opt_ins(database)

    class Refusing(Carrier):
        def push_consents(self, items: Sequence[ConsentItem]) -> PushResult:
            super().push_consents(items)
            return PushResult(refused={items[0].key: "30646 INVALID_CONTACT_ID", "of another call": "x"})

    carrier = Refusing()
    pusher = Pusher(database, carrier)
    assert [pusher.round() for _ in range(3)] == [0.1, 0.1, 1.0]
    assert waiting(database) == (0, None, 2)


@pytest.mark.databases("sqlite")
def test_the_thread_pushes_until_it_is_stopped(database: Database) -> None:
    three_opt_ins(database)
    carrier, stopping = Carrier(), threading.Event()
    thread = threading.Thread(target=Pusher(database, carrier).run, args=(stopping,))
    thread.start()
    assert carrier.was_called.wait(PATIENCE_S)
    stopping.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
