"""Jobs that subscribe and unsubscribe contacts, run as the worker runs them."""

import threading
from typing import Any

import pytest
from sqlalchemy import func, select

from app.core import clock
from app.core.bulk import changes, consent_steps, jobs
from app.core.bulk.changes import Change
from app.core.consent import suppressions
from app.core.ledger import verify
from app.db import Database
from app.jobs import run_bulk_jobs
from app.models import (
    Channel,
    Consent,
    ConsentEvent,
    ConsentType,
    JobKind,
    JobState,
    SuppressionCause,
)
from bench import bulk_kills
from tests import make
from tests.core.consent import worlds
from tests.installations import SECRET_KEY, Installation

MAX = "agent:1"


def run(database: Database, kind: JobKind, *, is_dry_run: bool = False, **values: Any) -> int:
    with database.unit_of_work() as session:
        change = Change(kind, {"query": None}, note="a paper list", is_dry_run=is_dry_run, **values)
        job_id = changes.create(session, change, actor=MAX, at=make.NOON).id
    run_bulk_jobs.run_until_done(database, job_id)
    return job_id


def undo(database: Database, job_id: int) -> None:
    with database.unit_of_work() as session:
        job = jobs.lock(session, job_id)
        jobs.request_undo(session, job, actor="agent:2", at=job.finished_at or make.NOON)
    run_bulk_jobs.run_until_done(database, job_id)


def test_a_job_goes_through_all_contacts_in_chunks_and_counts_by_reason(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consent_steps, "CHUNK", 2)
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        people = [make.contact(session, phone_number=f"+1202555{100 + n:04}") for n in range(4)]
        nobody = make.contact(session)
        make.opt_out(session, people[0], offers)
    preview = run(database, JobKind.SUBSCRIBE, subscription_type_id=offers.id, is_dry_run=True)
    job_id = run(database, JobKind.SUBSCRIBE, subscription_type_id=offers.id)
    with database.read_only() as session:
        for each in (preview, job_id):
            job = jobs.find(session, each)
            assert (job.state, job.total, job.done, job.changed) == (JobState.DONE, 5, 5, 3)
            assert job.skipped == {"opted_out": 1, "no_phone": 1}
        examples = jobs.find(session, preview).position["examples"]
        assert examples == {
            "opted_out": [people[0].id],
            "changed": [each.id for each in people[1:]],
            "no_phone": [nobody.id],
        }
    undo(database, job_id)
    with database.read_only() as session:
        job = jobs.find(session, job_id)
        assert (job.state, job.undo["changed"], job.undo["skipped"]) == (JobState.UNDONE, 3, {})  # type: ignore[index]


class Killed(Exception):
    """The process ends here."""


def test_a_chunk_that_ends_at_any_statement_changes_nothing_and_is_repeated(database: Database) -> None:
    with database.unit_of_work() as session:
        world = worlds.build(session, worlds.TYPES[0], [(make.SAMS_NUMBER, None), (make.EVES_NUMBER, None)])
        worlds.live(session, world, [(0, "opt_in"), (1, "opt_in")])
        change = Change(
            JobKind.UNSUBSCRIBE, {"query": None}, subscription_type_id=world.subscription_type.id, note="a paper list"
        )
        job_id = changes.create(session, change, actor=MAX, at=make.NOON).id
        before, last = worlds.rows(session), worlds.last_event(session)
    statements: list[str] = []
    database.trace = statements.append
    for place in range(100):
        statements.clear()

        def end(text: str, place: int = place) -> None:
            statements.append(text)
            if len(statements) > place:
                raise Killed

        database.trace = end
        try:
            run_bulk_jobs.run_part(database, job_id, "one")
            break
        except Killed:
            database.trace = None
            with database.unit_of_work() as session:
                assert worlds.rows(session) == before, statements
                job = jobs.lock(session, job_id)
                assert job.done == 0
                job.attempts, job.state = 0, JobState.QUEUED  # as a killed process leaves it
    database.trace = None
    assert place > 10
    with database.read_only() as session:
        assert jobs.find(session, job_id).changed == len(worlds.new_events(session, last)) == 2
    assert verify.verify(database).mismatches.count == 0


def test_people_who_act_while_a_job_runs_have_the_last_word(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consent_steps, "CHUNK", 3)
    with database.unit_of_work() as session:
        offers = make.live_type(session, channel=Channel.SMS, consent_type=ConsentType.OPT_IN)
        numbers = (make.SAMS_NUMBER, make.EVES_NUMBER)
        people = [make.contact(session, phone_number=numbers[place % 2]) for place in range(12)]
        for each in people:
            make.opt_in(session, each, offers)
    failed: list[Exception] = []

    def act(name: str) -> None:
        try:
            for each in reversed(people):
                with database.unit_of_work() as session:
                    if name == "stop":
                        number = str(each.phone)
                        suppressions.suppress(
                            session, number, SuppressionCause.KEYWORD, "", actor="contact", at=clock.now()
                        )
                        suppressions.find(session, str(each.phone_hash)).cause = SuppressionCause.MANUAL
                    else:
                        make.opt_in(session, each, offers, at=clock.now())
        except Exception as error:
            failed.append(error)

    acting = [threading.Thread(target=act, args=(name,)) for name in ("stop", "opt_in")]
    for each in acting:
        each.start()
    job_id = run(database, JobKind.UNSUBSCRIBE, subscription_type_id=offers.id)
    for each in acting:
        each.join()
    assert failed == []
    with database.read_only() as session:
        assert jobs.find(session, job_id).done == 12
        newest = select(func.max(ConsentEvent.id)).where(ConsentEvent.contact_id.is_not(None))
        by_contact = session.execute(newest.group_by(ConsentEvent.contact_id)).scalars()
        assert sorted(session.scalars(select(Consent.event_id))) == sorted(by_contact)


@pytest.mark.own_database
def test_a_job_whose_worker_is_killed_changes_each_contact_once(installation: Installation) -> None:
    database, settings = installation.database, installation.settings
    environ = {"ASSENT_INSTANCE": str(settings.instance), "ASSENT_SECRET_KEY": SECRET_KEY}
    environ |= {"ASSENT_DATABASE_URL": settings.database_url}
    type_id = bulk_kills.populate(database, 4_400)  # two chunks
    run_bulk_jobs.run_until_done(database, bulk_kills.start(database, JobKind.SUBSCRIBE, type_id))
    job_id = bulk_kills.start(database, JobKind.UNSUBSCRIBE, type_id)
    assert bulk_kills.run_with_kills(database, environ, job_id, kills=1, lease_s=0.2) == 1
    assert bulk_kills.checked(database, job_id)["contacts"] == 4_400
