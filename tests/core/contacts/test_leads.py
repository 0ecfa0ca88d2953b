"""Leads are found by their number or address."""

import functools

from sqlalchemy import select

from app.core import destinations
from app.core.consent import current as current_consents
from app.core.contacts import leads
from app.core.contacts import records as contacts
from app.core.signing import keys_of
from app.db import Database
from app.models import Channel, ConsentState, Contact, ContactRole
from tests import make


def test_one_person_who_answers_forms_of_two_types_is_one_lead(database: Database) -> None:
    with database.unit_of_work() as session:
        typed = destinations.read(keys_of(session), make.SAMS_NUMBER, Channel.SMS, region=None)
        first, second = (leads.lead_for(session, Channel.SMS, typed, locale="en", at=make.NOON) for _ in range(2))
        assert first.id == second.id
        assert session.get_one(Contact, first.id).lead_key == f"sms:{typed.hash}"


def test_leads_of_one_destination_are_merged_and_the_stricter_consent_wins(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        people = [
            make.contact(session, role=ContactRole.LEAD, external_id=None, name=None, phone_number=number)
            for number in (make.SAMS_NUMBER, make.SAMS_NUMBER, make.EVES_NUMBER)
        ]
        others = make.contact(session, role=ContactRole.LEAD, external_id=None, phone_number=make.SAMS_NUMBER)
        for number, each in enumerate(people):
            each.lead_key = f"form:{number}:{each.phone_hash}"
        make.opt_out(session, people[0], offers)
        make.opt_in(session, people[1], offers)
        session.flush()
        counts = [leads.merge_duplicates(session, limit=2, at=make.NOON) for _ in range(3)]
        assert counts == [2, 1, 0]
        kept = session.scalars(select(Contact).where(Contact.lead_key.is_not(None)).order_by(Contact.id)).all()
        assert [each.id for each in kept] == [people[0].id, people[2].id]
        assert people[1].merged_into_id == people[0].id
        assert others.merged_into_id is None, "leads of the API are never matched by number"
        current = current_consents.find(session, people[0].id, offers.id)
        assert current
        assert current.state == ConsentState.OPTED_OUT


def test_a_number_is_not_replaced_for_a_blocked_contact_or_after_it_has_changed(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number="+44 20 7946 0018")
        assert (before := sam.phone)
        typed = destinations.read(keys_of(session), make.BRITISH_NUMBER, Channel.SMS, region=None)
        replace = functools.partial(
            leads.replace_number, session, sam.id, destination=typed, evidence=make.evidence(), at=make.NOON
        )
        assert replace(before=make.EVES_NUMBER) is None
        contacts.block(session, sam, at=make.NOON)
        assert replace(before=before) is None
        assert sam.phone == before
