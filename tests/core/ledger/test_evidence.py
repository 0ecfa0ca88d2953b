"""Evidence is hashed, and erased without touching its event."""

import hashlib

from sqlalchemy import select

from app.core.ledger import events, evidence
from app.core.ledger.canonical import canonical_json
from app.db import Database
from app.models import Action, ConsentEvent, ConsentEvidence
from tests import make

COLUMNS = ("destination", "ip_address", "user_agent", "origin", "page", "locale", "wording_hash", "note", "details")


def test_an_event_carries_the_hash_of_its_salted_evidence(database: Database) -> None:
    event, row = recorded(database)
    columns = {name: getattr(row, name) for name in COLUMNS}
    assert row.salt is not None
    assert event.evidence_hash == evidence.hash_of(columns, row.salt)
    assert event.evidence_hash == hashlib.sha256(row.salt + canonical_json(columns)).digest()
    for name in COLUMNS:
        assert evidence.hash_of(columns | {name: "other"}, row.salt) != event.evidence_hash, name


def test_erasing_evidence_clears_it_and_keeps_its_event(database: Database) -> None:
    before, _ = recorded(database)
    with database.unit_of_work() as session:
        evidence.erase(session, before.contact_id or 0, at=make.NOON)
        evidence.erase(session, before.contact_id or 0, at=make.NOON)
    with database.read_only() as session:
        event, row = session.scalars(select(ConsentEvent)).one(), session.scalars(select(ConsentEvidence)).one()
        assert {getattr(row, name) for name in (*COLUMNS, "salt")} == {None}
        assert row.erased_at == make.NOON
        assert event.evidence_hash == before.evidence_hash


def test_erasing_a_number_clears_the_evidence_of_events_that_name_no_contact(database: Database) -> None:
    with database.unit_of_work() as session:
        for phone_hash in ("sam", "eve"):
            events.record(
                session,
                Action.SUPPRESS,
                events.Subject(None, None, make.SAMS_NUMBER, phone_hash),
                make.evidence(note="By letter."),
                at=make.NOON,
            )
        evidence.erase_of_number(session, "sam", at=make.NOON)
    with database.read_only() as session:
        assert session.scalars(select(ConsentEvidence.note).order_by(ConsentEvidence.event_id)).all() == [
            None,
            "By letter.",
        ]


def recorded(database: Database) -> tuple[ConsentEvent, ConsentEvidence]:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        how = make.evidence(ip_address="203.0.113.9", note="at the till", details={"plan": ["a", 1]}, page="x" * 3000)
        make.opt_in(session, sam, make.live_type(session), evidence=how)
    with database.read_only() as session:
        return session.scalars(select(ConsentEvent)).one(), session.scalars(select(ConsentEvidence)).one()
