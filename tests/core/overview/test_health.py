"""Health tells what waits, since when, and what fails."""

from datetime import timedelta

from app.core import outbox
from app.core.ledger import sealing
from app.core.overview import health
from app.core.problems import failures
from app.core.webhooks import endpoints, routing
from app.db import Database
from app.http_client import Reach
from app.jobs.route_outbox import sweep_outbox
from app.models import DeliveryState, FailureKind, WebhookDelivery
from tests import make

LATER = make.NOON + timedelta(hours=1)


def test_a_quiet_installation_waits_for_nothing(database: Database) -> None:
    with database.read_only() as session:
        found = health.read(session, at=make.NOON)
    assert (found.outbox_waiting, found.webhooks_waiting, found.unsent_since, found.failed_jobs) == (0, 0, None, 0)
    assert (found.bulk_jobs_waiting, found.bulk_jobs_running) == (0, 0)
    assert found.sealing.events == 0
    assert not found.is_sealing_late
    assert found.is_worker_silent


def test_what_waits_counts_from_its_oldest_on(database: Database) -> None:
    with database.unit_of_work() as session:
        url = "https://shop.example.com/hooks"
        shop = endpoints.create(
            session, url, ["granular.subscribe"], reach=Reach.INTERNET, actor="agent:1", at=make.NOON
        )
        sam = make.contact(session, phone_number=make.SAMS_NUMBER, at=LATER)
        make.opt_in(session, sam, make.live_type(session), at=LATER)
    with database.read_only() as session:
        found = health.read(session, at=LATER)
    assert (found.outbox_waiting, found.webhooks_waiting, found.unsent_since) == (2, 0, LATER)
    sweep_outbox(database)
    with database.unit_of_work() as session:
        failed = session.get_one(WebhookDelivery, routing.send_test(session, shop[0].id, actor="agent:1", at=make.NOON))
        failed.state = DeliveryState.FAILED
        shop[0].consecutive_failures = 2
        session.merge(shop[0])
        failures.record(session, FailureKind.JOB, "purge_erased", OSError("disk full"), at=make.NOON)
        assert not outbox.is_waiting(session)
    with database.read_only() as session:
        found = health.read(session, at=LATER)
        waiting = session.get_one(WebhookDelivery, failed.id - 1).created_at
    assert (found.outbox_waiting, found.webhooks_waiting, found.webhooks_failed) == (0, 1, 1)
    assert (found.unsent_since, found.endpoints_failing, found.failed_jobs, found.failed_mails) == (waiting, 1, 1, 0)


def test_sealing_is_late_when_an_event_waits_longer_than_half_a_minute(database: Database) -> None:
    with database.unit_of_work() as session:
        make.opt_in(session, make.contact(session, phone_number=make.SAMS_NUMBER), make.live_type(session))
    with database.read_only() as session:
        waits_since = health.read(session, at=make.NOON).sealing.oldest_recorded_at
        assert waits_since is not None
        at = waits_since + health.SEALED_WITHIN
        assert not health.read(session, at=at).is_sealing_late
        assert health.read(session, at=at + timedelta(seconds=1)).is_sealing_late
    sealing.seal(database)
    with database.read_only() as session:
        assert not health.read(session, at=at + timedelta(days=1)).is_sealing_late
