"""Webhooks over days, with a clock that the test sets: retries, pauses, giving up, replays."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app import http_client as http
from app.core import outbox
from app.core.webhooks import attempts, deliveries, endpoints, routing
from app.core.webhooks.attempts import Attempt, AttemptOutcome, Schedule
from app.core.webhooks.endpoints import EndpointChange
from app.db import Database
from app.http_client import Reach
from app.jobs import deliver_webhooks
from app.jobs.deliver_webhooks import Sender
from app.models import WebhookDelivery, WebhookEndpoint, WebhookMessage
from tests.make import NOON

BY_MAX = {"actor": "agent:1"}
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


class Days:
    """One endpoint and its deliveries, without a network: each attempt ends with ``status``."""

    def __init__(self, database: Database) -> None:
        self.database, self.now, self.sent = database, NOON, list[Attempt]()
        self.status, self.retry_after_s = 500, 0.0
        with database.unit_of_work() as session:
            reach, topics = Reach.INTERNET, ["suppression.created"]
            url = "https://hooks.example.com/"
            self.endpoint_id = endpoints.create(session, url, topics, reach=reach, at=NOON, **BY_MAX)[0].id

    def add_events(self, contact_ids: list[int]) -> None:
        with self.database.unit_of_work() as session:
            for contact_id in contact_ids:
                outbox.add(session, ["suppression.created"], contact_id=contact_id, payload={}, at=self.now)
            events = outbox.unrouted(session, limit=10_000)
            routing.route(session, events, at=self.now)
            outbox.mark_routed(session, events, at=self.now)

    def run_until(self, until: datetime, step: timedelta) -> None:
        """Do the work of a worker once every ``step``."""
        while self.now < until:
            self.now += step
            self.round()
            with self.database.unit_of_work() as session:
                deliveries.give_up(session, deliveries.late(session, at=self.now), at=self.now)

    def round(self) -> list[Attempt]:
        with self.database.unit_of_work() as session:
            begun: list[Attempt] = []
            for endpoint in attempts.due(session, at=self.now):
                limit = 1 if endpoint.consecutive_failures >= attempts.PAUSE_AFTER else 12
                begun += attempts.claim(session, endpoint, limit=limit, lease=MINUTE, at=self.now)
            ended = [
                AttemptOutcome(each, self.now, {}, status=self.status, retry_after_s=self.retry_after_s)
                for each in begun
            ]
            attempts.record(session, ended, Schedule(), at=self.now)
        self.sent += begun
        return begun

    def act(self, change: object, *arguments: object) -> object:
        with self.database.unit_of_work() as session:
            return change(session, self.endpoint_id, *arguments, at=self.now, **BY_MAX)  # type: ignore[operator]

    def counts(self) -> dict[str, int]:
        with self.database.read_only() as session:
            rows = session.execute(select(WebhookDelivery.state, func.count()).group_by(WebhookDelivery.state))
            return {row[0]: row[1] for row in rows}

    def all_of(self) -> list[WebhookDelivery]:
        with self.database.read_only() as session:
            return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))

    def paused_until(self) -> datetime | None:
        with self.database.read_only() as session:
            return session.get_one(WebhookEndpoint, self.endpoint_id).paused_until


@pytest.fixture
def days(database: Database) -> Days:
    return Days(database)


def test_at_a_dead_endpoint_every_delivery_fails_after_three_days_attempted_or_not(days: Days) -> None:
    days.add_events(list(range(1, 61)))
    days.run_until(NOON + 3 * DAY - 120 * MINUTE, 120 * MINUTE)
    assert days.counts() == {"waiting": 60}
    days.run_until(NOON + 3 * DAY + 60 * MINUTE, 60 * MINUTE)
    assert days.counts() == {"failed": 60}
    untried = [each for each in days.all_of() if each.attempts == 0]
    assert len(untried) > 10
    assert all("never sent" in (each.last_problem or "") for each in untried)
    assert all(each.last_problem is None for each in days.all_of() if each.attempts), (
        "the problem of a real attempt is kept"
    )
    days.status = 200
    assert days.act(deliveries.replay_failed) == 60
    days.run_until(days.now + 20 * MINUTE, MINUTE)
    assert days.counts() == {"delivered": 60}


def test_deliveries_at_a_disabled_endpoint_fail_too_and_get_three_more_days_once_it_is_enabled(
    days: Days,
) -> None:
    days.add_events([1])
    days.act(endpoints.disable)
    days.now += 2 * DAY
    days.act(endpoints.enable)
    days.act(endpoints.disable)
    days.run_until(NOON + 4 * DAY, DAY)
    assert days.counts() == {"waiting": 1}
    days.run_until(NOON + 6 * DAY, DAY)
    assert days.counts() == {"failed": 1}


def test_a_leased_delivery_is_not_late_before_its_lease_ends(days: Days, database: Database) -> None:
    days.add_events([1])
    days.now = NOON + 3 * DAY
    with database.unit_of_work() as session:
        (endpoint,) = attempts.due(session, at=days.now)
        (attempt,) = attempts.claim(session, endpoint, limit=1, lease=MINUTE, at=days.now)
        assert deliveries.late(session, at=days.now) == []
        assert deliveries.late(session, at=days.now + MINUTE) == [attempt.delivery_id]
        deliveries.give_up(session, [attempt.delivery_id], at=days.now)
        attempts.record(session, [AttemptOutcome(attempt, days.now, {}, status=200)], Schedule(), at=days.now)
    assert days.counts() == {"delivered": 1}


def test_a_waiting_delivery_is_never_purged(days: Days, database: Database) -> None:
    days.add_events([1, 2])
    days.now = NOON + 29 * DAY
    with database.unit_of_work() as session:
        deliveries.give_up(session, deliveries.late(session, at=days.now), at=days.now)
    first = days.all_of()[0].id
    days.act(deliveries.replay, first)
    with database.unit_of_work() as session:
        assert deliveries.purge_expired(session, created_before=NOON + DAY) == 2
        assert session.scalars(select(WebhookDelivery.id)).all() == [first]
        assert len(session.scalars(select(WebhookMessage)).all()) == 1


@pytest.mark.parametrize("request_", ["test", "replay of a waiting one", "replay of a delivered one"])
def test_a_test_or_replay_is_sent_immediately_though_the_endpoint_is_paused(days: Days, request_: str) -> None:
    days.status = 200
    days.add_events([500])
    (delivered,) = days.round()
    days.status = 500
    days.add_events([*range(1, 31), 1])
    days.run_until(NOON + 60 * MINUTE, MINUTE)
    paused = days.paused_until()
    assert paused
    assert paused > days.now
    assert days.round() == []
    tried = max((each for each in days.all_of() if each.state == "waiting"), key=lambda each: each.attempts)
    if request_ == "test":
        wanted = days.act(routing.send_test)
    else:
        wanted = tried.id if "waiting" in request_ else delivered.delivery_id
        days.act(deliveries.replay, wanted)
    assert [each.delivery_id for each in days.round()] == [wanted], "only this one: the endpoint is still failing"
    assert (days.paused_until() or days.now) > days.now, "and is paused again"
    assert days.round() == []
    assert days.all_of()[0].attempts + days.all_of()[-1].attempts > 0


def test_deliveries_that_waited_for_a_replayed_one_are_due_immediately(days: Days) -> None:
    days.add_events([1, 1])
    days.run_until(NOON + 40 * MINUTE, MINUTE)
    days.status = 200
    first, second = days.all_of()
    assert second.next_attempt_at > days.now
    days.act(deliveries.replay, first.id)
    assert [each.delivery_id for each in days.round() + days.round()] == [first.id, second.id]


@pytest.mark.parametrize("status", [429, 503])
def test_an_endpoint_that_sent_retry_after_gets_no_request_until_then(days: Days, status: int) -> None:
    days.status, days.retry_after_s = status, 900
    days.add_events([1])
    assert len(days.round()) == 1
    days.add_events([2, 3])
    days.status = 200
    days.now = NOON + 14 * MINUTE
    assert days.round() == []
    days.now = NOON + 15 * MINUTE
    assert {each.ordering_key for each in days.round()} >= {2, 3}
    days.status, days.retry_after_s = 429, 10**7
    days.add_events([4])
    days.round()
    assert days.paused_until() == days.now + timedelta(hours=1), "an hour at most"


def test_a_success_does_not_end_a_pause_that_the_endpoint_requested(days: Days, database: Database) -> None:
    days.add_events([1, 2])
    with database.unit_of_work() as session:
        (endpoint,) = attempts.due(session, at=NOON)
        first, second = attempts.claim(session, endpoint, limit=9, lease=MINUTE, at=NOON)
        for each, status in ((first, 429), (second, 200)):
            outcome = AttemptOutcome(each, NOON, {}, status=status, retry_after_s=60)
            attempts.record(session, [outcome], Schedule(), at=NOON)
    assert days.paused_until() == NOON + MINUTE


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("Mon, 02 Nov 2026 12:01:00 GMT", 60),
        ("Monday, 02-Nov-26 12:01:00 GMT", 60),
        ("Mon, 02 Nov 2026 12:01:00", 60),
        ("Mon, 02 Nov 2026 11:00:00 GMT", 0),
        ("soon", 0),
        ("-5", 0),
        ("", 0),
        ("Mon, 99 Nov 2026 12:01:00 GMT", 0),
        ("Mon, 02 Nov 99999999999 12:01:00 GMT", 0),
    ],
)
def test_retry_after_is_read_in_seconds_or_as_a_date(header: str, seconds: float) -> None:
    answer = http.Response(503, {"Retry-After": header}, b"", is_cut=False, duration_ms=1)
    assert deliver_webhooks._retry_after_s(answer, at=datetime(2026, 11, 2, 12, tzinfo=UTC)) == seconds


def test_waiting_deliveries_are_sent_to_a_new_address_immediately(days: Days) -> None:
    days.add_events([1, 2])
    days.run_until(NOON + 30 * MINUTE, MINUTE)
    assert all(each.next_attempt_at > days.now for each in days.all_of())
    with days.database.unit_of_work() as session:
        url = "https://other.example.com/"
        endpoints.change(session, days.endpoint_id, EndpointChange(url), reach=Reach.INTERNET, at=days.now, **BY_MAX)
    assert [each.url for each in days.round()] == [url, url]


def test_slow_endpoints_and_a_new_one_get_fair_shares_of_the_requests(database: Database) -> None:
    sender = Sender(database, Reach.INTERNET)
    slow = [WebhookEndpoint(id=number, consecutive_failures=0) for number in range(1, 7)]
    failing, healthy = (
        WebhookEndpoint(id=8, consecutive_failures=attempts.PAUSE_AFTER),
        WebhookEndpoint(id=7, consecutive_failures=0),
    )
    shares = sender._free(slow)
    assert {count for _, count in shares} == {10}
    for endpoint, count in shares:
        sender._running[endpoint.id] = count
    assert sender._free([*slow, healthy]) == [(healthy, 4)], "all that is left"
    assert sender._free([healthy, failing]) == [(healthy, 4), (failing, 1)]
    for endpoint in slow:
        sender._running[endpoint.id] = 8
    assert sender._free([*slow, healthy]) == [(each, 1) for each in slow] + [(healthy, 9)]
    alone = Sender(database, Reach.INTERNET)
    assert alone._free([healthy]) == [(healthy, deliver_webhooks.REQUESTS_PER_ENDPOINT)]


def test_counts_stop_at_their_maximum(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    days.add_events([1, 2, 3])
    monkeypatch.setattr(endpoints, "COUNT_MAX", 2)
    with days.database.read_only() as session:
        found = endpoints.find_all(session)
        assert endpoints.counts(session, found)[days.endpoint_id] == endpoints.Counts(waiting=2)
        assert endpoints.counts(session, []) == {}
