"""What the hourly task deletes, and the periodic tasks of the queue."""

import math
from datetime import timedelta

import pytest
import time_machine
from huey.consumer import Consumer
from sqlalchemy import func, select, update

from app.config import Settings
from app.core import clock, outbox, rate_limits
from app.core.accounts import sessions
from app.core.bulk import files, jobs
from app.core.contacts import retention
from app.core.messenger import tokens as messenger_tokens
from app.core.site import sample_rows
from app.core.site.samples import SiteReports
from app.db import Database
from app.jobs import housekeeping, worker
from app.jobs.queue import open_queue
from app.models import (
    AgentSession,
    Confirmation,
    ConsentEvent,
    ConsentEvidence,
    FilePurpose,
    JobFile,
    JobKind,
    OutboxEvent,
    RateCounter,
    SiteCountKind,
)
from tests import make


def test_only_expired_rate_counters_are_deleted(database: Database) -> None:
    now = clock.now()
    with database.unit_of_work() as session:
        rate_limits.hit(session, {"number:old": 5}, window_s=3600, at=now - timedelta(hours=3))
        rate_limits.hit(session, {"number:new": 5}, window_s=3600, at=now)
    assert housekeeping.delete_expired(database).rate_counters == 1
    with database.read_only() as session:
        assert session.scalars(select(RateCounter.bucket)).all() == ["number:new"]


def test_routed_events_are_deleted_after_thirty_days_and_waiting_ones_never(database: Database) -> None:
    now = clock.now()
    with database.unit_of_work() as session:
        for age_days, is_routed in ((31, True), (29, True), (400, False)):
            at = now - timedelta(days=age_days)
            outbox.add(session, ["contact.created"], contact_id=None, payload={"age": age_days}, at=at)
            if is_routed:
                newest = session.scalar(select(func.max(OutboxEvent.id)))
                session.execute(update(OutboxEvent).where(OutboxEvent.id == newest).values(routed_at=at))
    assert housekeeping.delete_expired(database).outbox_events == 1
    with database.read_only() as session:
        kept = session.scalars(select(OutboxEvent).order_by(OutboxEvent.id)).all()
        assert [event.payload["age"] for event in kept] == [29, 400]


def test_tokens_of_visitors_who_did_not_return_are_deleted(database: Database) -> None:
    now = clock.now()
    with database.unit_of_work() as session:
        for name, age_days in (("new", 1), ("old", 401)):
            lead = make.contact(session)
            messenger_tokens.store(session, name, lead.id, at=now - timedelta(days=age_days))
    assert housekeeping.delete_expired(database).messenger_tokens == 1
    with database.read_only() as session:
        assert messenger_tokens.lead_of(session, "new")
        assert messenger_tokens.lead_of(session, "old") is None


def test_sessions_of_agents_are_deleted_after_thirty_days(database: Database) -> None:
    now = clock.now()
    with database.unit_of_work() as session:
        ana = make.agent(session)
        for age_days in (29, 30):
            at = now - timedelta(days=age_days)
            sessions.start(session, ana, ip_address=None, user_agent="", at=at)
    assert housekeeping.delete_expired(database).agent_sessions == 1
    with database.read_only() as session:
        (kept,) = session.scalars(select(AgentSession.created_at))
    assert kept == now - timedelta(days=29)


def test_what_websites_sent_is_deleted_after_thirty_days(database: Database) -> None:
    now = clock.now()
    with database.unit_of_work() as session:
        for age_days in (31, 29):
            reports = SiteReports()
            reports.see("https://shop.example.com", f"/{age_days}")
            reports.count(SiteCountKind.IDENTITY, "unknown_key")
            sample_rows.write_waiting(session, reports, at=now - timedelta(days=age_days))
    deleted = housekeeping.delete_expired(database)
    assert (deleted.site_samples, deleted.site_counts) == (1, 1)
    with database.read_only() as session:
        assert [page.path for page in sample_rows.find(session)] == ["/29"]


def test_the_queue_uses_the_engine_of_the_database_and_has_the_periodic_tasks(
    settings: Settings, database: Database
) -> None:
    queue = open_queue(settings, database)
    worker.schedule(queue, database, settings)
    again = open_queue(settings, database)
    assert (settings.instance / "huey.db").exists() == database.is_sqlite
    names = {type(task).__name__ for task in queue._registry.periodic_tasks}
    assert names == {
        "count_reach",
        "count_segments",
        "delete_expired",
        "erase_old_evidence",
        "expire_confirmations",
        "fail_late_webhooks",
        "mail_waiting",
        "merge_form_counts",
        "publish_head",
        "purge_erased",
    }
    night = clock.now().replace(hour=3, minute=23, tzinfo=None)
    assert "erase_old_evidence" in {type(task).__name__ for task in queue.read_periodic(night)}
    due: dict[str, list[int]] = {}
    for minute in range(60):
        for task in queue.read_periodic(clock.now().replace(hour=12, minute=minute, tzinfo=None)):
            due.setdefault(type(task).__name__, []).append(minute)
    every_minute = list(range(60))
    assert due == {
        "delete_expired": [17],
        "merge_form_counts": [37],
        "publish_head": [17],
        "purge_erased": [47],
        "count_reach": every_minute,
        "count_segments": every_minute,
        "expire_confirmations": every_minute,
        "fail_late_webhooks": every_minute,
        "mail_waiting": every_minute,
    }
    for each in (queue, again):
        each.storage.close()


def test_a_stop_ends_the_other_threads_before_it_waits_for_jobs(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    monkeypatch.setattr(Consumer, "stop", lambda *_seen, **_options: order.append("jobs"))
    queue = open_queue(settings, database)
    worker._GracefulConsumer(queue, stop_threads=lambda: order.append("threads")).stop(graceful=True)
    queue.storage.close()
    assert order == ["threads", "jobs"]


@pytest.mark.databases("sqlite")  # the shared PostgreSQL database has no tables of Huey
def test_each_part_of_the_retention_adds_the_next_one_to_the_queue(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "WINDOW", 2)
    monkeypatch.setattr(retention, "CHUNK_S", math.inf)  # a slow machine needs no further parts
    old = clock.now().replace(year=clock.now().year - 6, day=1)
    with time_machine.travel(old, tick=False), database.unit_of_work() as session:
        kind = make.live_type(session)
        for number in range(3):
            sam = make.contact(session, phone_number=f"+1202555010{number}")
            make.opt_out(session, sam, kind, at=old)
    queue = open_queue(settings, database)
    worker.schedule(queue, database, settings)
    (nightly,) = (each for each in queue._registry.periodic_tasks if type(each).__name__ == "erase_old_evidence")
    queue.execute(nightly)
    parts = 0
    while (part := queue.dequeue()) is not None:
        parts += 1
        queue.execute(part)
    assert parts == 1  # three events, two in the first part
    with database.read_only() as session:
        is_kept = ConsentEvidence.erased_at.is_(None) & (ConsentEvent.action != "erase")
        left = select(func.count()).select_from(ConsentEvidence).join(ConsentEvent).where(is_kept)
        assert session.scalar(left) == 0
    queue.storage.close()


@pytest.mark.databases("sqlite")
def test_a_clock_that_is_years_ahead_for_some_minutes_erases_and_ends_nothing(
    settings: Settings, database: Database
) -> None:
    with time_machine.travel(make.NOON, tick=False) as now:
        with database.unit_of_work() as session:
            kind, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
            make.opt_out(session, sam, kind, at=clock.now())
            messenger_tokens.store(session, "sam", sam.id, at=clock.now())
            lead = make.contact(session, phone_number="+12025550188")
            make.pending_confirmation(session, lead, kind)
            job = jobs.create(session, JobKind.EXPORT, {}, actor="agent:1", at=clock.now())
            files.create(session, job, FilePurpose.RESULT, "contacts.csv", "text/csv", at=clock.now())
        queue = open_queue(settings, database)
        worker.schedule(queue, database, settings)
        tasks = {type(each).__name__: each for each in queue._registry.periodic_tasks}

        def run_by_age() -> tuple[int, bool, int, int]:
            """Run the tasks; returns how much evidence is erased, and which of token, file and opt-in still wait."""
            for name in ("expire_confirmations", "fail_late_webhooks", "delete_expired", "erase_old_evidence"):
                queue.execute(tasks[name])
            with database.read_only() as session:
                erased = select(func.count()).where(ConsentEvidence.erased_at.is_not(None))
                is_known = messenger_tokens.lead_of(session, "sam") is not None
                waiting = session.scalars(select(Confirmation.id).where(Confirmation.state == "pending")).all()
                return session.scalar(erased) or 0, is_known, session.query(JobFile).count(), len(waiting)

        assert run_by_age() == (0, True, 1, 1)
        now.shift(timedelta(days=6 * 366))
        assert run_by_age() == (0, True, 1, 1), "years ahead"
        now.shift(timedelta(minutes=50))
        assert run_by_age() == (0, True, 1, 1), "still ahead"
        now.shift(timedelta(days=1))
        assert run_by_age() == (1, False, 0, 0), "the years have passed"
        queue.storage.close()
