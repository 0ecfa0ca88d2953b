"""Stored numbers, addresses, and everything that was said for them, are mended when the reading rules change."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.cli.database import migrated
from app.config import Settings
from app.core import phone
from app.core.consent import eligibility, locking, suppressions
from app.core.contacts import erase, number_rules
from app.core.contacts import records as contacts
from app.core.ledger import evidence
from app.core.signing import keys_of
from app.core.workspace import settings as workspace_settings
from app.db import Database
from app.models import (
    Consent,
    ConsentEvidence,
    ConsentState,
    Contact,
    ContactRole,
    DestinationOptOut,
    InsertedForm,
    SubscriptionType,
    Suppression,
    Workspace,
)
from tests import make

LANDLINE = "+442079460018"
OLD, NEW = "+5215512345678", "+525512345678"
OLDER = "1; phonenumbers 9.0.0"


def store_rules(database: Database, rules: str | None) -> None:
    with database.unit_of_work() as session:
        session.execute(update(Workspace).values(number_rules=rules))


def add_contact(database: Database, values: Mapping[str, Any], **outdated: Any) -> int:
    """Add a contact; ``outdated``: columns as older rules set them."""
    with database.unit_of_work() as session:
        contact = make.contact(session, **values)
        if outdated:
            session.execute(update(Contact).where(Contact.id == contact.id).values(**outdated))
        return contact.id


def blocks(database: Database) -> dict[int, str | None]:
    with database.read_only() as session:
        return {row.id: row.sms_block for row in session.execute(select(Contact.id, Contact.sms_block))}


def test_a_new_database_stores_the_current_rules(database: Database) -> None:
    with database.read_only() as session:
        assert workspace_settings.get(session).number_rules == phone.rules_version()
    assert phone.metadata_version() in phone.rules_version()


def test_new_rules_change_the_block_of_each_number_with_another_result(database: Database) -> None:
    valid = add_contact(database, {"phone_number": make.SAMS_NUMBER}, sms_block="phone_invalid")
    landline = add_contact(database, {"phone_number": LANDLINE}, sms_block=None)
    other_reason = add_contact(database, {"phone_number": LANDLINE}, sms_block="phone_invalid")
    was_valid = add_contact(database, {"phone_number": LANDLINE}, sms_block=None)
    refused = add_contact(database, {"phone_number": make.SAMS_NUMBER, "gdpr_optin": False})
    without = add_contact(database, {})
    suppressed = add_contact(database, {"phone_number": make.EVES_NUMBER}, sms_block="phone_invalid")
    with database.unit_of_work() as session:
        suppressions.add(session, make.EVES_NUMBER, "asked by letter", actor="agent:1", at=make.NOON)
    store_rules(database, "older")
    assert number_rules.apply(database).contacts == 5
    expected = {
        valid: None,
        landline: "phone_not_sms_capable",
        other_reason: "phone_not_sms_capable",
        was_valid: "phone_not_sms_capable",
        refused: "gdpr_optout",
        without: "no_phone",
        suppressed: None,
    }
    assert blocks(database) == expected
    with database.read_only() as session:
        assert workspace_settings.get(session).number_rules == phone.rules_version()
    store_rules(database, "older")
    assert not number_rules.apply(database)
    assert blocks(database) == expected


def test_contacts_of_every_chunk_are_checked(database: Database) -> None:
    ids = [add_contact(database, {"phone_number": make.SAMS_NUMBER}, sms_block="phone_invalid") for _ in range(5)]
    for chunk in (2, 5, 1):
        with database.unit_of_work() as session:
            session.execute(update(Contact).values(sms_block="phone_invalid"))
        store_rules(database, None)
        assert number_rules.apply(database, chunk=chunk).contacts == 5
        assert blocks(database) == dict.fromkeys(ids)


def test_missing_and_wrong_email_hashes_are_corrected(database: Database) -> None:
    sam = add_contact(database, {"email_address": "sam@example.com"}, email_hash=None)
    odd = add_contact(database, {"email_address": "ask at the till"}, email_hash="0" * 32)
    store_rules(database, None)
    assert number_rules.apply(database).contacts == 2
    with database.read_only() as session:
        keys = session.info["assent_keys"]
        assert session.get_one(Contact, sam).email_hash == keys.destination_hash("sam@example.com")
        assert session.get_one(Contact, odd).email_hash is None


def test_rules_that_were_applied_already_are_not_applied_again(database: Database) -> None:
    sam = add_contact(database, {"phone_number": make.SAMS_NUMBER}, sms_block="phone_invalid")
    assert not number_rules.apply(database)
    assert blocks(database) == {sam: "phone_invalid"}


@pytest.mark.parametrize("rules", [None, "0; phonenumbers 8.0.0"])
def test_upgrading_the_database_applies_new_rules(settings: Settings, database: Database, rules: str | None) -> None:
    sam = add_contact(database, {"phone_number": make.SAMS_NUMBER}, sms_block="phone_invalid")
    store_rules(database, rules)
    with migrated(settings):
        pass
    assert blocks(database) == {sam: None}


class Killed(Exception):
    pass


class Interrupted:
    """A database whose process is killed before its n-th transaction commits."""

    def __init__(self, database: Database, commits: int) -> None:
        self._database, self._left = database, commits

    def read_only(self) -> AbstractContextManager[Session]:
        return self._database.read_only()

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        with self._database.unit_of_work() as session:
            yield session
            if not self._left:
                raise Killed
            self._left -= 1


def older(session: Session, contact: Contact, number: str) -> Contact:
    """Give a contact a number in a spelling that older rules stored."""
    values = {"phone": number, "phone_hash": keys_of(session).destination_hash(number), "phone_country": "MX"}
    session.execute(update(Contact).where(Contact.id == contact.id).values(**values, sms_block=None))
    session.refresh(contact)
    return contact


def older_lead(session: Session, number: str, prefix: str = "sms") -> Contact:
    lead = make.contact(session, role=ContactRole.LEAD, external_id=None)
    if number == OLD:
        older(session, lead, number)
    else:
        contacts.change_phone(session, lead, number, at=make.NOON)
    lead.lead_key = f"{prefix}:{lead.phone_hash}"
    session.flush()
    return lead


def status_of(session: Session, contact_id: int, type_id: int) -> eligibility.SubscriptionStatus:
    found = session.get_one(Contact, contact_id)
    return eligibility.status(session, found, session.get_one(SubscriptionType, type_id))


def suppress_older(session: Session, number: str, cause: str, **values: Any) -> None:
    values = {"phone": number, "phone_hash": keys_of(session).destination_hash(number), "cause": cause} | values
    session.add(Suppression(**{"note": cause, "created_at": make.NOON} | values))
    session.flush()


def test_an_opt_in_counts_for_the_number_in_its_new_spelling(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), older(session, make.contact(session), OLD)
        make.opt_in(session, sam, offers)
        ids = sam.id, offers.id
    store_rules(database, OLDER)
    assert number_rules.apply(database).contacts == 1
    with database.read_only() as session:
        sam, status = session.get_one(Contact, ids[0]), status_of(session, *ids)
        assert (sam.phone, sam.phone_country) == (NEW, "MX")
        assert sam.phone_hash == keys_of(session).destination_hash(NEW)
        assert status.is_reachable
        assert status.consent
        assert (status.consent.destination, status.consent.destination_hash) == (NEW, sam.phone_hash)
    store_rules(database, OLDER)
    assert not number_rules.apply(database)


@pytest.mark.parametrize("before", [OLD, NEW])
def test_a_suppression_holds_for_every_spelling(database: Database, before: str) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), older(session, make.contact(session), OLD)
        make.opt_in(session, sam, offers)
        suppress_older(session, before, "keyword")
        ids = sam.id, offers.id
    store_rules(database, OLDER)
    number_rules.apply(database)
    with database.read_only() as session:
        assert eligibility.Reason.SUPPRESSED in status_of(session, *ids).reasons
        assert [each.phone for each in session.scalars(select(Suppression))] == [NEW]


def test_a_suppression_whose_number_was_erased_holds_for_the_new_spelling(database: Database) -> None:
    with database.unit_of_work() as session:
        older(session, make.contact(session), OLD)
        suppress_older(session, OLD, "keyword", phone=None)
    store_rules(database, OLDER)
    number_rules.apply(database)
    with database.read_only() as session:
        assert eligibility.is_suppressed(session, keys_of(session).destination_hash(NEW))


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        ("keyword", "manual", "keyword"),
        ("manual", "keyword", "keyword"),
        ("keyword", "carrier", "keyword"),
        ("review", "manual", "review"),
    ],
)
def test_of_two_suppressions_of_one_number_the_strongest_cause_stays(
    database: Database, old: str, new: str, cause: str
) -> None:
    with database.unit_of_work() as session:
        suppress_older(session, OLD, old)
        suppress_older(session, NEW, new)
    store_rules(database, OLDER)
    number_rules.apply(database)
    with database.read_only() as session:
        (left,) = session.scalars(select(Suppression))
        assert (left.phone, left.cause, left.note) == (NEW, cause, cause)


def test_an_opt_out_holds_for_another_contact_with_the_new_spelling(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), older(session, make.contact(session), OLD)
        make.opt_out(session, sam, offers)
        contacts.change_phone(session, sam, make.BRITISH_NUMBER, at=make.NOON)
        eve = make.contact(session, phone_number=NEW)
        ids = eve.id, offers.id
    with database.read_only() as session:
        assert eligibility.Reason.OPTED_OUT not in status_of(session, *ids).reasons
    store_rules(database, OLDER)
    number_rules.apply(database)
    with database.read_only() as session:
        assert eligibility.Reason.OPTED_OUT in status_of(session, *ids).reasons
        new_hash = keys_of(session).destination_hash(NEW)
        assert [each.destination_hash for each in session.scalars(select(DestinationOptOut))] == [new_hash]
        (consent,) = session.scalars(select(Consent))
        assert (consent.destination, consent.destination_hash) == (NEW, new_hash)


def test_an_opt_out_whose_evidence_was_erased_holds_for_the_new_spelling(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), older(session, make.contact(session), OLD)
        make.opt_out(session, sam, offers)
        evidence.erase(session, sam.id, at=make.NOON)
        older(session, make.contact(session), OLD)
        eve = make.contact(session, phone_number=NEW)
        ids = eve.id, offers.id
    store_rules(database, OLDER)
    number_rules.apply(database)
    with database.read_only() as session:
        assert eligibility.Reason.OPTED_OUT in status_of(session, *ids).reasons


@pytest.mark.parametrize("is_current", [True, False], ids=["current number", "former number"])
def test_a_person_who_is_erased_before_new_rules_are_applied_stays_opted_out_and_suppressed(
    database: Database, *, is_current: bool
) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), older(session, make.contact(session), OLD)
        make.opt_out(session, sam, offers)
        suppress_older(session, OLD, "keyword")
        if not is_current:
            contacts.change_phone(session, sam, make.BRITISH_NUMBER, at=make.NOON)
        erase.erase(session, locking.lock_contact(session, sam.id), actor="agent:1", at=make.NOON)
        eve = make.contact(session, phone_number=NEW)
        reasons = status_of(session, eve.id, offers.id).reasons
        assert {eligibility.Reason.OPTED_OUT, eligibility.Reason.SUPPRESSED} <= set(reasons)
        assert {(each.phone, each.note) for each in session.scalars(select(Suppression))} == {(None, "")}
        assert not session.scalars(select(ConsentEvidence.destination).where(ConsentEvidence.destination != "")).all()


def test_an_opt_out_of_the_number_before_a_change_holds_for_its_new_spelling(database: Database) -> None:
    """Its own event tells only the number after the change; the opt-in with the number before tells that one."""
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), older(session, make.contact(session), OLD)
        make.opt_in(session, sam, offers)
        contacts.change_phone(session, sam, make.BRITISH_NUMBER, at=make.NOON)
        make.opt_out(session, sam, offers)
        eve = make.contact(session, phone_number=NEW)
        ids = eve.id, offers.id
    store_rules(database, OLDER)
    number_rules.apply(database)
    with database.read_only() as session:
        assert eligibility.Reason.OPTED_OUT in status_of(session, *ids).reasons


def test_an_answered_form_keeps_the_number_that_it_was_answered_with(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = older(session, make.contact(session), OLD)
        inserted = make.inserted(session, make.form(session), sam)
        inserted.submitted_destination_hash = sam.phone_hash
        session.flush()
        inserted_id = inserted.id
    store_rules(database, OLDER)
    number_rules.apply(database)
    with database.read_only() as session:
        answered_with = session.get_one(InsertedForm, inserted_id).submitted_destination_hash
        assert answered_with == keys_of(session).destination_hash(NEW)


def test_leads_that_become_one_person_are_merged_and_the_opt_out_wins(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        old, new = older_lead(session, OLD), older_lead(session, NEW)
        make.opt_out(session, old, offers)
        make.opt_in(session, new, offers)
        single = older_lead(session, "+541123456789", "form:1")
        older(session, single, "+541123456789").lead_key = f"form:1:{single.phone_hash}"
        ids = old.id, new.id, single.id, offers.id
    store_rules(database, OLDER)
    assert number_rules.apply(database).merged == 1
    with database.read_only() as session:
        old, new, single = (session.get_one(Contact, each) for each in ids[:3])
        assert (old.merged_into_id, old.phone, old.lead_key) == (new.id, None, None)
        assert status_of(session, new.id, ids[3]).state == ConsentState.OPTED_OUT
        assert single.phone == "+5491123456789"
        assert single.lead_key == f"form:1:{single.phone_hash}"


@pytest.mark.parametrize("chunk", [1, 500])
def test_a_run_that_is_killed_anywhere_is_finished_by_the_next(database: Database, chunk: int) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), older(session, make.contact(session), OLD)
        make.opt_in(session, sam, offers)
        suppress_older(session, NEW, "keyword")
        eve = older(session, make.contact(session), "+5215512345679")
        make.opt_in(session, eve, offers, at=make.NOON)
        max_ = older(session, make.contact(session), "+5215512345679")
        make.opt_out(session, max_, offers)
        leads = older_lead(session, OLD), older_lead(session, NEW)
        ids, lead_ids, type_id = (sam.id, eve.id, max_.id), [each.id for each in leads], offers.id
    store_rules(database, None)
    for commits in range(40):
        try:
            number_rules.apply(Interrupted(database, commits), chunk=chunk)  # type: ignore[arg-type]
            break
        except Killed:
            with database.read_only() as session:
                assert not status_of(session, ids[1], type_id).is_reachable
                assert not status_of(session, ids[2], type_id).is_reachable
    else:
        pytest.fail("the run never ends")
    assert commits > 3
    with database.read_only() as session:
        assert {session.get_one(Contact, each).phone for each in ids} == {NEW, "+525512345679"}
        assert not any(status_of(session, each, type_id).is_reachable for each in ids)
        assert session.get_one(Contact, lead_ids[0]).merged_into_id == lead_ids[1]
        assert len(session.scalars(select(DestinationOptOut)).all()) == 1


def test_addresses_get_their_normal_form_but_no_two_users_the_same(database: Database) -> None:
    with database.unit_of_work() as session:
        people = [make.contact(session) for _ in range(3)]
        for person, text in zip(people, ("ｓａｍ@example.com", "eve@example.com", "ｅｖｅ@example.com"), strict=True):
            session.execute(update(Contact).where(Contact.id == person.id).values(email=text))
        ids = [each.id for each in people]
    store_rules(database, OLDER)
    number_rules.apply(database)
    with database.read_only() as session:
        found = [session.get_one(Contact, each).email for each in ids]
        assert found == ["sam@example.com", "eve@example.com", "ｅｖｅ@example.com"]
