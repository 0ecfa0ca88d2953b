"""Webhooks on their way: at least once, one contact's in order, and nobody waits for somebody else's dead server."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from standardwebhooks import Webhook

from app import http_client as http
from app.config import Settings
from app.core import clock, outbox
from app.core.webhooks import attempts, deliveries, endpoints, routing
from app.core.webhooks.attempts import Attempt, Outcome, Schedule
from app.db import Database
from app.http_client import Reach
from app.jobs import deliver_webhooks, housekeeping
from app.jobs import route_outbox as sweep
from app.jobs.deliver_webhooks import Sender
from app.models import AuditEntry, DeliveryState, WebhookDelivery, WebhookEndpoint, WebhookMessage
from tests import make
from tests.make import NOON
from tests.processes import environment_of, started
from tests.receiver import OK, Answer, Received, Receiver, receiver

QUICK = Schedule(delays_s=(0.05,), first_pause_s=0.05, lease=timedelta(seconds=5))
LIMITS = http.Limits(connect_s=1, total_s=1, body_bytes=2000)
BY_MAX = {"actor": "agent:1"}


def test_what_happens_is_told_with_a_signature_that_the_standard_library_verifies(database: Database) -> None:
    with receiver() as there:
        secret = listen(database, there, "granular.subscribe")
        with database.unit_of_work() as session:
            sam = make.contact(session, phone_number=make.SAMS_NUMBER)
            make.opt_in(session, sam, make.live_type(session))
        deliver_all(database)
    (came,) = there.received
    told = Webhook(secret).verify(came.raw, came.headers)
    assert told["id"] == came.id
    assert told["data"]["item"]["contact"]["id"] == sam.public_id
    assert (came.headers["content-type"], came.path) == ("application/json", "/hook")
    assert (told["delivery_attempts"], told["delivery_status"]) == (1, "pending")
    (delivery,) = all_of(database)
    assert (delivery.state, delivery.last_status, delivery.last_answer) == ("delivered", 200, "thanks")
    assert delivery.last_request_headers["webhook-id"] == came.id


@pytest.mark.parametrize(
    "answer", [(500, {}, b"oh"), (301, {"Location": "http://127.0.0.1:1/"}, b""), (404, {}, b""), None]
)
def test_anything_but_success_is_tried_again_with_the_same_id(answer: Answer, database: Database) -> None:
    answers: list[Answer] = [answer, answer, OK]
    with receiver(lambda _came: answers.pop(0)) as there:
        listen(database, there)
        tell(database, [1])
        deliver_all(database)
    assert len(set(there.ids)) == 1
    assert [each.body["delivery_attempts"] for each in there.received] == [1, 2, 3]
    assert [each.body["delivery_status"] for each in there.received] == ["pending", "retry", "retry"]
    assert len({each.body["first_sent_at"] for each in there.received}) == 1
    (delivery,) = all_of(database)
    assert (delivery.state, delivery.attempts) == ("delivered", 3)


def test_one_contacts_events_wait_for_each_other_and_other_contacts_for_nobody(database: Database) -> None:
    failing = threading.Event()

    def answer(came: Received) -> Answer:
        return (503, {}, b"") if not failing.is_set() and came.item["note"] == "1.0" else OK

    with receiver(answer) as there:
        listen(database, there)
        tell(database, [1, 2, 1, 2, 1])
        with sending(database):
            wait_until(lambda: notes(there).count("1.0") >= 3)
            assert {note for note in notes(there) if note.startswith("2")} == {"2.1", "2.3"}
            assert set(notes(there)) == {"1.0", "2.1", "2.3"}, "1.2 and 1.4 wait"
            failing.set()
            wait_until(lambda: waiting(database) == 0)
    assert [note for note in notes(there) if note in {"1.2", "1.4"}] == ["1.2", "1.4"]


def test_a_dead_or_slow_endpoint_keeps_no_other_waiting(database: Database) -> None:
    released = threading.Event()

    def hang(_came: Received) -> Answer:
        released.wait(20)
        return OK

    with receiver(hang) as slow, receiver() as fine, receiver(lambda _came: None) as broken:
        for there in (slow, broken, fine):
            listen(database, there)
        tell(database, list(range(1, 201)))
        began_s = time.monotonic()
        with sending(database):
            wait_until(lambda: len(set(fine.ids)) == 200)
            took_s = time.monotonic() - began_s
            began_there = len(slow.received)
            released.set()
    assert took_s < 15
    assert began_there <= deliver_webhooks.AT_ONE_ENDPOINT * (took_s / LIMITS.total_s + 1)
    assert len(fine.ids) == 200


def test_an_endpoint_that_fails_again_and_again_is_left_alone_for_longer_each_time(database: Database) -> None:
    with receiver(lambda _came: (500, {}, b"")) as there:
        listen(database, there)
        tell(database, list(range(1, 61)))
        with sending(database, Schedule(delays_s=(0.01,), first_pause_s=0.3, lease=timedelta(seconds=5))):
            wait_until(lambda: one_endpoint(database).consecutive_failures >= attempts.PATIENCE + 2)
        standing = one_endpoint(database)
        assert standing.paused_until
        assert len(there.received) < 40, "a pause is not filled with attempts"
        there.answer = lambda _came: OK
        with sending(database):
            wait_until(lambda: waiting(database) == 0)
    standing = one_endpoint(database)
    assert (standing.consecutive_failures, standing.paused_until) == (0, None)
    assert len(set(there.ids)) == 60


def test_410_disables_the_endpoint_at_once_and_for_good(database: Database) -> None:
    with receiver(lambda _came: (410, {}, b"gone")) as there:
        listen(database, there)
        tell(database, [1])
        deliver(database, lambda: one_endpoint(database).disabled_at is not None)
        tell(database, [2, 3])
        sweep.sweep_outbox(database)
        deliver(database, lambda: True)
    assert len(there.received) == 1
    assert one_endpoint(database).disabled_reason == "gone"
    assert [each.state for each in all_of(database)] == ["failed"]
    with database.read_only() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry
        assert (entry.actor, entry.action) == ("system", "webhook_endpoint.disabled")


def test_what_waits_at_a_disabled_endpoint_goes_on_when_it_is_enabled(database: Database) -> None:
    with receiver() as there:
        listen(database, there)
        tell(database, [1, 1])
        sweep.sweep_outbox(database)
        change(database, endpoints.disable)
        deliver(database, lambda: True)
        assert there.received == []
        change(database, endpoints.enable)
        deliver_all(database)
    assert notes(there) == ["1.0", "1.1"]


def test_the_periodic_task_gives_up_late_webhooks_that_were_never_tried(database: Database) -> None:
    with receiver() as there:
        listen(database, there)
        tell(database, [1, 2])
        sweep.sweep_outbox(database)
        assert housekeeping.fail_late_webhooks(database) == 0
        with database.unit_of_work() as session:
            session.execute(update(WebhookDelivery).values(give_up_at=clock.now() - timedelta(seconds=1)))
        assert housekeeping.fail_late_webhooks(database) == 2
        assert housekeeping.fail_late_webhooks(database) == 0
        deliver_all(database)
    assert [(each.state, each.attempts) for each in all_of(database)] == [(DeliveryState.FAILED, 0)] * 2
    assert there.received == []


def test_after_three_days_it_failed_and_the_next_of_its_contact_follows(database: Database) -> None:
    refused = {"1.0"}
    with receiver(lambda came: (500, {}, b"") if came.item["note"] in refused else OK) as there:
        listen(database, there)
        tell(database, [1, 1])
        sweep.sweep_outbox(database)
        with database.unit_of_work() as session:
            session.execute(update(WebhookDelivery).values(give_up_at=clock.now() - timedelta(seconds=1)))
        deliver_all(database)
        assert [each.state for each in all_of(database)] == ["failed", "delivered"]
        assert notes(there) == ["1.0", "1.1"]
        refused.clear()
        with database.unit_of_work() as session:
            assert deliveries.replay_failed(session, one_endpoint(database).id, at=clock.now(), **BY_MAX) == 1
        deliver_all(database)
    assert notes(there) == ["1.0", "1.1", "1.0"]
    assert there.ids[0] == there.ids[2]


def test_delays_grow_to_an_hour_with_some_chance_in_them_and_end_after_three_days() -> None:
    seen = set()
    for number, delay_s in [(1, 5), (2, 30), (3, 120), (4, 600), (5, 1800), (6, 3600), (50, 3600)]:
        for _ in range(20):
            again = attempts._next(failure(number), Schedule(), at=NOON)
            assert again
            seen.add(again)
            assert 0.8 * delay_s <= (again - NOON).total_seconds() <= 1.2 * delay_s
    assert len(seen) > 100
    assert attempts._next(failure(60), Schedule(), at=NOON + timedelta(days=3)) is None
    asked = attempts._next(failure(1, status=429, retry_after_s=1000), Schedule(), at=NOON)
    assert asked
    assert (asked - NOON).total_seconds() >= 800


def test_two_senders_at_once_send_each_once_and_keep_the_order(database: Database) -> None:
    with receiver() as there:
        listen(database, there)
        tell(database, [number % 7 for number in range(300)])
        with sending(database), sending(database), sending(database):
            wait_until(lambda: waiting(database) == 0)
    assert Counter(Counter(there.ids).values()) == {1: 300}
    in_order(there)


def test_a_lost_claim_is_taken_over_and_a_late_failure_does_not_undo_what_another_delivered(database: Database) -> None:
    with receiver() as there:
        listen(database, there)
        tell(database, [1])
        sweep.sweep_outbox(database)
        now = clock.now()
        lost = claim(database, at=now)
        assert claim(database, at=now) == [], "it belongs to the first"
        taken_over = claim(database, at=now + timedelta(seconds=61))
        assert [each.message_id for each in taken_over] == [each.message_id for each in lost]
        record(database, Outcome(lost[0], now, {}, status=500), at=now)
        (standing,) = all_of(database)
        assert (standing.state, standing.attempts, standing.lease_id) == ("waiting", 0, taken_over[0].lease_id)
        record(database, Outcome(taken_over[0], now, {}, status=200), at=now)
        record(database, Outcome(lost[0], now, {}, status=500), at=now)
        (standing,) = all_of(database)
        assert (standing.state, standing.last_status) == ("delivered", 200)


def test_addresses_inside_are_refused_at_the_last_moment_too(database: Database) -> None:
    with receiver() as there:
        listen(database, there)
        tell(database, [1])
        with sending(database, reach=Reach.INTERNET):
            wait_until(lambda: all_of(database) != [] and all_of(database)[0].attempts > 0)
    assert there.received == []
    (delivery,) = all_of(database)
    assert "private" in (delivery.last_problem or "")
    assert delivery.last_status is None


def test_an_answer_is_kept_in_part_whatever_is_in_it(database: Database) -> None:
    rude = (200, {"X-Rude": "a\xff", "Set-Cookie": "a=b"}, b"\x00\xff" + b"x" * 50_000)
    with receiver(lambda _came: rude) as there:
        listen(database, there)
        tell(database, [1])
        deliver_all(database)
    (delivery,) = all_of(database)
    assert len(delivery.last_answer or "") <= 2000
    assert "Set-Cookie" not in (delivery.last_answer_headers or {})


def test_a_test_reaches_an_endpoint_that_asked_for_other_topics(database: Database) -> None:
    with receiver() as there:
        secret = listen(database, there, "granular.subscribe")
        change(database, routing.send_test)
        deliver_all(database)
    (came,) = there.received
    assert came.topic == "test"
    Webhook(secret).verify(came.raw, came.headers)


def test_after_a_rotation_the_old_secret_still_verifies_what_comes(database: Database) -> None:
    with receiver() as there:
        old = listen(database, there)
        with database.unit_of_work() as session:
            _, new = endpoints.rotate_secret(session, one_endpoint(database).id, at=clock.now(), **BY_MAX)
        tell(database, [1])
        deliver_all(database)
    (came,) = there.received
    for secret in (old, new):
        Webhook(secret).verify(came.raw, came.headers)


def test_a_replay_carries_the_same_id_and_waits_for_nobody(database: Database) -> None:
    with receiver() as there:
        listen(database, there)
        tell(database, [1])
        deliver_all(database)
        (delivery,) = all_of(database)
        with database.unit_of_work() as session:
            deliveries.replay(session, delivery.endpoint_id, delivery.id, at=clock.now(), **BY_MAX)
        deliver_all(database)
    assert len(there.ids) == 2
    assert len(set(there.ids)) == 1


def test_old_deliveries_and_those_of_deleted_endpoints_are_forgotten_with_their_messages(database: Database) -> None:
    with receiver() as there:
        listen(database, there)
        tell(database, [1, 2, 3])
        sweep.sweep_outbox(database)
        old = clock.now() - timedelta(days=31)
        with database.unit_of_work() as session:
            first = select(func.min(WebhookDelivery.id)).scalar_subquery()
            session.execute(
                update(WebhookDelivery).where(WebhookDelivery.id == first).values(created_at=old, state="failed")
            )
            session.execute(update(WebhookMessage).values(created_at=old))
        assert housekeeping.delete_expired(database).webhooks == 2
        assert [len(all_of(database)), count(database, WebhookMessage)] == [2, 2]
        change(database, endpoints.delete)
        assert housekeeping.delete_expired(database).webhooks == 4
        assert [len(all_of(database)), count(database, WebhookMessage)] == [0, 0]


def test_while_nothing_is_due_no_writer_is_kept_waiting(database: Database) -> None:
    with receiver() as there:
        listen(database, there)
        sender = Sender(database, Reach.LOOPBACK_TOO)
        with database.unit_of_work() if database.is_sqlite else database.read_only():
            looked = threading.Thread(target=sender.round)
            looked.start()
            looked.join(5)
            assert not looked.is_alive(), "it waited for the writer"


def test_the_worker_delivers_within_seconds_and_stops_when_it_is_told(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    env, log = environment_of(settings) | {"ASSENT_ALLOW_LOOPBACK": "true"}, tmp_path / "worker.log"
    with receiver() as there, started("worker", env=env, log=log) as process:
        listen(database, there)
        tell(database, [1, 1, 2])
        wait_until(lambda: waiting(database) == 0 and len(there.received) == 3)
        process.terminate()
        assert process.wait(20) == 0, log.read_text()
    in_order(there)
    assert "hook" not in log.read_text()


@contextmanager
def sending(database: Database, schedule: Schedule = QUICK, *, reach: Reach = Reach.LOOPBACK_TOO) -> Iterator[Sender]:
    """A sender at work, and the outbox swept for it."""
    sweep.sweep_outbox(database)
    stopping = threading.Event()
    sender = Sender(database, reach, schedule=schedule, limits=LIMITS)
    thread = threading.Thread(target=sender.run, args=(stopping,))
    thread.start()
    try:
        yield sender
    finally:
        stopping.set()
        sender.wake()
        thread.join()


def deliver(database: Database, until: Callable[[], bool]) -> None:
    with sending(database):
        wait_until(until)


def deliver_all(database: Database) -> None:
    deliver(database, lambda: waiting(database) == 0)


def listen(database: Database, there: Receiver, *topics: str) -> str:
    """Make an endpoint of this receiver; its secret."""
    with database.unit_of_work() as session:
        asked = topics or ("suppression.created",)
        made = endpoints.create(session, there.url, asked, reach=Reach.LOOPBACK_TOO, at=clock.now(), **BY_MAX)
        return made[1]


def tell(database: Database, contact_ids: list[int]) -> None:
    """One event for each, in this order, that says whose it is and which one in the order of all."""
    with database.unit_of_work() as session:
        for place, contact_id in enumerate(contact_ids):
            payload = {"note": f"{contact_id}.{place}"}
            outbox.add(session, ["suppression.created"], contact_id=contact_id, payload=payload, at=clock.now())


def notes(there: Receiver) -> list[str]:
    return [each.item["note"] for each in there.received]


def in_order(there: Receiver) -> None:
    """The first arrivals of each contact's events came in the order in which they happened."""
    first = list(dict.fromkeys(notes(there)))
    for contact in {note.partition(".")[0] for note in first}:
        places = [int(note.partition(".")[2]) for note in first if note.partition(".")[0] == contact]
        assert places == sorted(places), contact


def change(database: Database, act: Callable[..., object]) -> None:
    with database.unit_of_work() as session:
        act(session, one_endpoint(database).id, at=clock.now(), **BY_MAX)


def claim(database: Database, *, at: object) -> list[Attempt]:
    with database.unit_of_work() as session:
        endpoint = session.scalars(select(WebhookEndpoint)).one()
        return attempts.claim(session, endpoint, limit=9, lease=timedelta(seconds=60), at=at)  # type: ignore[arg-type]


def record(database: Database, outcome: Outcome, *, at: object) -> None:
    with database.unit_of_work() as session:
        attempts.record(session, [outcome], Schedule(), at=at)  # type: ignore[arg-type]


def failure(number: int, **values: object) -> Outcome:
    attempt = Attempt(1, 1, 1, "", "", (), "", {}, number, NOON, NOON + timedelta(days=3))
    return Outcome(attempt, NOON, {}, **values)  # type: ignore[arg-type]


def one_endpoint(database: Database) -> WebhookEndpoint:
    with database.read_only() as session:
        return session.scalars(select(WebhookEndpoint)).one()


def all_of(database: Database) -> list[WebhookDelivery]:
    with database.read_only() as session:
        return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))


def waiting(database: Database) -> int:
    with database.read_only() as session:
        is_waiting = WebhookDelivery.state == DeliveryState.WAITING.value
        return session.scalar(select(func.count()).select_from(WebhookDelivery).where(is_waiting)) or 0


def count(database: Database, model: type) -> int:
    with database.read_only() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
