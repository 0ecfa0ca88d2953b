"""Jobs that tag, untag and archive contacts, and their undo."""

from sqlalchemy import select, update

from app.core.bulk import jobs
from app.core.contacts import profile, tags
from app.db import Database
from app.models import AuditEntry, BulkJobItem, Contact, ContactTag, JobKind, OutboxEvent
from tests import make
from tests.core.bulk.test_consent_steps import run, undo


def tagged(database: Database) -> list[tuple[int, str, object]]:
    with database.read_only() as session:
        rows = session.execute(select(ContactTag.contact_id, ContactTag.created_by, ContactTag.created_at))
        return sorted(tuple(row) for row in rows)


def undone(database: Database, job_id: int) -> dict[int, str | None]:
    with database.read_only() as session:
        query = select(BulkJobItem.contact_id, BulkJobItem.undo_outcome).where(BulkJobItem.job_id == job_id)
        return {row.contact_id: row.undo_outcome for row in session.execute(query)}


def test_a_tag_is_attached_to_many_and_an_undo_takes_it_from_those_alone(database: Database) -> None:
    with database.unit_of_work() as session:
        sam, eve, ana = (make.contact(session) for _ in range(3))
        vip = tags.create(session, "VIP", actor="agent:1", at=make.NOON)
        tags.attach(session, ana.public_id, vip.id, actor="agent:3", at=make.NOON)
    had = tagged(database)
    dry = run(database, JobKind.TAG, tag="vip", is_dry_run=True)
    assert tagged(database) == had
    job_id = run(database, JobKind.TAG, tag="vip")
    with database.unit_of_work() as session:
        for each in (dry, job_id):
            assert (jobs.find(session, each).changed, jobs.find(session, each).unchanged) == (2, 1)
        published = select(OutboxEvent.contact_id).where(OutboxEvent.topic == "contact.updated")
        assert sorted(session.scalars(published)) == [sam.id, eve.id]
        assert len(session.scalars(select(AuditEntry).where(AuditEntry.action == "contact.tagged")).all()) == 1
        tags.detach(session, eve.public_id, vip.id, actor="agent:3", at=make.NOON)
        tags.attach(session, eve.public_id, vip.id, actor="agent:3", at=make.NOON)
    undo(database, job_id)
    assert undone(database, job_id) == {sam.id: "restored", eve.id: "changed_since", ana.id: None}
    assert [row[0] for row in tagged(database)] == sorted([eve.id, ana.id])


def test_a_tag_is_detached_from_many_and_an_undo_gives_it_back_as_it_was(database: Database) -> None:
    with database.unit_of_work() as session:
        sam, eve, _ = (make.contact(session) for _ in range(3))
        vip = tags.create(session, "VIP", actor="agent:1", at=make.NOON)
        for each in (sam, eve):
            tags.attach(session, each.public_id, vip.id, actor="agent:3", at=make.NOON)
    had = tagged(database)
    job_id = run(database, JobKind.UNTAG, tag="VIP")
    assert tagged(database) == []
    undo(database, job_id)
    assert tagged(database) == had


def test_many_are_archived_and_an_undo_brings_back_those_that_nobody_touched(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER, email_address="sam@example.com")
        eve = make.contact(session, phone_number=make.EVES_NUMBER)
        ana = make.contact(session, email_address="ana@example.com")
    job_id = run(database, JobKind.ARCHIVE)
    with database.unit_of_work() as session:
        assert {each.sms_block for each in session.scalars(select(Contact))} == {"archived"}
        profile.unarchive(session, session.get_one(Contact, eve.id), actor="agent:3", at=make.NOON)
        make.contact(session, email_address="ana@example.com")
        session.execute(update(Contact).where(Contact.id == sam.id).values(blocked_at=make.NOON))
    undo(database, job_id)
    with database.read_only() as session:
        found = undone(database, job_id)
        assert found == {sam.id: "restored", eve.id: "changed_since", ana.id: "address_taken"}
        assert session.get_one(Contact, sam.id).archived_at is None
        assert session.get_one(Contact, sam.id).sms_block == "blocked"
        assert session.get_one(Contact, ana.id).archived_at is not None
