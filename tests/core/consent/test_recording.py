"""Events about a person or a number, and what follows from them."""

from datetime import timedelta

from sqlalchemy import select

from app.core.consent import eligibility, locking, suppressions
from app.core.consent.eligibility import Reason
from app.core.contacts import erase, merge
from app.core.contacts import records as contacts
from app.core.subscriptions import attachments
from app.db import Database
from app.models import ConsentEvent, ConsentEvidence, Source
from tests import make


def test_a_backdated_opt_in_counts_for_the_number_of_then(database: Database) -> None:
    now = make.NOON + timedelta(days=9)
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        for day, number in ((2, make.EVES_NUMBER), (5, make.BRITISH_NUMBER)):
            contacts.change_phone(session, sam, number, at=make.NOON + timedelta(days=day))
        then = make.evidence(Source.API, occurred_at=make.NOON + timedelta(days=3))
        attachments.attach(session, sam.public_id, offers.id, "opt_in", then, at=now)
        assert eligibility.status(session, sam, offers).reasons == (Reason.NUMBER_CHANGED,)
        contacts.change_phone(session, sam, make.EVES_NUMBER, at=now)
        assert eligibility.status(session, sam, offers).is_reachable


def test_the_ledger_names_changes_of_numbers_merges_and_suppressions(database: Database) -> None:
    with database.unit_of_work() as session:
        sam, eve = (make.contact(session, phone_number=make.SAMS_NUMBER) for _ in range(2))
        contacts.change_phone(session, sam, make.SAMS_NUMBER, at=make.NOON)
        contacts.change_phone(session, sam, make.EVES_NUMBER, at=make.NOON)
        merge.merge(session, eve.public_id, sam.public_id, actor="api:1", at=make.NOON, skip_duplicate_validation=True)
        added = suppressions.add(session, make.EVES_NUMBER, "by letter", actor="agent:1", at=make.NOON)
        suppressions.lift(session, added.phone_hash, actor="api:1", at=make.NOON)
        events = session.scalars(select(ConsentEvent).order_by(ConsentEvent.id)).all()
        assert [(each.action, each.source, each.contact_id) for each in events] == [
            ("number_change", "system", sam.id),
            ("merge", "api", sam.id),
            ("suppress", "agent", None),
            ("lift", "api", None),
        ]
        assert events[0].destination_hash == events[2].destination_hash == sam.phone_hash


def test_erasing_the_last_holder_clears_the_evidence_about_the_number(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        suppressions.add(session, make.SAMS_NUMBER, "Sam from Kiel wrote", actor="agent:1", at=make.NOON)
        erase.erase(session, locking.lock_contact(session, sam.id), actor="agent:1", at=make.NOON)
        found = session.execute(select(ConsentEvidence.note, ConsentEvidence.destination)).all()
        assert set(found) == {(None, None)}
