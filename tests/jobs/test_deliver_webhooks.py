"""Webhooks are delivered at least once, in order for each contact, and a dead endpoint does not delay the others."""

import hashlib
import hmac
import json
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
from app.core.webhooks.attempts import Attempt, AttemptOutcome, Schedule
from app.db import Database
from app.http_client import Reach
from app.jobs import deliver_webhooks, housekeeping, route_outbox
from app.jobs.deliver_webhooks import Sender
from app.models import AuditEntry, DeliveryState, WebhookDelivery, WebhookEndpoint, WebhookMessage
from tests import make
from tests.make import NOON
from tests.processes import PATIENCE_S, environment_of, started
from tests.receiver import OK, Answer, Received, Receiver, receiver

QUICK = Schedule(delays_s=(0.05,), first_pause_s=0.05)
LIMITS = http.Limits(connect_s=5, total_s=5, body_bytes=2000)
EVERY_S = 0.05
BY_MAX = {"actor": "agent:1"}
# Of tests about requests and responses. What is claimed, recorded and purged is tested on both databases.
sqlite_alone = pytest.mark.databases("sqlite")


@sqlite_alone
def test_a_webhook_has_a_signature_that_the_standard_library_verifies(database: Database) -> None:
    with receiver() as there:
        secret = create_endpoint(database, there, "granular.subscribe")
        with database.unit_of_work() as session:
            sam = make.contact(session, phone_number=make.SAMS_NUMBER)
            make.opt_in(session, sam, make.live_type(session))
        deliver_all(database)
    (came,) = there.received
    body = Webhook(secret).verify(came.raw, came.headers)
    assert body["id"] == came.id
    assert body["data"]["item"]["contact"]["id"] == sam.public_id
    assert (came.headers["content-type"], came.path) == ("application/json", "/hook")
    assert (body["delivery_attempts"], body["delivery_status"]) == (1, "pending")
    (delivery,) = all_of(database)
    assert (delivery.state, delivery.last_status, delivery.last_answer) == ("delivered", 200, "thanks")
    assert delivery.last_request_headers["webhook-id"] == came.id


@sqlite_alone
@pytest.mark.parametrize(
    "answer", [(500, {}, b"oh"), (301, {"Location": "http://127.0.0.1:1/"}, b""), (404, {}, b""), None]
)
def test_a_failed_delivery_is_retried_with_the_same_id(answer: Answer, database: Database) -> None:
    answers: list[Answer] = [answer, answer, OK]
    with receiver(lambda _came: answers.pop(0)) as there:
        create_endpoint(database, there)
        add_events(database, [1])
        deliver_all(database)
    assert len(set(there.ids)) == 1
    assert [each.body["delivery_attempts"] for each in there.received] == [1, 2, 3]
    assert [each.body["delivery_status"] for each in there.received] == ["pending", "retry", "retry"]
    assert len({each.body["first_sent_at"] for each in there.received}) == 1
    (delivery,) = all_of(database)
    assert (delivery.state, delivery.attempts) == ("delivered", 3)


@sqlite_alone
def test_a_failing_delivery_delays_the_later_ones_of_its_contact_only(database: Database) -> None:
    failing = threading.Event()

    def respond(came: Received) -> Answer:
        return (503, {}, b"") if not failing.is_set() and came.item["note"] == "1.0" else OK

    with receiver(respond) as there:
        create_endpoint(database, there)
        add_events(database, [1, 2, 1, 2, 1])
        with sending(database):
            wait_until(lambda: notes(there).count("1.0") >= 3)
            assert {note for note in notes(there) if note.startswith("2")} == {"2.1", "2.3"}
            assert set(notes(there)) == {"1.0", "2.1", "2.3"}, "1.2 and 1.4 wait"
            failing.set()
            wait_until(lambda: waiting(database) == 0)
    assert [note for note in notes(there) if note in {"1.2", "1.4"}] == ["1.2", "1.4"]


@sqlite_alone
def test_a_dead_or_slow_endpoint_does_not_delay_the_others(database: Database) -> None:
    released = threading.Event()

    def hang(_came: Received) -> Answer:
        released.wait(PATIENCE_S)
        return OK

    with receiver(hang) as slow, receiver() as fine, receiver(lambda _came: None) as broken:
        for there in (slow, broken, fine):
            create_endpoint(database, there)
        add_events(database, list(range(1, 81)))
        began_s = time.monotonic()
        with sending(database):
            wait_until(lambda: len(set(fine.ids)) == 80)
            took_s = time.monotonic() - began_s
            requests_begun = len(slow.received)
            released.set()
    assert took_s < PATIENCE_S / 2
    assert requests_begun <= deliver_webhooks.REQUESTS_PER_ENDPOINT * (took_s / LIMITS.total_s + 1)
    assert len(fine.ids) == 80


@sqlite_alone
def test_an_endpoint_that_keeps_failing_is_paused_for_longer_each_time(database: Database) -> None:
    with receiver(lambda _came: (500, {}, b"")) as there:
        create_endpoint(database, there)
        add_events(database, list(range(1, 61)))
        with sending(database, Schedule(delays_s=(0.01,), first_pause_s=0.3)):
            wait_until(lambda: one_endpoint(database).consecutive_failures >= attempts.PAUSE_AFTER + 2)
        current = one_endpoint(database)
        assert current.paused_until
        assert len(there.received) < 40, "no attempts during a pause"
        there.answer = lambda _came: OK
        with sending(database):
            wait_until(lambda: waiting(database) == 0)
    current = one_endpoint(database)
    assert (current.consecutive_failures, current.paused_until) == (0, None)
    assert len(set(there.ids)) == 60


@sqlite_alone
def test_a_410_disables_the_endpoint_immediately(database: Database) -> None:
    with receiver(lambda _came: (410, {}, b"gone")) as there:
        create_endpoint(database, there)
        add_events(database, [1])
        deliver(database, lambda: one_endpoint(database).disabled_at is not None)
        add_events(database, [2, 3])
        route_outbox.sweep_outbox(database)
        deliver(database, lambda: True)
    assert len(there.received) == 1
    assert one_endpoint(database).disabled_reason == "gone"
    assert [each.state for each in all_of(database)] == ["failed"]
    with database.read_only() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry
        assert (entry.actor, entry.action) == ("system", "webhook_endpoint.disabled")


def test_deliveries_waiting_at_a_disabled_endpoint_are_sent_once_it_is_enabled(database: Database) -> None:
    with receiver() as there:
        create_endpoint(database, there)
        add_events(database, [1, 1])
        route_outbox.sweep_outbox(database)
        change(database, endpoints.disable)
        deliver(database, lambda: True)
        assert there.received == []
        change(database, endpoints.enable)
        deliver_all(database)
    assert notes(there) == ["1.0", "1.1"]


def test_what_a_clock_that_was_years_ahead_let_wait_is_delivered_after_it_is_set_right(database: Database) -> None:
    with receiver() as there:
        create_endpoint(database, there)
        add_events(database, [1, 2])
        route_outbox.sweep_outbox(database)
        ahead = clock.now() + timedelta(days=1500)
        with database.unit_of_work() as session:
            late = {"next_attempt_at": ahead, "give_up_at": ahead, "leased_until": ahead, "lease_id": "gone"}
            session.execute(update(WebhookDelivery).values(late))
            session.execute(update(WebhookEndpoint).values(paused_until=ahead))
        deliver(database, lambda: True)
        assert there.received == []
        assert housekeeping.fail_late_webhooks(database) == 0
        deliver_all(database)
    assert sorted(notes(there)) == ["1.0", "2.1"]
    assert [each.state for each in all_of(database)] == [DeliveryState.DELIVERED] * 2


def test_the_periodic_task_gives_up_late_webhooks_that_were_never_tried(database: Database) -> None:
    with receiver() as there:
        create_endpoint(database, there)
        add_events(database, [1, 2])
        route_outbox.sweep_outbox(database)
        assert housekeeping.fail_late_webhooks(database) == 0
        with database.unit_of_work() as session:
            session.execute(update(WebhookDelivery).values(give_up_at=clock.now() - timedelta(seconds=1)))
        assert housekeeping.fail_late_webhooks(database) == 2
        assert housekeeping.fail_late_webhooks(database) == 0
        deliver_all(database)
    assert [(each.state, each.attempts) for each in all_of(database)] == [(DeliveryState.FAILED, 0)] * 2
    assert there.received == []


def test_a_delivery_fails_after_three_days_and_the_next_of_its_contact_is_sent(database: Database) -> None:
    refused = {"1.0"}
    with receiver(lambda came: (500, {}, b"") if came.item["note"] in refused else OK) as there:
        create_endpoint(database, there)
        add_events(database, [1, 1])
        route_outbox.sweep_outbox(database)
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


def test_retry_delays_grow_to_an_hour_with_jitter_and_end_after_three_days() -> None:
    seen = set()
    for number, delay_s in [(1, 5), (2, 30), (3, 120), (4, 600), (5, 1800), (6, 3600), (50, 3600)]:
        for _ in range(20):
            retry_at = attempts._retry_at(failure(number), Schedule(), at=NOON)
            assert retry_at
            seen.add(retry_at)
            assert 0.8 * delay_s <= (retry_at - NOON).total_seconds() <= 1.2 * delay_s
    assert len(seen) > 100
    assert attempts._retry_at(failure(60), Schedule(), at=NOON + timedelta(days=3)) is None
    retry_at = attempts._retry_at(failure(1, status=429, retry_after_s=1000), Schedule(), at=NOON)
    assert retry_at
    assert (retry_at - NOON).total_seconds() >= 800


def test_concurrent_senders_send_each_delivery_once_and_in_order(database: Database) -> None:
    with receiver() as there:
        create_endpoint(database, there)
        add_events(database, [number % 7 for number in range(150)])
        with sending(database), sending(database), sending(database):
            wait_until(lambda: waiting(database) == 0)
    assert Counter(Counter(there.ids).values()) == {1: 150}
    in_order(there)


def test_an_expired_lease_is_claimed_again_and_a_late_failure_does_not_undo_a_delivery(database: Database) -> None:
    with receiver() as there:
        create_endpoint(database, there)
        add_events(database, [1])
        route_outbox.sweep_outbox(database)
        now = clock.now()
        first = claim(database, at=now)
        assert claim(database, at=now) == [], "the first claim has the lease"
        second = claim(database, at=now + timedelta(seconds=61))
        assert [each.message_id for each in second] == [each.message_id for each in first]
        record(database, AttemptOutcome(first[0], now, {}, status=500), at=now)
        (current,) = all_of(database)
        assert (current.state, current.attempts, current.lease_id) == ("waiting", 0, second[0].lease_id)
        record(database, AttemptOutcome(second[0], now, {}, status=200), at=now)
        record(database, AttemptOutcome(first[0], now, {}, status=500), at=now)
        (current,) = all_of(database)
        assert (current.state, current.last_status) == ("delivered", 200)


@sqlite_alone
def test_private_addresses_are_refused_when_the_request_is_made(database: Database) -> None:
    with receiver() as there:
        create_endpoint(database, there)
        add_events(database, [1])
        with sending(database, reach=Reach.INTERNET):
            wait_until(lambda: all_of(database) != [] and all_of(database)[0].attempts > 0)
    assert there.received == []
    (delivery,) = all_of(database)
    assert "private" in (delivery.last_problem or "")
    assert delivery.last_status is None


@sqlite_alone
def test_a_response_is_stored_shortened_and_without_cookies(database: Database) -> None:
    rude = (200, {"X-Rude": "a\xff", "Set-Cookie": "a=b"}, b"\x00\xff" + b"x" * 50_000)
    with receiver(lambda _came: rude) as there:
        create_endpoint(database, there)
        add_events(database, [1])
        deliver_all(database)
    (delivery,) = all_of(database)
    assert len(delivery.last_answer or "") <= 2000
    assert "Set-Cookie" not in (delivery.last_answer_headers or {})


@sqlite_alone
def test_a_test_is_delivered_to_an_endpoint_that_chose_other_topics(database: Database) -> None:
    with receiver() as there:
        secret = create_endpoint(database, there, "granular.subscribe")
        change(database, routing.send_test)
        deliver_all(database)
    (came,) = there.received
    assert came.topic == "test"
    Webhook(secret).verify(came.raw, came.headers)


@sqlite_alone
def test_after_a_rotation_the_old_secret_still_verifies_webhooks(database: Database) -> None:
    with receiver() as there:
        old = create_endpoint(database, there)
        with database.unit_of_work() as session:
            _, new = endpoints.rotate_secret(session, one_endpoint(database).id, at=clock.now(), **BY_MAX)
        add_events(database, [1])
        deliver_all(database)
    (came,) = there.received
    for secret in (old, new):
        Webhook(secret).verify(came.raw, came.headers)


@sqlite_alone
def test_a_replay_has_the_same_id(database: Database) -> None:
    with receiver() as there:
        create_endpoint(database, there)
        add_events(database, [1])
        deliver_all(database)
        (delivery,) = all_of(database)
        with database.unit_of_work() as session:
            deliveries.replay(session, delivery.endpoint_id, delivery.id, at=clock.now(), **BY_MAX)
        deliver_all(database)
    assert len(there.ids) == 2
    assert len(set(there.ids)) == 1


@sqlite_alone
def test_a_replay_goes_on_counting_the_attempts(database: Database) -> None:
    answers: list[Answer] = [(500, {}, b"oh"), OK, OK, OK]
    with receiver(lambda _came: answers.pop(0)) as there:
        create_endpoint(database, there)
        add_events(database, [1])
        deliver_all(database)
        for _ in range(2):
            (delivery,) = all_of(database)
            with database.unit_of_work() as session:
                deliveries.replay(session, delivery.endpoint_id, delivery.id, at=clock.now(), **BY_MAX)
            deliver_all(database)
    bodies = [json.loads(came.raw) for came in there.received]
    assert [body["delivery_attempts"] for body in bodies] == [1, 2, 3, 4]
    assert [body["delivery_status"] for body in bodies] == ["pending", "retry", "retry", "retry"]
    assert len({body["first_sent_at"] for body in bodies}) == 1


@sqlite_alone
def test_an_endpoint_may_ask_for_intercoms_signature_beside_the_standard_one(database: Database) -> None:
    with receiver() as there:
        secret = create_endpoint(database, there)
        add_events(database, [1])
        deliver_all(database)
        with database.unit_of_work() as session:
            endpoint_id = session.scalars(select(WebhookEndpoint.id)).one()
            endpoints.set_hub_signature(session, endpoint_id, is_on=True, at=clock.now(), **BY_MAX)
        add_events(database, [2])
        deliver_all(database)
    without, signed = there.received
    assert "x-hub-signature" not in without.headers
    expected = hmac.new(secret.encode(), signed.raw, hashlib.sha1).hexdigest()
    assert signed.headers["x-hub-signature"] == f"sha1={expected}"
    Webhook(secret).verify(signed.raw, signed.headers)


def test_old_deliveries_and_those_of_deleted_endpoints_are_purged_with_their_messages(database: Database) -> None:
    with receiver() as there:
        create_endpoint(database, there)
        add_events(database, [1, 2, 3])
        route_outbox.sweep_outbox(database)
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


def test_a_round_without_due_deliveries_waits_for_no_writer(database: Database) -> None:
    with receiver() as there:
        create_endpoint(database, there)
        sender = Sender(database, Reach.LOOPBACK_TOO)
        with database.unit_of_work() if database.is_sqlite else database.read_only():
            round_ = threading.Thread(target=sender.round)
            round_.start()
            round_.join(PATIENCE_S)
            assert not round_.is_alive(), "it waited for the writer"


@sqlite_alone
def test_the_worker_delivers_within_seconds_and_stops_on_sigterm(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    env, log = environment_of(settings) | {"ASSENT_ALLOW_LOOPBACK": "true"}, tmp_path / "worker.log"
    with receiver() as there, started("worker", env=env, log=log) as process:
        create_endpoint(database, there)
        add_events(database, [1, 1, 2])
        wait_until(lambda: waiting(database) == 0 and len(there.received) == 3)
        process.terminate()
        assert process.wait(PATIENCE_S) == 0, log.read_text()
    in_order(there)
    assert there.url not in log.read_text()


@contextmanager
def sending(database: Database, schedule: Schedule = QUICK, *, reach: Reach = Reach.LOOPBACK_TOO) -> Iterator[Sender]:
    """Sweep the outbox and run a sender."""
    route_outbox.sweep_outbox(database)
    stopping = threading.Event()
    sender = Sender(database, reach, schedule=schedule, limits=LIMITS, every_s=EVERY_S)
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


def create_endpoint(database: Database, there: Receiver, *topics: str) -> str:
    """Create an endpoint at this receiver. Returns its secret."""
    with database.unit_of_work() as session:
        chosen = topics or ("suppression.created",)
        _, secret = endpoints.create(session, there.url, chosen, reach=Reach.LOOPBACK_TOO, at=clock.now(), **BY_MAX)
        return secret


def add_events(database: Database, contact_ids: list[int]) -> None:
    """Add one event for each contact, in this order, with a note of its contact and its position."""
    with database.unit_of_work() as session:
        for position, contact_id in enumerate(contact_ids):
            payload = {"note": f"{contact_id}.{position}"}
            outbox.add(session, ["suppression.created"], contact_id=contact_id, payload=payload, at=clock.now())


def notes(there: Receiver) -> list[str]:
    return [each.item["note"] for each in there.received]


def in_order(there: Receiver) -> None:
    """Check that each contact's events arrived in their order; repeated arrivals do not count."""
    first = list(dict.fromkeys(notes(there)))
    for contact in {note.partition(".")[0] for note in first}:
        positions = [int(note.partition(".")[2]) for note in first if note.partition(".")[0] == contact]
        assert positions == sorted(positions), contact


def change(database: Database, act: Callable[..., object]) -> None:
    with database.unit_of_work() as session:
        act(session, one_endpoint(database).id, at=clock.now(), **BY_MAX)


def claim(database: Database, *, at: object) -> list[Attempt]:
    with database.unit_of_work() as session:
        endpoint = session.scalars(select(WebhookEndpoint)).one()
        return attempts.claim(session, endpoint, limit=9, lease=timedelta(seconds=60), at=at)  # type: ignore[arg-type]


def record(database: Database, outcome: AttemptOutcome, *, at: object) -> None:
    with database.unit_of_work() as session:
        attempts.record(session, [outcome], Schedule(), at=at)  # type: ignore[arg-type]


def failure(number: int, **values: object) -> AttemptOutcome:
    attempt = Attempt(1, 1, 1, "", "", (), "", {}, number, NOON, NOON + timedelta(days=3))
    return AttemptOutcome(attempt, NOON, {}, **values)  # type: ignore[arg-type]


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
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
