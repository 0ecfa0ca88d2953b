"""Show me: everything about one number or address."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from app.core.consent import suppressions
from app.core.contacts import erase, merge
from app.core.contacts import records as contacts
from app.core.proof import history
from app.core.proof.history import History
from app.db import Database
from app.models import Action, Channel, SuppressionCause
from tests import make
from tests.make import BRITISH_NUMBER, NOON, SAMS_NUMBER

LATER = NOON + timedelta(days=1)


def _find(session: Session, typed: str, region: str | None = None) -> History:
    session.flush()
    return history.find(session, typed, region=region)


def _actions(found: History) -> list[str]:
    return [each.event.action for each in found.lines]


@pytest.mark.parametrize("typed", [SAMS_NUMBER, "+1 (202) 555-0123", "001 202 555 0123", "tel:+12025550123"])
def test_a_number_is_found_however_it_is_typed(database: Database, typed: str) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=SAMS_NUMBER)
        make.opt_in(session, sam, offers)
        make.opt_out(session, sam, offers)
        make.opt_in(session, make.contact(session, phone_number=BRITISH_NUMBER), offers)
        found = _find(session, typed)
        assert found.destinations == (SAMS_NUMBER,)
        assert _actions(found) == ["opt_in", "opt_out"]
        assert [(each.contact.id, each.has_it) for each in found.holders] == [(sam.id, True)]
        assert len(found.opt_outs) == len(found.consents) == 1


def test_a_number_without_plus_is_read_in_the_country_of_the_workspace(database: Database) -> None:
    with database.unit_of_work() as session:
        make.opt_in(session, make.contact(session, phone_number=SAMS_NUMBER), make.live_type(session))
        assert _actions(_find(session, "(202) 555-0123", region="US")) == ["opt_in"]
        assert _find(session, "(202) 555-0123").is_empty


def test_an_address_is_found_in_any_case(database: Database) -> None:
    with database.unit_of_work() as session:
        letter = make.live_type(session, channel=Channel.EMAIL)
        sam = make.contact(session, email_address="sam@example.com")
        make.opt_in(session, sam, letter)
        found = _find(session, " Sam@Example.com ")
        assert _actions(found) == ["opt_in"]
        assert found.destinations == ("sam@example.com",)


def test_what_is_not_known_is_empty_and_says_what_was_looked_for(database: Database) -> None:
    with database.read_only() as session:
        found = history.find(session, SAMS_NUMBER, region=None)
        assert found.is_empty
        assert found.destinations == (SAMS_NUMBER,)
        assert history.find(session, " ", region=None).is_empty
        assert history.find(session, "hello\0", region=None).is_empty


def test_after_an_erasure_the_events_are_there_without_evidence(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=SAMS_NUMBER)
        make.opt_in(session, sam, offers)
        make.opt_out(session, sam, offers)
        erase.erase(session, sam, actor="agent:1", at=LATER)
        found = _find(session, SAMS_NUMBER)
        assert _actions(found)[:2] == ["opt_in", "opt_out"]
        assert all(each.evidence is None for each in found.lines[:2])
        assert [(each.contact.erased_at, each.has_it) for each in found.holders] == [(LATER, False)]
        assert len(found.opt_outs) == 1


def test_the_former_number_of_a_contact_shows_how_it_changed(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=SAMS_NUMBER)
        session.flush()
        contacts.change_phone(session, sam, BRITISH_NUMBER, evidence=make.evidence(), at=LATER)
        found = _find(session, SAMS_NUMBER)
        assert _actions(found) == ["number_change"]
        assert [(each.contact.id, each.has_it) for each in found.holders] == [(sam.id, False)]
        assert _actions(_find(session, BRITISH_NUMBER)) == ["number_change"]


def test_consents_for_another_number_of_the_same_contact_are_not_shown(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=SAMS_NUMBER)
        make.opt_in(session, sam, offers)
        contacts.change_phone(session, sam, BRITISH_NUMBER, evidence=make.evidence(), at=LATER)
        make.opt_in(session, sam, offers, at=LATER)
        found = _find(session, SAMS_NUMBER)
        assert _actions(found) == ["opt_in", "number_change"]
        assert found.consents == []


def test_events_of_the_person_such_as_a_merge_are_among_them(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        sam = make.contact(session, phone_number=SAMS_NUMBER, email_address="sam@example.com")
        twin = make.contact(session, phone_number=BRITISH_NUMBER)
        make.opt_in(session, sam, offers)
        session.flush()
        contacts.change_gdpr_optin(session, sam, gdpr_optin=False, evidence=make.evidence(), at=LATER)
        merge.merge(session, sam.public_id, twin.public_id, actor="agent:1", at=LATER, skip_duplicate_validation=True)
        found = _find(session, SAMS_NUMBER)
        assert {Action.OPT_IN, Action.GDPR_OFF, Action.MERGE} <= set(_actions(found))
        assert {each.contact.id for each in found.holders} == {sam.id, twin.id}
        assert not any(each.has_it for each in found.holders)


def test_a_suppressed_number_that_no_contact_has_is_found(database: Database) -> None:
    with database.unit_of_work() as session:
        suppressions.suppress(session, SAMS_NUMBER, SuppressionCause.KEYWORD, "STOP", actor="system", at=NOON)
        found = _find(session, SAMS_NUMBER)
        assert _actions(found) == ["suppress"]
        assert [each.cause for each in found.suppressions] == ["keyword"]
        assert found.holders == []


def test_at_most_a_number_of_events_is_returned_the_newest(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=SAMS_NUMBER)
        make.opt_in(session, sam, offers)
        assert not history.find(session, SAMS_NUMBER, region=None, limit=1).is_cut
        make.opt_out(session, sam, offers)
        found = history.find(session, SAMS_NUMBER, region=None, limit=1)
        assert _actions(found) == ["opt_out"]
        assert found.is_cut
