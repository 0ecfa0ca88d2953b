"""Leads are found by their number or address."""

import functools

from app.core import destinations
from app.core.contacts import leads
from app.core.contacts import records as contacts
from app.core.signing import keys_of
from app.db import Database
from app.models import Channel, Contact
from tests import make


def test_one_person_who_answers_forms_of_two_types_is_one_lead(database: Database) -> None:
    with database.unit_of_work() as session:
        typed = destinations.read(keys_of(session), make.SAMS_NUMBER, Channel.SMS, region=None)
        first, second = (leads.lead_for(session, Channel.SMS, typed, locale="en", at=make.NOON) for _ in range(2))
        assert first.id == second.id
        assert session.get_one(Contact, first.id).lead_key == f"sms:{typed.hash}"


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
