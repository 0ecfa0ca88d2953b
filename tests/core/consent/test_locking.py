"""Contacts are locked before their consents change."""

import pytest
from sqlalchemy import update

from app.core.consent import changes, locking
from app.core.contacts import erase, merge
from app.core.errors import Merged, NotFound
from app.db import Database
from app.models import ConsentState, Contact
from tests import make


def test_only_locking_creates_a_locked_contact() -> None:
    with pytest.raises(TypeError, match="locks contacts"):
        locking.LockedContact(1, None, None, key=object())


def test_a_contact_is_locked_by_either_id_with_its_number_and_address(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER, email_address="sam@example.com")
        for locked in (locking.lock(session, sam.id), locking.lock_by_public_id(session, sam.public_id)):
            assert (locked.id, locked.topics) == (sam.id, ())
            assert (locked.destination("sms"), locked.destination("email")) == (make.SAMS_NUMBER, "sam@example.com")


def test_unknown_erased_and_merged_contacts_are_not_locked(database: Database) -> None:
    with database.unit_of_work() as session:
        sam, eve, ana = (make.contact(session) for _ in range(3))
        merge.merge(session, sam.public_id, ana.public_id, actor="api:1", at=make.NOON, skip_duplicate_validation=True)
        erase.erase(session, locking.lock_contact(session, eve.id), actor="agent:1", at=make.NOON)
        for unknown in ("0" * 24, "x", eve.public_id):
            with pytest.raises(NotFound):
                locking.lock_by_public_id(session, unknown)
        with pytest.raises(NotFound):
            locking.lock(session, eve.id)
        with pytest.raises(Merged) as refused:
            locking.lock(session, sam.id)
        assert refused.value.into == ana.public_id


def test_the_current_consent_follows_changes_under_one_lock(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        locked = locking.lock(session, sam.id)
        assert changes.current(session, locked, offers.id) is None
        said = changes.opt_in(session, locked, offers.id, make.SAMS_NUMBER, make.evidence(), at=make.NOON)
        current = changes.current(session, locked, offers.id)
        assert current
        assert (current.state, current.event_id) == (ConsentState.OPTED_IN, said.event_id)
        assert current == changes.current(session, locking.lock(session, sam.id), offers.id)


def test_a_locked_row_is_read_again_and_may_be_of_an_erased_contact_only_by_its_id(database: Database) -> None:
    with database.unit_of_work() as session:
        sam, eve = make.contact(session), make.contact(session)
        session.execute(update(Contact).values(name="Sam"), execution_options={"synchronize_session": False})
        assert locking.lock_contact_by_public_id(session, sam.public_id) is sam
        assert sam.name == "Sam"
        erase.erase(session, locking.lock_contact(session, eve.id), actor="agent:1", at=make.NOON)
        assert locking.lock_contact(session, eve.id) is eve
        for unknown in ("0" * 24, "x", eve.public_id):
            with pytest.raises(NotFound):
                locking.lock_contact_by_public_id(session, unknown)
        with pytest.raises(NotFound):
            locking.lock_contact(session, eve.id + 1)
