"""The screen "Your subscriptions" of the messenger."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core.consent import locking
from app.core.contacts import records as contacts
from app.core.messenger import tokens as messenger_tokens
from app.core.preferences import links
from app.db import Database
from app.models import Consent, ConsentEvent, ConsentEvidence, ConsentType, Contact, DestinationOptOut
from tests import make
from tests.web.messenger.panel import OTHERS, TOKEN, get, post, session_of, write


@pytest.fixture
def offers(database: Database) -> int:
    """A type that sam, a user, opted in to. There are a draft and a type that goes to everyone, too."""
    with database.unit_of_work() as session:
        sam = make.contact(session, external_id="sam", phone_number=make.SAMS_NUMBER)
        offers = make.live_type(session, name="Offers", translations={"de": ("Angebote", "")})
        make.opt_in(session, sam, offers)
        make.live_type(session, name="Delivery news", consent_type=ConsentType.OPT_OUT)
        make.draft_type(session, name="Plans")
        return offers.id


def _shown(client: FlaskClient, bearer: str, query: str = "") -> dict[str, bool]:
    found = get(client, f"subscriptions{query}", bearer).get_json()["subscriptions"]
    return {each["name"]: each["subscribed"] for each in found}


@pytest.mark.databases("sqlite", "postgresql")
def test_a_signed_user_sees_their_types_and_leaves_one_with_one_tap(
    client: FlaskClient, database: Database, offers: int
) -> None:
    sam = session_of(client, database, "sam")
    assert _shown(client, sam) == {"Offers": True, "Delivery news": True}
    assert "Angebote" in _shown(client, sam, "?lang=de")
    for _ in range(2):
        response = post(client, f"subscriptions/{offers}/unsubscribe?lang=de", {}, sam)
        assert [each["subscribed"] for each in response.get_json()["subscriptions"] if each["id"] == str(offers)] == [
            False
        ]
    with database.read_only() as session:
        event = session.scalars(select(ConsentEvent).order_by(ConsentEvent.id.desc())).first()
        assert event is not None
        assert (event.action, event.source, event.evidence_level) == ("opt_out", "messenger", "signed_identity")
        assert session.get_one(ConsentEvidence, event.id).wording_hash
        assert len(session.scalars(select(DestinationOptOut)).all()) == 1
        assert len(session.scalars(select(ConsentEvent.id)).all()) == 2


def test_a_signed_user_gets_the_address_of_their_preference_center_and_an_unknown_visitor_does_not(
    client: FlaskClient, database: Database, offers: int
) -> None:
    address = post(client, "preferences", {}, session_of(client, database, "sam")).get_json()["address"]
    with database.read_only() as session:
        link = links.find(session, address.removeprefix("/p/"))
        assert (session.get_one(Contact, link.contact_id).external_id, link.level) == ("sam", "personal_link")
    write(client)
    assert post(client, "preferences", {}, TOKEN).status_code == 404
    assert post(client, "preferences", {}, session_of(client, database, "nobody-yet")).status_code == 404


def test_an_unknown_visitor_sees_and_leaves_only_what_they_signed_up_to(
    client: FlaskClient, database: Database, offers: int
) -> None:
    write(client)
    assert _shown(client, TOKEN) == {}
    with database.unit_of_work() as session:
        visitor = locking.lock_contact(session, messenger_tokens.lead_of(session, TOKEN) or 0)
        contacts.change_phone(session, visitor, make.SAMS_NUMBER, at=make.NOON)
        make.opt_in(session, visitor, make.live_type(session, name="Chat news"))
    found = get(client, "subscriptions", TOKEN).get_json()["subscriptions"]
    assert [each["name"] for each in found] == ["Chat news"]
    assert make.SAMS_NUMBER not in str(found)
    post(client, f"subscriptions/{found[0]['id']}/unsubscribe", {}, TOKEN)
    assert _shown(client, TOKEN) == {"Chat news": False}
    with database.read_only() as session:
        assert session.scalars(select(DestinationOptOut)).all() == []


def test_eve_cannot_leave_for_sam(client: FlaskClient, database: Database, offers: int) -> None:
    write(client, bearer=OTHERS)
    for bearer in ("", "s_made-up", OTHERS, TOKEN):
        post(client, f"subscriptions/{offers}/unsubscribe", {}, bearer)
    assert get(client, "subscriptions", "s_made-up").status_code == 404
    with database.read_only() as session:
        sam = session.scalars(select(Contact.id).where(Contact.external_id == "sam")).one()
        assert session.scalars(select(Consent.state).where(Consent.contact_id == sam)).all() == ["opted_in"]
        assert session.scalars(select(DestinationOptOut)).all() == []
