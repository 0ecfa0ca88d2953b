"""What the preference center shows."""

from datetime import timedelta

import pytest

from app.core.contacts import records as contacts
from app.core.preferences import center, links
from app.core.subscriptions import preference_form
from app.db import Database
from app.models import Channel, ConsentType, EvidenceLevel
from tests import make
from tests.make import BRITISH_NUMBER, NOON, SAMS_NUMBER

PERSONAL = EvidenceLevel.PERSONAL_LINK


def test_a_contact_sees_the_types_that_it_can_have_with_masked_destinations(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        make.live_type(session, name="News", channel=Channel.EMAIL)
        make.live_type(session, name="Alerts", consent_type=ConsentType.OPT_OUT)
        make.draft_type(session, name="Draft")
        sam = make.contact(session, phone_number=SAMS_NUMBER, locale="de")
        make.opt_in(session, sam, offers)
        link = links.find(session, links.issue(session, sam, level=PERSONAL, at=NOON))
        found = center.read(session, link, "en", at=NOON)
        assert (found.number, found.address, link.locale) == ("+1 ••• ••• ••23", "", "de")
        shown = [(each.text.name, each.state, each.is_subscribed) for each in found.subscriptions]
        assert shown == [("Alerts", "never_asked", True), ("Offers", "opted_in", True)]
        contacts.change_phone(session, sam, BRITISH_NUMBER, at=NOON)
        alerts, moved = center.read(session, link, "en", at=NOON).subscriptions
        assert (moved.state, moved.is_subscribed, moved.destination) == ("never_asked", False, "+44 ••• ••• ••56")
        assert alerts.is_subscribed
        contacts.change_phone(session, sam, None, at=NOON)
        (left,) = center.read(session, link, "en", at=NOON).subscriptions
        assert (left.text.name, left.destination) == ("Offers", "")


@pytest.mark.parametrize("change", ["none", "archived", "blocked", "gdpr", "no_form", "expired"])
def test_opting_in_needs_a_form_a_contact_that_can_be_reached_and_a_fresh_link(database: Database, change: str) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        form = make.form(session, offers)
        if change != "no_form":
            preference_form.choose(session, offers, form.id, actor="agent:1", at=NOON)
        sam = make.contact(session, phone_number=SAMS_NUMBER)
        sam.archived_at = NOON if change == "archived" else None
        sam.blocked_at = NOON if change == "blocked" else None
        sam.gdpr_optin = False if change == "gdpr" else None
        session.flush()
        link = links.find(session, links.issue(session, sam, level=PERSONAL, at=NOON))
        at = NOON + (links.CHANGES_FOR if change == "expired" else timedelta(0))
        (shown,) = center.read(session, link, "en", at=at).subscriptions
        assert shown.form_key == (form.key if change == "none" else None)


def test_a_type_is_shown_in_the_readers_language_else_in_its_own(database: Database) -> None:
    with database.unit_of_work() as session:
        make.live_type(session, translations={"de": ("Angebote", "Jede Woche")})
        sam = make.contact(session, phone_number=SAMS_NUMBER)
        link = links.find(session, links.issue(session, sam, level=PERSONAL, at=NOON))
        texts = [center.read(session, link, locale, at=NOON).subscriptions[0].text for locale in ("de", "fr")]
        assert [(each.locale, each.name, each.description) for each in texts] == [
            ("de", "Angebote", "Jede Woche"),
            ("en", "Offers", ""),
        ]


def test_an_address_that_wants_no_emails_is_not_subscribed_and_cannot_be_signed_up(database: Database) -> None:
    with database.unit_of_work() as session:
        news = make.live_type(session, name="News", channel=Channel.EMAIL, consent_type=ConsentType.OPT_OUT)
        form = make.form(session, news)
        preference_form.choose(session, news, form.id, actor="agent:1", at=NOON)
        sam = make.contact(session, email_address="sam@example.com")
        link = links.find(session, links.issue(session, sam, level=PERSONAL, at=NOON))
        assert center.read(session, link, "en", at=NOON).subscriptions[0].is_subscribed
        sam.unsubscribed_from_emails = True
        session.flush()
        (shown,) = center.read(session, link, "en", at=NOON).subscriptions
        assert (shown.is_subscribed, shown.form_key) == (False, None)
