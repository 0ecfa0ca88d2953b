"""Forms inside the messenger: who sees the full number, and the origin in the evidence."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core import clock
from app.core.consent import locking
from app.core.contacts import records as contacts
from app.core.conversations import appending, lifecycle
from app.core.conversations import forms as conversation_forms
from app.core.workspace import settings
from app.db import Database
from app.models import ConsentEvent, ConsentEvidence, Contact, InsertedForm
from tests import make
from tests.web.embed.page import answer, open_form
from tests.web.messenger.panel import TOKEN, get, messages_of, session_of, write

SHOP = "https://shop.example.com"


@pytest.mark.databases("sqlite", "postgresql")
def test_the_full_number_is_shown_to_the_signed_user_only(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        form = make.form(session)
        sam = make.contact(session, external_id="sam", phone_number=make.SAMS_NUMBER)
        conversation = lifecycle.find_or_start(session, sam.id, at=clock.now())
        forms = [make.inserted(session, form, sam) for _ in range(2)]
        for each in forms:
            conversation_forms.place(
                session, appending.lock(session, conversation.id), each, author="agent:1", at=clock.now()
            )
    addresses = [
        each["form"]["address"] for each in messages_of(get(client, "poll", session_of(client, database, "sam")))
    ]
    assert [address.partition("?")[0] for address in addresses] == [f"/f/{each.token}" for each in forms]
    for address in addresses:
        assert "+1 202-555-0123" in open_form(client, address).text
    proof = addresses[0].partition("?")[2]
    for address in (f"/f/{forms[0].token}", f"/f/{forms[1].token}?{proof}", f"/f/{forms[0].token}?full=x"):
        page = open_form(client, address)
        assert (page.state, "555" in page.text, "••23" in page.text) == ("saved", False, True)
    with database.unit_of_work() as session:
        contacts.change_phone(session, locking.lock_contact(session, sam.id), None, at=clock.now())
    assert open_form(client, addresses[0]).state == "ask"


def saved_form(database: Database) -> InsertedForm:
    """A form in a conversation of sam, whose number is saved."""
    with database.unit_of_work() as session:
        settings.change(session, {"allowed_origins": [SHOP]}, actor="agent:1", at=clock.now())
        sam = make.contact(session, external_id="sam", phone_number=make.SAMS_NUMBER)
        conversation = lifecycle.find_or_start(session, sam.id, at=clock.now())
        inserted = make.inserted(session, make.form(session), sam)
        conversation_forms.place(
            session, appending.lock(session, conversation.id), inserted, author="agent:1", at=clock.now()
        )
        return inserted


def address_for(client: FlaskClient, database: Database) -> str:
    """The address of the form in the signed user's panel."""
    (line,) = messages_of(get(client, "poll", session_of(client, database, "sam")))
    address: str = line["form"]["address"]
    return address


def test_the_number_stays_in_full_after_signing_up_on_a_page_that_showed_it_in_full(
    client: FlaskClient, database: Database
) -> None:
    saved_form(database)
    page = open_form(client, f"{address_for(client, database)}&theme=dark")
    assert "theme=dark" in page.action
    done = answer(client, page)
    assert (done.state, "+1 202-555-0123" in done.text) == ("done", True)
    assert levels(database) == ["signed_identity"]


def test_an_old_address_does_not_show_the_full_number_after_signing_up(client: FlaskClient, database: Database) -> None:
    inserted = saved_form(database)
    full = open_form(client, address_for(client, database))
    masked = open_form(client, f"/f/{inserted.token}")
    assert masked.action == f"/f/{inserted.token}"
    masked.action = full.action  # the proof of one page with the render token of another
    done = answer(client, masked)
    assert (done.state, "555" in done.text, "••23" in done.text) == ("done", False, True)
    assert levels(database) == ["personal_link"]


def test_a_page_that_is_shown_again_shows_the_number_as_before(client: FlaskClient, database: Database) -> None:
    saved_form(database)
    full = open_form(client, address_for(client, database))
    with database.unit_of_work() as session:
        settings.change(session, {"privacy_url": "https://shop.example.com/privacy"}, actor="agent:1", at=clock.now())
    again = answer(client, full)
    assert (again.status, again.state) == (409, "saved")
    assert "+1 202-555-0123" in again.text
    assert "+1 202-555-0123" in answer(client, again).text


def levels(database: Database) -> list[str]:
    """The levels of evidence that were recorded."""
    with database.read_only() as session:
        return list(session.scalars(select(ConsentEvent.evidence_level).order_by(ConsentEvent.id)))


def evidence(database: Database) -> ConsentEvidence:
    with database.read_only() as session:
        return session.scalars(select(ConsentEvidence)).one()


def test_the_evidence_names_the_page_around_the_messenger(client: FlaskClient, database: Database) -> None:
    inserted = saved_form(database)
    page = open_form(client, f"/f/{inserted.token}?from={SHOP}", **{"Sec-Fetch-Site": "same-origin"})
    page.fields["page"] = f"{SHOP}/cart?secret=1"
    assert answer(client, page).state == "done"
    assert (evidence(database).origin, evidence(database).page) == (SHOP, f"{SHOP}/cart")


@pytest.mark.parametrize(
    ("origin", "site"),
    [("https://eve.example.com", "same-origin"), (SHOP, "cross-site"), (SHOP, "none"), ("x" * 3000, "same-origin")],
)
def test_an_origin_that_is_not_allowed_or_not_reported_by_us_is_no_evidence(
    client: FlaskClient, database: Database, origin: str, site: str
) -> None:
    inserted = saved_form(database)
    page = open_form(client, f"/f/{inserted.token}?from={origin}", **{"Sec-Fetch-Site": site})
    assert answer(client, page).state == "done"
    assert evidence(database).origin is None


def test_the_origin_is_kept_after_a_refused_number(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"allowed_origins": [SHOP]}, actor="agent:1", at=clock.now())
        inserted = make.inserted(session, make.form(session), make.contact(session))
    page = open_form(client, f"/f/{inserted.token}?from={SHOP}", **{"Sec-Fetch-Site": "same-origin"})
    again = answer(client, page, "12")
    assert again.status == 422
    assert answer(client, again, make.SAMS_NUMBER).state == "done"
    assert evidence(database).origin == SHOP


def test_the_form_address_of_a_lead_has_no_proof(client: FlaskClient, database: Database) -> None:
    conversation = write(client).get_json()["conversation"]
    with database.unit_of_work() as session:
        lead = session.scalars(select(Contact)).one()
        contacts.change_phone(session, lead, make.SAMS_NUMBER, at=clock.now())
        inserted = make.inserted(session, make.form(session), lead)
        conversation_forms.place(
            session, appending.lock(session, conversation), inserted, author="agent:1", at=clock.now()
        )
        token = inserted.token
    assert messages_of(get(client, "poll", TOKEN))[-1]["form"] == {"address": f"/f/{token}", "is_number": True}
    assert answer(client, open_form(client, f"/f/{token}")).state == "done"
    assert levels(database) == ["web_unverified"]
