"""An import never weakens what people have said. On both databases."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.core import clock
from app.core.bulk import jobs
from app.core.consent import suppressions
from app.core.contacts import records
from app.core.imports import drafts, steps
from app.core.imports.fields import column_of
from app.core.imports.options import ConsentFrom, Existing, Options
from app.core.imports.setup import setup_of
from app.core.ledger.evidence import reported_by
from app.db import Database
from app.models import Consent, ConsentState, Contact, DestinationOptOut, JobState, SubscriptionType, Suppression
from tests import make
from tests.core.imports import files

PEOPLE, ROWS = 64, 200
NUMBERS = [f"+4474001234{i:02d}" for i in range(PEOPLE)]
SAID_AT = make.NOON + timedelta(hours=1)
BEFORE, AFTER = "2026-10-01", "2026-11-20"
COLUMNS = ["external_id", "phone", "email", "consent", "consent_at"]
# What a person has said or is, before the import.
STATES = ("unknown", "opted_in", "opted_out", "suppressed", "gdpr", "blocked", "shares an opt-out", "signed up anew")
WORDS = ("yes", "yes", "subscribed", "no", "", "0", "perhaps")


@pytest.mark.parametrize(("seed", "existing"), [(1, Existing.FILL), (2, Existing.OVERWRITE)])
def test_an_import_never_weakens_an_opt_out(database: Database, seed: int, existing: Existing) -> None:
    """Random people in every state, and a file that says anything about them, with any number, at any time."""
    chance = random.Random(seed)
    rows = []
    for person in chance.choices(range(PEOPLE), k=ROWS):
        number = chance.choice([NUMBERS[person], NUMBERS[person], chance.choice(NUMBERS)])
        said = (chance.choice(WORDS), chance.choice(["", BEFORE, AFTER]))
        rows.append([f"p{person}", number, f"p{person}@example.com", *said])
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        people = [_person(session, offers, i, STATES[i % len(STATES)]) for i in range(PEOPLE)]
        before = _stance(session, offers.id)
        options = Options(
            subscription_type_id=offers.id, consent=ConsentFrom.COLUMN, note=files.NOTE, existing=existing
        )
        _import(session, files.as_csv([["id", "phone", "email", "consent", "at"], *rows]), options)
        after, newly_in = _stance(session, offers.id), 0
        for contact in people:
            session.refresh(contact)
            was, now = before["consents"].get(contact.id), after["consents"].get(contact.id)
            assert was != ConsentState.OPTED_OUT or now == was
            if now == ConsentState.OPTED_IN != was:
                newly_in += 1
                assert contact.gdpr_optin is not False
                assert contact.blocked_at is None
                assert contact.phone_hash not in before["suppressed"]
                assert contact.phone_hash not in {destination for destination, _ in before["opt_outs"]}
        assert newly_in  # the rules do let some in
        assert after["suppressed"] == before["suppressed"]
        assert after["opt_outs"] >= before["opt_outs"]
        assert after["gdpr"] == before["gdpr"]


def _person(session: Any, offers: SubscriptionType, i: int, state: str) -> Contact:
    contact = make.contact(session, external_id=f"p{i}", email_address=f"p{i}@example.com", phone_number=NUMBERS[i])
    if state in {"opted_in", "opted_out", "signed up anew"}:
        make.opt_in(session, contact, offers, at=make.NOON)
    if state in {"opted_out", "signed up anew"}:
        make.opt_out(session, contact, offers, at=SAID_AT)
    if state == "signed up anew":
        make.opt_in(session, contact, offers, at=SAID_AT + timedelta(minutes=5))
    elif state == "suppressed":
        suppressions.add(session, NUMBERS[i], note="STOP", actor="agent:1", at=SAID_AT)
    elif state == "gdpr":
        records.change_gdpr_optin(
            session, contact, gdpr_optin=False, evidence=reported_by("agent:1", "asked"), at=SAID_AT
        )
    elif state == "blocked":
        records.block(session, contact, at=SAID_AT)
    elif state == "shares an opt-out":
        other = make.contact(session, external_id=f"other{i}", phone_number=NUMBERS[i])
        make.opt_out(session, other, offers, at=SAID_AT)
    return contact


def _stance(session: Any, type_id: int) -> dict[str, Any]:
    session.flush()
    opt_outs = select(DestinationOptOut.destination_hash, DestinationOptOut.contact_id)
    gdpr = select(Contact.id).where(Contact.gdpr_optin.is_(False))
    consents = select(Consent.contact_id, Consent.state).where(Consent.subscription_type_id == type_id)
    return {
        "consents": {row.contact_id: row.state for row in session.execute(consents)},
        "suppressed": set(session.scalars(select(Suppression.phone_hash))),
        "opt_outs": {(row.destination_hash, row.contact_id) for row in session.execute(opt_outs)},
        "gdpr": set(session.scalars(gdpr)),
    }


def _import(session: Any, data: bytes, options: Options) -> None:
    """The chunks of an import in the caller's transaction."""
    at = datetime(2026, 11, 26, tzinfo=UTC)
    job = drafts.create(session, "contacts.csv", len(data), actor=files.MAX, at=at)
    drafts.receive_all(session, job, [data])
    drafts.complete(session, job, at=at)
    drafts.decide(session, job, [column_of(each) for each in COLUMNS], options, at=at)
    job.state = JobState.RUNNING
    while not steps.run(session, job, clock.now()):
        pass
    assert jobs.find(session, job.id).done == data.count(b"\n") - 1
    assert setup_of(job.parameters).options == options
