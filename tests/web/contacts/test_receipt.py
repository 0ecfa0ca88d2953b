"""The page of a receipt, and its file."""

import io
import json
import sys
import zipfile
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from app.core import clock, wording
from app.core.consent import suppressions
from app.core.contacts import erase
from app.core.ledger import sealing, signing_keys
from app.core.preferences import links
from app.core.proof import receipt_check, receipts
from app.core.subscriptions import subscription_types
from app.core.subscriptions.subscription_types import TypeChange
from app.core.workspace import settings
from app.db import Database
from app.models import Contact, EvidenceLevel, Source
from app.web.contacts import receipt_document
from tests import make
from tests.make import NOON, SAMS_NUMBER
from tests.web import pages

LEGAL = "<p>You agree to get marketing texts from Harbour Coffee. Reply STOP to stop.</p>"
WORDS = {"brand": "Harbour Coffee", "form_title": "Hear it first", "legal_html": LEGAL, "button": "Sign Up Now"}


@pytest.fixture
def event_id(database: Database) -> int:
    """Sam signed up by a form, and the event is sealed."""
    with database.unit_of_work() as session:
        sam = make.contact(session, name="Sam", phone_number=SAMS_NUMBER)
        evidence = make.evidence(
            level=EvidenceLevel.SIGNED_IDENTITY,
            words=wording.freeze("en", WORDS),
            locale="en",
            details={
                "shown_as": "•••23",
                "inserted_by": "contact",
                "confirmed_by": "sms_link",
                "answered_level": "web_unverified",
                "answered_at": "2026-11-02T12:00:07+00:00",
            },
        )
        made = make.opt_in(session, sam, make.live_type(session), evidence=evidence).event_id
    sealing.seal(database)
    return made


def test_a_lost_signing_key_is_named_on_every_page_and_file_that_needs_it(
    max_: FlaskClient, database: Database, event_id: int
) -> None:
    with database.unit_of_work() as session:
        session.execute(text("UPDATE signing_keys SET private_key = NULL"))
    found = [max_.get(f"/receipts/{event_id}{ending}") for ending in ("", ".json", ".pdf")]
    found.append(pages.submit(max_, "/show-me/file", {"destination": SAMS_NUMBER}, page="/show-me"))
    for page in found:
        assert (page.status_code, "run “assent keys rotate”" in page.text) == (409, True), page.request.path


def test_a_type_has_the_name_of_then_wherever_an_event_is_shown(
    max_: FlaskClient, database: Database, event_id: int
) -> None:
    before = clock.now()
    with database.unit_of_work() as session:
        (offers,) = subscription_types.find_all(session)
        old, sam = offers.name, session.scalars(select(Contact)).one()
        for number, name in enumerate(("Partners", "Everything")):
            change = TypeChange(name=name, description="All of it.", translations={"de": (f"{name} de", "")})
            at = before + timedelta(seconds=number)
            subscription_types.edit(session, offers, change, actor="agent:1", at=at)
        make.opt_out(session, sam, offers, at=before + timedelta(minutes=59))
        later = make.opt_in(session, sam, offers, at=before + timedelta(hours=1)).event_id
        link = f"/p/{links.issue(session, sam, level=EvidenceLevel.PERSONAL_LINK, at=before)}/record"
    sealing.seal(database)
    for each, name in ((event_id, old), (later, "Everything")):
        page = max_.get(f"/receipts/{each}").text
        made = max_.get(f"/receipts/{each}.json").json or {}
        (purpose,) = made["dct:hasPart"]["dpv:hasProcess"][0]["dpv:hasPurpose"]
        kantara = made["kantara"]["services"][0]["purposes"][0]["purposeCategory"]
        assert (f"<span>{name}</span>" in page, purpose["dct:title"], kantara) == (True, name, [name])
        assert purpose["dct:description"] == ("" if each == event_id else "All of it")
    pdf_text = max_.get(f"/receipts/{event_id}.pdf").data
    assert pdf_text.startswith(b"%PDF")
    report = pages.submit(max_, "/show-me", {"destination": SAMS_NUMBER}, page="/show-me").text
    record, timeline = max_.get(link).text, max_.get(f"/contacts/{sam.public_id}").text
    entries = max_.get(f"{link}?format=json").json or {}
    assert [each["subscription_type"] for each in entries["events"]] == ["Everything", "Everything", old]
    for shown in (report, record, timeline):
        assert "Everything" in shown
        assert old in shown
        assert "Partners" not in shown


def test_the_page_shows_the_form_as_it_was_seen_the_proof_and_the_rules(ana: FlaskClient, event_id: int) -> None:
    html = ana.get(f"/receipts/{event_id}").get_data(as_text=True)
    for shown in ("Hear it first", "Reply STOP to stop.", "•••23", "Sign Up Now", "+1 202-555-0123"):
        assert shown in html
    for shown in ("Root of the seal", "TCPA, prior express written consent", "How to stop (STOP)", "My business"):
        assert shown in html
    assert "The text has the words “STOP”." in html
    assert "<bdi>Sam</bdi>" in html, "a printed page says whose receipt it is"


def test_a_number_that_was_not_on_the_page_is_not_shown_as_seen(ana: FlaskClient, database: Database) -> None:
    """The page of preferences names its types. The number is beside them, shortened."""
    with database.unit_of_work() as session:
        sam, offers = make.contact(session, phone_number=SAMS_NUMBER), make.live_type(session)
        words = wording.freeze("en", {"brand": "Harbour Coffee", "form_title": "Offers", "button": "Unsubscribe"})
        how = make.evidence(Source.PREFERENCE_CENTER, words=words, locale="en")
        event_id = make.opt_out(session, sam, offers, evidence=how).event_id
    html = ana.get(f"/receipts/{event_id}").get_data(as_text=True)
    seen, _, rest = html.partition("</figure>")
    assert "Unsubscribe" in seen
    assert "555-0123" not in seen
    assert "555-0123" in rest


def test_the_proof_has_times_to_the_second_and_words_for_codes(
    ana: FlaskClient, database: Database, event_id: int
) -> None:
    html = ana.get(f"/receipts/{event_id}").get_data(as_text=True)
    for shown in ("2 Nov 2026, 12:00:00 ", "2 Nov 2026, 12:00:07 ", "The person", "A text that they sent us"):
        assert shown in html
    assert "Web form, identity not verified" in html
    assert "sms_link" not in html
    with database.unit_of_work() as session:
        suppressions.add(session, SAMS_NUMBER, "Asked by phone", actor="agent:1", at=NOON)
        sam = session.get_one(Contact, 1).public_id
    html = ana.get(f"/contacts/{sam}").get_data(as_text=True)
    assert "<dd><bdi>stopped by hand</bdi></dd>" in html
    assert ">manual<" not in html


def test_the_file_verifies_with_the_public_keys(ana: FlaskClient, database: Database, event_id: int) -> None:
    response = ana.get(f"/receipts/{event_id}.json")
    assert response.headers["Content-Disposition"] == f'attachment; filename="receipt-{event_id}.json"'
    with database.read_only() as session:
        keys = {each.id: each.public_key for each in signing_keys.all_keys(session)}
    assert receipt_check.check(response.get_data(), keys).verdict == "verified"
    assert json.loads(response.get_data())["dct:publisher"] == "http://localhost"


def test_the_contact_page_leads_to_the_receipt(ana: FlaskClient, database: Database, event_id: int) -> None:
    with database.read_only() as session:
        sam = session.get_one(Contact, 1).public_id
    html = ana.get(f"/contacts/{sam}").get_data(as_text=True)
    assert f'href="/receipts/{event_id}"' in html
    assert "TCPA, prior express written consent: 4 of 6 elements found" in html


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("column", ["consent_events SET actor = 'agent:9'", "consent_evidence SET note = 'By phone.'"])
def test_a_record_that_was_altered_is_not_shown_as_sealed(
    max_: FlaskClient, database: Database, event_id: int, column: str
) -> None:
    sealed, altered = "Sealed: this event cannot be changed", "This record was changed after it was sealed."
    html = max_.get(f"/receipts/{event_id}").text
    assert (sealed in html, altered in html) == (True, False)
    with database.engine.begin() as connection:
        for table in ("consent_events", "consent_evidence"):
            connection.execute(text(f"DROP TRIGGER {table}_refuse_update"))
        connection.execute(text(f"UPDATE {column}"))
    html = max_.get(f"/receipts/{event_id}").text
    assert (sealed in html, altered in html) == (False, True)
    assert max_.get(f"/receipts/{event_id}.pdf").status_code == 409
    found = pages.submit(max_, "/show-me/file", {"destination": SAMS_NUMBER}, page="/show-me")
    with zipfile.ZipFile(io.BytesIO(found.get_data())) as archive:
        (report,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("report.html"))
    assert altered in report


def test_after_an_erasure_the_page_says_so_and_shows_no_number(
    ana: FlaskClient, database: Database, event_id: int
) -> None:
    with database.unit_of_work() as session:
        erase.erase(session, session.get_one(Contact, 1), actor="agent:1", at=NOON)
    html = ana.get(f"/receipts/{event_id}").get_data(as_text=True)
    assert "The evidence was erased. Only the event is left." in html
    assert "Root of the seal" in html
    assert "555-0123" not in html


def test_the_document_says_who_it_was_and_what_was_on_the_screen(app: Flask, database: Database) -> None:
    form = {"form_title": "Hear it first", "label": "Phone", "hint": "With +", "checkbox": "I agree.", **WORDS}
    with database.unit_of_work() as session:
        sam, offers = make.contact(session, name="Sam", phone_number=SAMS_NUMBER), make.live_type(session)
        details = {"typed_as": "202 555 0123", "inserted_by": "agent:7"}
        evidence = make.evidence(words=wording.freeze("en", form), locale="en", details=details)
        event_id = make.opt_in(session, sam, offers, evidence=evidence).event_id
    sealing.seal(database)
    with app.test_request_context("/"), database.read_only() as session:
        line = receipts.line_of(session, event_id)
        signed = receipts.receipt(session, line, issuer="http://localhost", at=NOON)
        sam, workspace = session.get_one(Contact, sam.id), settings.get(session)
        made = receipt_document.document(line, signed, [], "Offers", workspace, sam)
    seen, happened, *_ = made.sections
    assert seen.text[:5] == ("Harbour Coffee", "Hear it first", "Phone", "With +", "[ 202 555 0123 ]")
    assert seen.text[5:] == (LEGAL[3:-4], "I agree.", "[ Sign Up Now ]")
    assert happened.rows[:2] == [("Person", "Sam"), ("Contact id", sam.public_id)]
    assert ("Inserted by", "Agent 7") in happened.rows


def test_the_page_is_offered_as_pdf_where_the_extra_is_installed(
    ana: FlaskClient, event_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f'href="/receipts/{event_id}.pdf"' in ana.get(f"/receipts/{event_id}").get_data(as_text=True)
    response = ana.get(f"/receipts/{event_id}.pdf")
    assert response.headers["Content-Type"] == "application/pdf"
    assert response.get_data().startswith(b"%PDF-")
    monkeypatch.setitem(sys.modules, "typst", None)
    assert ".pdf" not in ana.get(f"/receipts/{event_id}").get_data(as_text=True)
    assert ana.get(f"/receipts/{event_id}.pdf").status_code == 422


def test_an_event_that_is_not_sealed_and_one_that_does_not_exist(
    app: Flask, ana: FlaskClient, database: Database, event_id: int
) -> None:
    with database.unit_of_work() as session:
        eve = make.contact(session, phone_number=make.EVES_NUMBER)
        pending = make.opt_in(session, eve, make.live_type(session, name="News")).event_id
    assert "Not sealed yet" in ana.get(f"/receipts/{pending}").get_data(as_text=True)
    assert ana.get("/receipts/999").status_code == 404
    assert app.test_client().get(f"/receipts/{event_id}").status_code == 302
