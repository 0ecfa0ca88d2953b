"""Python and SQL agree on whether an opt-in counts for the number or address that its contact has now."""

import pytest
from sqlalchemy import select

from app.core.consent.current_destination import hash_of, is_given_for_current, is_opted_in
from app.core.contacts import records as contacts
from app.db import Database
from app.models import Channel, Consent, Contact, SubscriptionType
from tests import make

FIRST = {"phone_number": make.SAMS_NUMBER, "email_address": "sam@example.com"}


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("by_column", [False, True])
def test_an_opt_in_counts_until_the_number_or_address_changes(
    database: Database, channel: Channel, *, by_column: bool
) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session, channel=channel)
        same, changed, removed, opted_out = (make.contact(session, **FIRST) for _ in range(4))
        for each in (same, changed, removed, opted_out):
            make.opt_in(session, each, offers)
        make.opt_out(session, opted_out, offers)
        contacts.change_phone(session, changed, make.EVES_NUMBER, at=make.NOON)
        contacts.set_email(session, changed, "eve@example.com")
        contacts.remove_phone(session, removed)
        contacts.set_email(session, removed, None)
        session.flush()
        in_python = {
            contact.id
            for consent, contact in session.execute(
                select(Consent, Contact).join(Contact, Contact.id == Consent.contact_id)
            )
            if is_opted_in(consent.state, consent.destination_hash, hash_of(contact, channel))
        }
        table = SubscriptionType.__table__
        in_sql = session.scalars(
            select(Consent.contact_id)
            .join(Contact, Contact.id == Consent.contact_id)
            .join(table, table.c.id == Consent.subscription_type_id)
            .where(Consent.state == "opted_in", is_given_for_current(table.c.channel if by_column else channel.value))
        )
        assert in_python == set(in_sql) == {same.id}


def test_a_missing_consent_or_destination_is_no_opt_in(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session)
        assert [hash_of(sam, channel) for channel in Channel] == [None, None]
        assert not is_opted_in(None, None, None)
        assert not is_opted_in("opted_in", "a hash", None)
        assert not is_opted_in("opted_out", "a hash", "a hash")
