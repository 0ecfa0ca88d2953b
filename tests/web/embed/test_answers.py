"""Answers to a form, sent through its pages."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from app.core import demo
from app.core.consent import locking, suppressions
from app.core.contacts import records as contacts
from app.core.conversations import forms as conversation_forms
from app.core.conversations import lifecycle
from app.core.forms import daily_counts, publishing
from app.core.forms.content import FormContent, FormText
from app.core.forms.publishing import FormSettings
from app.core.ledger import events as ledger
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.db import Database
from app.jobs.route_outbox import sweep_outbox
from app.models import (
    Channel,
    Consent,
    ConsentEvent,
    ConsentEvidence,
    Contact,
    ContactRole,
    InsertedForm,
    OutboxEvent,
    SubscriptionType,
    Suppression,
    Wording,
)
from tests import make
from tests.web.embed.page import answer, open_form


@pytest.fixture
def key(database: Database) -> str:
    with database.unit_of_work() as session:
        return make.form(session).key


def _count(database: Database, model: type) -> int:
    with database.read_only() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_a_typed_number_is_signed_up_with_the_exact_wording_that_was_shown(
    client: FlaskClient, database: Database, key: str
) -> None:
    page = open_form(client, f"/f/form/{key}")
    assert (page.status, page.state, page.asks) == (200, "ask", "phone")
    done = answer(client, page, "(202) 555-0123", country="US")
    assert (done.status, done.state) == (200, "done")
    assert "+1 202-555-0123" in done.text
    with database.read_only() as session:
        consent = session.scalars(select(Consent)).one()
        event = session.scalars(select(ConsentEvent)).one()
        evidence = session.scalars(select(ConsentEvidence)).one()
        words = session.get_one(Wording, evidence.wording_hash)
        lead = session.scalars(select(Contact)).one()
    assert (consent.state, consent.destination, consent.event_id) == ("opted_in", "+12025550123", event.id)
    assert (event.action, event.source, event.evidence_level) == ("opt_in", "form", "web_unverified")
    assert (evidence.destination, evidence.ip_address, evidence.locale) == ("+12025550123", "127.0.0.1", "en")
    assert "By signing up you agree to get texts. <strong>No</strong> obligation." in words.body
    assert '"button":"Sign Up Now"' in words.body
    assert "2025550123" not in words.body
    assert (lead.role, lead.phone, lead.phone_country, lead.sms_block) == ("lead", "+12025550123", "US", None)


def test_the_evidence_holds_only_texts_that_were_shown(client: FlaskClient, database: Database) -> None:
    texts = {
        "en": FormText("Texts from us", legal_text="Up to **four** a month."),
        "ar": FormText("رسائل منا", "نعم", "حتى أربع رسائل شهريًا."),
    }
    with database.unit_of_work() as session:
        settings.change(session, {"privacy_url": "https://harbour.example.com/p"}, actor="agent:1", at=make.NOON)
        form = make.form(session, make.live_type(session, name="Weekly till receipts"), texts=texts)
        token = make.inserted(session, form, make.contact(session, phone_number=make.SAMS_NUMBER)).token
    for path, typed in ((f"/f/form/{form.key}", make.EVES_NUMBER), (f"/f/{token}", None)):
        page = open_form(client, path, language="ar")
        answer(client, page, typed, headers={"Accept-Language": "ar"})
        with database.read_only() as session:
            evidence = session.scalars(select(ConsentEvidence).order_by(ConsentEvidence.event_id.desc())).first()
            assert evidence
            words = json.loads(session.get_one(Wording, evidence.wording_hash).body)
        assert words.pop("locale") == "ar"
        assert evidence.details["subscription_type"] == "Weekly till receipts"
        for word in _texts(words):
            assert word in unescape(page.response.text)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(part)


@pytest.mark.databases("sqlite")
def test_the_evidence_in_the_demo_is_the_wording_of_its_page(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        demo.fill(session, at=make.NOON, password_hash="x")
        event, evidence = ConsentEvent.form_version_id, ConsentEvidence
        rows = session.execute(
            select(event, evidence.locale, evidence.wording_hash)
            .join(evidence, evidence.event_id == ConsentEvent.id)
            .where(event.is_not(None))
            .distinct()
        ).all()
        kept = {(version_id, locale): wording_hash for version_id, locale, wording_hash in rows}
        forms = {each.version.id: each.form for each in publishing.find_all(session)}
        tokens = []
        for number, (version_id, locale) in enumerate(kept):
            saved = {"phone_number": f"+120255501{number:02}", "email_address": f"new{number}@example.com"}
            tokens.append(
                make.inserted(session, forms[version_id], make.contact(session, locale=locale, **saved)).token
            )
    assert len(kept) == len(rows) > 6
    for token in tokens:
        assert answer(client, open_form(client, f"/f/{token}")).state == "done"
    with database.read_only() as session:
        latest = select(ConsentEvidence.wording_hash).order_by(ConsentEvidence.event_id.desc()).limit(len(kept))
        assert set(session.scalars(latest)) == set(kept.values())


def test_a_repeated_answer_writes_one_consent_and_one_event(client: FlaskClient, database: Database, key: str) -> None:
    page = open_form(client, f"/f/form/{key}")
    first, replay = answer(client, page, make.SAMS_NUMBER), answer(client, page, make.SAMS_NUMBER)
    again = answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER)
    assert [first.state, replay.state, again.state] == ["done", "done", "done"]
    assert first.text == replay.text == again.text
    assert [_count(database, model) for model in (Consent, ConsentEvent, Contact)] == [1, 1, 1]


def test_the_evidence_names_the_form_its_version_who_inserted_it_and_the_number_as_it_was_shown(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        form = make.form(session, name="Footer")
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        chat = lifecycle.start(session, sam.id, at=make.NOON)
        conversation_forms.insert_saved(session, chat.id, form.id, actor="agent:1", at=make.clock.now())
        token = session.scalars(select(InsertedForm.token)).one()
    assert answer(client, open_form(client, f"/f/{token}")).state == "done"
    public = open_form(client, f"/f/form/{form.key}")
    assert answer(client, public, "(202) 555-0199", country="US").state == "done"
    with database.read_only() as session:
        inserted, typed = session.scalars(select(ConsentEvidence.details).order_by(ConsentEvidence.event_id))
    assert inserted["form"] == typed["form"] == "Footer"
    assert inserted["form_version"] == typed["form_version"] == 1
    assert (inserted["inserted_by"], inserted["conversation"]) == ("agent:1", chat.id)
    assert inserted["shown_as"] == "+1 ••• ••• ••23"
    assert (typed["typed_as"], typed["country"]) == ("(202) 555-0199", "US")
    assert "inserted_by" not in typed


def test_the_evidence_names_the_page_on_our_own_origin(client: FlaskClient, database: Database, key: str) -> None:
    framed = {"Referer": "http://localhost/shop", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "iframe"}
    page = open_form(client, f"/f/form/{key}", **framed)
    page.fields["page"] = "http://localhost/shop?q=1"
    answer(client, page, make.SAMS_NUMBER)
    linked = open_form(client, f"/f/form/{key}", **framed | {"Sec-Fetch-Dest": "document"})
    linked.fields["page"] = "https://eve.example.com/"
    answer(client, linked, make.EVES_NUMBER)
    with database.read_only() as session:
        query = select(ConsentEvidence.origin, ConsentEvidence.page).order_by(ConsentEvidence.event_id)
        rows = [tuple(row) for row in session.execute(query)]
    assert rows == [("http://localhost", "http://localhost/shop"), (None, None)]


def test_an_answer_leads_to_a_page_that_can_be_loaded_again_for_ten_minutes(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        form = make.form(session)
        token = make.inserted(session, form, make.contact(session, phone_number=make.SAMS_NUMBER)).token
    ways = (
        (f"/f/form/{form.key}", "ask", "+1 202-555-0199", "Thank you for signing up"),
        (f"/f/{token}", "signed_up", "+1 ••• ••• ••23", "You’re signed up"),
    )
    for path, later, number, heading in ways:
        page = open_form(client, path)
        response = client.post(page.action, data=page.fields | {"phone": make.EVES_NUMBER})
        assert response.status_code == 303
        address = response.headers["Location"]
        assert address.startswith(f"{path}?done=")
        for _ in range(2):
            done = open_form(client, address, language="de")
            assert (done.status, done.state, number in done.text) == (200, "done", True)
            assert done.response.text.count(f"<title>{heading} – Texts from Harbour Coffee</title>") == 1
            assert f"</span> {heading}</h1>" in done.response.text
        assert open_form(client, f"{path}?done=forged").state == later
        with time_machine.travel(make.clock.now() + timedelta(minutes=11), tick=True):
            assert open_form(client, address).state == later
    assert open_form(client, f"/f/form/{form.key}?{address.partition('?')[2]}").state == "ask"
    assert _count(database, ConsentEvent) == 2


def test_the_page_after_an_answer_does_not_outlive_an_opt_out(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        token = make.inserted(session, make.form(session, subscription_type), sam).token
    page = open_form(client, f"/f/{token}")
    address = client.post(page.action, data=page.fields).headers["Location"]
    with database.unit_of_work() as session:
        make.opt_out(session, sam, subscription_type, at=make.clock.now())
    assert open_form(client, address).state == "saved"


def test_the_title_says_what_is_wrong(client: FlaskClient, key: str) -> None:
    refused = answer(client, open_form(client, f"/f/form/{key}"), "call me")
    assert (
        "<title>Enter just the number, for example +44 7400 123456. – Texts from Harbour Coffee</title>"
        in refused.response.text
    )


STOPPED = "Texts to this number are stopped. To get them again, reply START to one of our texts."
PERHAPS_STOPPED = "If you stopped our texts before, reply START to one of them to get them again."


def test_only_the_person_themselves_is_told_that_texts_to_their_number_are_stopped(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        form = make.form(session)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        token = make.inserted(session, form, sam).token
        suppressions.add(session, make.SAMS_NUMBER, "asked by letter", actor="agent:1", at=make.NOON)
    personal = answer(client, open_form(client, f"/f/{token}"))
    assert (personal.state, STOPPED in personal.text, "We will text" in personal.text) == ("done", True, False)
    assert STOPPED in open_form(client, f"/f/{token}").text
    texts = []
    for number in (make.SAMS_NUMBER, make.EVES_NUMBER):
        done = answer(client, open_form(client, f"/f/form/{form.key}"), number)
        assert (done.state, STOPPED in done.text, PERHAPS_STOPPED in done.text) == ("done", False, True)
        texts.append(done.text.replace("0123", "0199"))
    assert texts[0] == texts[1]


BOX = {
    "en": FormText("Texts from us", checkbox_text="I agree to get texts."),
    "es": FormText("Mensajes nuestros", checkbox_text="Acepto recibir mensajes."),
    "fr": FormText("Nos messages"),
}


def test_a_form_with_a_box_signs_up_only_who_ticked_it(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        form = make.form(session, texts=BOX)
        token = make.inserted(session, form, make.contact(session, phone_number=make.SAMS_NUMBER)).token
    for path, typed in ((f"/f/form/{form.key}", make.EVES_NUMBER), (f"/f/{token}", None)):
        page = open_form(client, path)
        assert page.box is not None
        assert (page.box["name"], "checked" in page.box, "I agree to get texts." in page.text) == ("agree", False, True)
        for sent in ({}, {"agree": "false"}, {"agree": ""}):
            refused = answer(client, page, typed, **sent)
            assert (refused.status, refused.main["data-error"]) == (422, "not_agreed")
            assert "Tick this box to sign up." in refused.text
            assert refused.box is not None
            assert (refused.box["aria-invalid"], "checked" in refused.box) == ("true", False)
            assert f'value="{typed}"' in refused.response.text or typed is None
    assert _count(database, ConsentEvent) == 0
    for path, typed in ((f"/f/form/{form.key}", make.EVES_NUMBER), (f"/f/{token}", None)):
        assert answer(client, open_form(client, path), typed, agree="on").state == "done"
    with database.read_only() as session:
        for body in session.scalars(select(Wording.body)):
            assert json.loads(body)["checkbox"] == "I agree to get texts."


def test_a_ticked_box_stays_ticked_when_the_number_is_refused_but_not_when_the_texts_changed(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        key = make.form(session, texts=BOX).key
    both = answer(client, open_form(client, f"/f/form/{key}"), "12", country="US")
    assert both.main["data-error"] == "phone_too_short"
    assert "Tick this box to sign up." in both.text
    refused = answer(client, open_form(client, f"/f/form/{key}"), "12", country="US", agree="on")
    assert refused.box is not None
    assert ("checked" in refused.box, "Tick this box" in refused.text) == (True, False)
    with database.unit_of_work() as session:
        settings.change(session, {"privacy_url": "https://harbour.example.com/p"}, actor="agent:1", at=make.NOON)
    again = answer(client, refused, make.SAMS_NUMBER, agree="on")
    assert again.box is not None
    assert (again.main["data-error"], "checked" in again.box) == ("shown_again", False)


def test_a_form_whose_box_is_not_translated_is_shown_in_its_own_language(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        key = make.form(session, texts=BOX).key
    assert "Acepto recibir mensajes." in open_form(client, f"/f/form/{key}", language="es").text
    french = open_form(client, f"/f/form/{key}", language="fr").response.text
    assert '<html lang="en" dir="ltr">' in french
    assert '<label for="agree">I agree to get texts.</label>' in french


def test_going_back_to_correct_the_number_asks_again_and_signs_up_the_new_one(
    client: FlaskClient, database: Database, key: str
) -> None:
    page = open_form(client, f"/f/form/{key}")
    answer(client, page, make.EVES_NUMBER)
    corrected = answer(client, page, make.SAMS_NUMBER)
    assert (corrected.status, corrected.state, corrected.main["data-error"]) == (409, "ask", "answered_already")
    assert _count(database, Contact) == 1
    assert answer(client, corrected, make.SAMS_NUMBER).state == "done"
    with database.read_only() as session:
        assert set(session.scalars(select(Consent.destination))) == {make.EVES_NUMBER, make.SAMS_NUMBER}


def test_a_refused_number_shows_what_to_do_and_records_nothing(
    client: FlaskClient, database: Database, key: str
) -> None:
    refused = answer(client, open_form(client, f"/f/form/{key}"), "1-800-FLOWERS")
    assert (refused.status, refused.state, refused.main["data-error"]) == (422, "ask", "phone_has_letters")
    assert "Enter just the number" in refused.text
    assert 'value="1-800-FLOWERS"' in refused.response.text
    assert 'aria-invalid="true"' in refused.response.text
    assert [_count(database, model) for model in (Consent, ConsentEvent, Contact, InsertedForm, OutboxEvent)] == [0] * 5
    assert answer(client, refused, make.SAMS_NUMBER).state == "done"


def test_typed_markup_is_shown_again_as_text(client: FlaskClient, key: str) -> None:
    refused = answer(client, open_form(client, f"/f/form/{key}"), '"><script>alert(1)</script>')
    assert "<script>alert" not in refused.response.text
    assert "&gt;&lt;script&gt;" in refused.response.text
    strange = open_form(client, f'/f/form/{key}?theme="><script>alert(1)</script>')
    assert strange.action == f"/f/form/{key}"


def test_a_number_without_plus_is_read_in_the_country_that_the_person_chose(
    client: FlaskClient, database: Database, key: str
) -> None:
    page = open_form(client, f"/f/form/{key}", language="en-US")
    assert (page.countries[0], page.fields["country"]) == ("", "")
    for typed in ("8123456789", "202 555 0123"):
        refused = answer(client, page, typed)
        assert (refused.status, refused.main["data-error"]) == (422, "phone_country_code_missing")
        assert (refused.fields["country"], f'value="{typed}"' in refused.response.text) == ("", True)
    assert _count(database, Contact) == 0
    short = answer(client, refused, "0740", country="GB")
    assert (short.fields["country"], short.main["data-error"]) == ("GB", "phone_too_short")
    assert all(part in short.text for part in ("too short", "United Kingdom", "07400 123456"))
    assert answer(client, short, "07400 123456").state == "done"
    with database.read_only() as session:
        assert session.scalars(select(Consent.destination)).all() == ["+447400123456"]


def test_a_number_with_plus_wins_over_the_chosen_country(client: FlaskClient, database: Database, key: str) -> None:
    page = open_form(client, f"/f/form/{key}")
    assert answer(client, page, make.BRITISH_NUMBER, country="US").state == "done"
    invalid = answer(client, open_form(client, f"/f/form/{key}"), "+44 7400", country="US")
    assert "This number is too short. Check that no digit is missing." in invalid.text
    with database.read_only() as session:
        assert session.scalars(select(Consent.destination)).all() == [make.BRITISH_NUMBER]


def test_a_country_that_is_not_on_the_list_is_refused(client: FlaskClient, database: Database, key: str) -> None:
    for country in ("ZZ", "gb", "<b>", "None"):
        refused = answer(client, open_form(client, f"/f/form/{key}"), make.BRITISH_NUMBER, country=country)
        assert (refused.status, refused.main["data-error"]) == (422, "country_not_allowed")
    assert _count(database, Contact) == 0


def test_an_answer_without_a_country_is_read_in_the_forms_country_and_never_in_the_browsers(
    client: FlaskClient, database: Database, key: str
) -> None:
    with database.unit_of_work() as session:
        british = make.form(session, default_country="GB").key
    page = open_form(client, f"/f/form/{british}")
    assert (page.fields.pop("country"), page.countries.count("")) == ("GB", 0)
    assert answer(client, page, "07400 123456").state == "done"
    page = open_form(client, f"/f/form/{key}", language="en-US")
    del page.fields["country"]
    refused = answer(client, page, "202 555 0123")
    assert refused.main["data-error"] == "phone_country_code_missing"
    assert "Choose the country, or start with + and the country code." in refused.text


def test_the_browsers_country_is_offered_to_a_script_with_its_time_zones(client: FlaskClient, key: str) -> None:
    page = open_form(client, f"/f/form/{key}", language="en-IN")
    assert page.fields["country"] == ""
    assert 'data-region="IN" data-zones="Asia/Calcutta Asia/Kolkata"' in page.response.text
    for language in ("en", "it,en-US;q=0.7,en;q=0.3", "en-UK"):
        assert 'data-region="" data-zones=""' in open_form(client, f"/f/form/{key}", language=language).response.text


def test_only_allowed_countries_are_offered_and_a_single_one_is_selected(
    client: FlaskClient, database: Database, key: str
) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"allowed_countries": ["GB"]}, actor="agent:1", at=make.NOON)
    page = open_form(client, f"/f/form/{key}", language="en-US")
    assert (page.countries, page.fields["country"]) == (["GB"], "GB")
    assert 'data-zones=""' in page.response.text
    for typed, country in ((make.SAMS_NUMBER, "GB"), ("202 555 0123", "US")):
        refused = answer(client, page, typed, country=country)
        assert refused.main["data-error"] == "country_not_allowed"
    assert answer(client, refused, "07400 123456", country="GB").state == "done"
    assert _count(database, Contact) == 1


def test_the_country_of_a_saved_number_that_cannot_be_texted_is_preselected(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number="+44 20 7946 0018")
        token = make.inserted(session, make.form(session, default_country="US"), sam).token
    assert open_form(client, f"/f/{token}").fields["country"] == "GB"


def test_a_saved_number_is_masked_and_a_number_in_a_tampered_request_is_ignored(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        token = make.inserted(session, make.form(session), sam).token
    page = open_form(client, f"/f/{token}")
    assert (page.state, page.asks) == ("saved", None)
    assert "+1 ••• ••• ••23" in page.text
    assert "2025550123" not in page.response.text
    done = answer(client, page, phone=make.EVES_NUMBER)
    assert done.state == "done"
    assert "5550123" not in done.response.text
    with database.read_only() as session:
        event = session.scalars(select(ConsentEvent)).one()
        assert session.scalars(select(Consent.destination)).all() == [make.SAMS_NUMBER]
        assert (event.contact_id, event.evidence_level) == (sam.id, "personal_link")
        assert session.get_one(Contact, sam.id).phone == make.SAMS_NUMBER
    returned = open_form(client, f"/f/{token}")
    assert (returned.status, returned.state, returned.asks) == (200, "signed_up", None)


def test_a_number_typed_by_a_contact_without_one_is_saved(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session)
        token = make.inserted(session, make.form(session), sam).token
    page = open_form(client, f"/f/{token}")
    assert page.state == "ask"
    assert answer(client, page, make.SAMS_NUMBER).state == "done"
    with database.read_only() as session:
        saved = session.get_one(Contact, sam.id)
        assert (saved.phone, saved.sms_block, saved.phone_country) == (make.SAMS_NUMBER, None, "US")
    assert answer(client, page, make.SAMS_NUMBER).state == "done"
    changed = answer(client, page, make.EVES_NUMBER)
    assert (changed.state, changed.status) == ("signed_up", 409)
    with database.read_only() as session:
        assert session.get_one(Contact, sam.id).phone == make.SAMS_NUMBER
    assert _count(database, ConsentEvent) == 1


def test_another_number_is_asked_for_when_the_saved_one_cannot_be_texted(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number="+44 20 7946 0018")
        token = make.inserted(session, make.form(session), sam).token
    page = open_form(client, f"/f/{token}")
    assert page.state == "ask"
    assert answer(client, page, make.BRITISH_NUMBER).state == "done"
    with database.read_only() as session:
        saved = session.get_one(Contact, sam.id)
        assert (saved.phone, saved.phone_country) == (make.BRITISH_NUMBER, "GB")
        assert saved.former_phone_hashes == [sam.phone_hash], "an erasure finds what is kept about the old number"
        change, opt_in = ledger.of_contact(session, sam.id)[::-1]
        assert (change.event.action, opt_in.event.action) == ("number_change", "opt_in")
        event = change.event
        assert (event.source, event.actor, event.destination_hash) == ("form", "contact", saved.phone_hash)
        assert change.evidence
        assert change.evidence.details
        assert (change.evidence.details["before"], change.evidence.destination) == (sam.phone, saved.phone)
        topics = list(session.scalars(select(OutboxEvent.topic).order_by(OutboxEvent.id)))
        assert topics[-3:] == ["contact.updated", "granular.subscribe", "form.submitted"]


def test_a_number_that_changed_while_the_page_was_open_is_shown_before_it_is_signed_up(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        token = make.inserted(session, make.form(session), sam).token
    page = open_form(client, f"/f/{token}")
    with database.unit_of_work() as session:
        contacts.change_phone(session, locking.lock_contact(session, sam.id), make.EVES_NUMBER, at=make.NOON)
    again = answer(client, page)
    assert (again.status, again.state, again.main["data-error"]) == (409, "saved", "shown_again")
    assert "••99" in again.text
    assert _count(database, Consent) == 0
    assert answer(client, again).state == "done"


def test_a_replayed_answer_never_undoes_an_opt_out(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        token = make.inserted(session, make.form(session, subscription_type), sam).token
    page = open_form(client, f"/f/{token}")
    answer(client, page)
    with database.unit_of_work() as session:
        from app.core import clock

        make.opt_out(session, sam, subscription_type, at=clock.now())
    replay = answer(client, page)
    assert (replay.status, replay.state, replay.main["data-error"]) == (409, "saved", "shown_again")
    with database.read_only() as session:
        assert session.scalars(select(Consent.state)).all() == ["opted_out"]
    assert answer(client, replay).state == "done"


def test_changed_texts_are_shown_before_an_answer_counts(client: FlaskClient, database: Database, key: str) -> None:
    page = open_form(client, f"/f/form/{key}")
    with database.unit_of_work() as session:
        settings.change(session, {"privacy_url": "https://harbour.example.com/p"}, actor="agent:1", at=make.NOON)
    again = answer(client, page, make.SAMS_NUMBER)
    assert (again.status, again.main["data-error"]) == (409, "shown_again")
    assert "Privacy policy" in again.text
    assert f'value="{make.SAMS_NUMBER}"' in again.response.text
    assert answer(client, again, make.SAMS_NUMBER).state == "done"


def test_an_answer_without_a_valid_render_token_records_nothing(
    client: FlaskClient, database: Database, key: str
) -> None:
    for shown in ("", "forged", open_form(client, f"/f/form/{key}").fields["shown"][:-2] + "xx"):
        page = open_form(client, f"/f/form/{key}")
        refused = answer(client, page, make.SAMS_NUMBER, shown=shown)
        assert (refused.status, refused.main["data-error"]) == (409, "shown_again")
    with database.unit_of_work() as session:
        other = make.form(session).key
    foreign = open_form(client, f"/f/form/{other}").fields["shown"]
    assert answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER, shown=foreign).status == 409
    assert _count(database, Consent) == 0


def test_a_page_that_was_open_for_days_is_shown_again(client: FlaskClient, key: str) -> None:
    page = open_form(client, f"/f/form/{key}")
    with time_machine.travel(make.clock.now() + timedelta(hours=25), tick=True):
        assert answer(client, page, make.SAMS_NUMBER).main["data-error"] == "shown_again"


def test_an_inserted_form_keeps_the_texts_of_its_version(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session)
        form = make.form(session, subscription_type)
        token = make.inserted(session, form, make.contact(session)).token
        fresh = FormContent(subscription_type.id, {"en": FormText("Quite another title")})
        publishing.publish(session, form, fresh, FormSettings(), actor="agent:1", at=make.NOON)
    assert "Texts from Harbour Coffee" in open_form(client, f"/f/{token}").text
    assert "Quite another title" in open_form(client, f"/f/form/{form.key}").text


def test_an_answer_to_an_old_version_records_the_old_texts(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session)
        form = make.form(session, subscription_type)
    page = open_form(client, f"/f/form/{form.key}")
    with database.unit_of_work() as session:
        form = publishing.find(session, form.id)
        fresh = FormContent(subscription_type.id, {"en": FormText("Quite another title")})
        publishing.publish(session, form, fresh, FormSettings(), actor="agent:1", at=make.NOON)
    assert answer(client, page, make.SAMS_NUMBER).state == "done"
    with database.read_only() as session:
        assert "Texts from Harbour Coffee" in session.scalars(select(Wording.body)).one()


@pytest.mark.parametrize("step", ["archive the type", "archive the form"])
def test_a_form_that_is_no_longer_offered_is_unavailable_and_records_nothing(
    client: FlaskClient, database: Database, step: str
) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session)
        form = make.form(session, subscription_type)
        token = make.inserted(session, form, make.contact(session, phone_number=make.SAMS_NUMBER)).token
    pages = [open_form(client, f"/f/{token}"), open_form(client, f"/f/form/{form.key}")]
    with database.unit_of_work() as session:
        if step == "archive the type":
            subscription_types.archive(
                session, subscription_types.find(session, subscription_type.id), actor="a", at=make.NOON
            )
        else:
            publishing.archive(session, publishing.find(session, form.id), actor="a", at=make.NOON)
    for page in pages:
        closed = open_form(client, page.path)
        assert (closed.status, closed.state, closed.asks, closed.action) == (200, "unavailable", None, "")
        assert (answer(client, page, make.SAMS_NUMBER).status, _count(database, Consent)) == (409, 0)


@pytest.mark.parametrize("fault", ["gdpr", "blocked", "archived"])
def test_a_form_is_unavailable_to_a_contact_that_is_out_of_reach(
    client: FlaskClient, database: Database, fault: str
) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        token = make.inserted(session, make.form(session), sam).token
    page = open_form(client, f"/f/{token}")
    change = {
        "gdpr": {"gdpr_optin": False},
        "blocked": {"blocked_at": make.NOON},
        "archived": {"archived_at": make.NOON},
    }
    with database.unit_of_work() as session:
        session.execute(update(Contact).where(Contact.id == sam.id).values(change[fault]))
    assert (open_form(client, f"/f/{token}").state, answer(client, page).state) == ("unavailable", "unavailable")
    assert _count(database, Consent) == 0


def test_an_expired_link_records_nothing(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        token = make.inserted(session, make.form(session), sam, expires_in=timedelta(hours=1)).token
    page = open_form(client, f"/f/{token}")
    with time_machine.travel(make.clock.now() + timedelta(hours=2), tick=True):
        late = open_form(client, f"/f/{token}")
        assert (late.status, late.state, late.asks) == (410, "expired", None)
        assert answer(client, page).state == "expired"
    assert _count(database, Consent) == 0


def test_an_unsigned_person_never_becomes_a_known_user(client: FlaskClient, database: Database, key: str) -> None:
    with database.unit_of_work() as session:
        make.contact(session, phone_number=make.SAMS_NUMBER, name="Sam the customer")
    done = answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER)
    assert "Sam the customer" not in done.text
    with database.read_only() as session:
        consent = session.scalars(select(Consent)).one()
        assert session.get_one(Contact, consent.contact_id).role == "lead"


def test_a_stranger_learns_nothing_about_a_number(client: FlaskClient, database: Database, key: str) -> None:
    with database.unit_of_work() as session:
        number = session.info["assent_keys"].destination_hash(make.EVES_NUMBER)
        session.add(Suppression(phone_hash=number, phone=make.EVES_NUMBER, cause="keyword", created_at=make.NOON))
        make.contact(session, phone_number=make.BRITISH_NUMBER)
    answers = [
        answer(client, open_form(client, f"/f/form/{key}"), typed)
        for typed in (make.SAMS_NUMBER, make.SAMS_NUMBER, make.EVES_NUMBER, make.BRITISH_NUMBER)
    ]
    assert {(page.status, page.state) for page in answers} == {(200, "done")}
    shapes = {
        page.text.replace("+1 202-555-0123", "#").replace("+1 202-555-0199", "#").replace("+44 7400 123456", "#")
        for page in answers
    }
    assert len(shapes) == 1


def test_of_an_answer_for_a_person_who_refused_everything_nothing_is_stored_and_nobody_learns_that(
    client: FlaskClient, database: Database, key: str
) -> None:
    with database.unit_of_work() as session:
        letter = make.form(session, make.live_type(session, channel=Channel.EMAIL)).key
        make.contact(session, phone_number=make.SAMS_NUMBER, email_address="sam@example.com", gdpr_optin=False)
    refused = (key, make.SAMS_NUMBER), (letter, "sam@example.com")
    for form, typed in refused:
        assert answer(client, open_form(client, f"/f/form/{form}"), typed).state == "done"
    assert {_count(database, each) for each in (Consent, InsertedForm, ConsentEvent)} == {0}
    assert _count(database, Contact) == 1
    # a field that is not on the page says nothing about the person
    page = open_form(client, f"/f/form/{letter}")
    assert answer(client, page, "eve@example.com", phone=make.SAMS_NUMBER).state == "done"
    assert _count(database, Consent) == 1


def test_an_email_type_asks_for_an_address(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        letter = make.live_type(session, channel=Channel.EMAIL)
        form = make.form(session, letter)
        sam = make.contact(session, email_address="sam@example.com")
        token = make.inserted(session, form, sam).token
    page = open_form(client, f"/f/form/{form.key}")
    assert (page.state, page.asks) == ("ask", "email")
    assert answer(client, page, "not an address").main["data-error"] == "email_invalid"
    assert answer(client, page, "Eve@Example.com").state == "done"
    saved = open_form(client, f"/f/{token}")
    assert (saved.state, "s•••@•••.com" in saved.text, "sam@example.com" in saved.response.text) == (
        "saved",
        True,
        False,
    )
    assert answer(client, saved).state == "done"
    with database.read_only() as session:
        assert set(session.scalars(select(Consent.destination))) == {"eve@example.com", "sam@example.com"}


def test_submissions_are_limited_by_number_and_by_address_over_all_processes(
    app: Flask, client: FlaskClient, database: Database, key: str
) -> None:
    with database.unit_of_work() as session:
        changed = {"submissions_per_number": 2, "submissions_per_address": 4}
        settings.change(session, changed, actor="agent:1", at=make.NOON)

    def submit(typed: str) -> int:
        return answer(client, open_form(client, f"/f/form/{key}"), typed).status

    assert [submit(make.SAMS_NUMBER) for _ in range(3)] == [200, 200, 429]
    assert submit(make.EVES_NUMBER) == 200
    refused = answer(client, open_form(client, f"/f/form/{key}"), make.BRITISH_NUMBER)
    assert (refused.status, refused.main["data-error"]) == (429, "too_many")
    assert int(refused.response.headers["Retry-After"]) > 0
    assert re.search(r"try again in (1 minute|\d\d? minutes)\.", refused.text)
    with database.read_only() as session:
        assert session.scalar(select(func.count()).where(Consent.destination == make.BRITISH_NUMBER)) == 0


def test_each_page_that_was_seen_is_counted_once(client: FlaskClient, database: Database, key: str) -> None:
    page = open_form(client, f"/f/form/{key}")
    for _ in range(3):
        assert client.post(f"/f/form/{key}/seen", data={"shown": page.fields["shown"]}).status_code == 204
    client.post(f"/f/form/{key}/seen", data={"shown": "forged"})
    with database.unit_of_work() as session:
        form = session.scalars(select(publishing.OptInForm)).one()
        token = make.inserted(session, form, make.contact(session)).token
    for _ in range(2):
        assert client.post(f"/f/{token}/seen").status_code == 204
    with database.read_only() as session:
        assert daily_counts.totals(session)[form.id].seen == 2


def test_a_form_that_is_answered_without_scripts_was_seen(client: FlaskClient, database: Database, key: str) -> None:
    with database.unit_of_work() as session:
        form = session.scalars(select(publishing.OptInForm)).one()
        sent = [make.inserted(session, form, make.contact(session)).token for _ in range(2)]
    numbers = iter(f"+1202555014{number}" for number in range(6))
    pages = [*(f"/f/form/{key}" for _ in range(3)), *(f"/f/{token}" for token in sent)]
    for path, tells in zip(pages, (False, True, False, False, True), strict=True):
        page = open_form(client, path)
        if tells:
            client.post(f"{path}/seen", data={"shown": page.fields["shown"]})
        assert answer(client, page, next(numbers)).status == 200
    sweep_outbox(database)
    with database.read_only() as session:
        counted = daily_counts.totals(session)[form.id]
    assert (counted.seen, counted.submitted) == (5, 5)


def test_an_answer_from_another_site_is_refused(client: FlaskClient, database: Database, key: str) -> None:
    page = open_form(client, f"/f/form/{key}")
    crossed = answer(client, page, make.SAMS_NUMBER, headers={"Sec-Fetch-Site": "cross-site"})
    assert (crossed.status, _count(database, Consent)) == (403, 0)


def test_an_answer_that_is_too_large_is_refused(client: FlaskClient, database: Database, key: str) -> None:
    page = open_form(client, f"/f/form/{key}")
    too_large = answer(client, page, "1" * 100_000)
    assert (too_large.status, "That’s too long." in too_large.text) == (413, True)
    assert answer(client, page, "1" * 5_000).main["data-error"] == "phone_too_long"
    assert _count(database, Contact) == 0


@pytest.mark.parametrize("is_public", [True, False], ids=["public", "inserted"])
@pytest.mark.parametrize("channel", [Channel.SMS, Channel.EMAIL])
def test_only_the_field_of_the_forms_channel_is_read(
    client: FlaskClient,
    database: Database,
    channel: Channel,
    is_public: bool,  # noqa: FBT001
) -> None:
    with database.unit_of_work() as session:
        form = make.form(session, make.live_type(session, channel=channel))
        token = make.inserted(session, form, make.contact(session)).token
    fields = {Channel.SMS: ("phone", make.SAMS_NUMBER), Channel.EMAIL: ("email", "eve@example.com")}
    (asked, right), (other, wrong) = fields.pop(channel), *fields.values()
    page = open_form(client, f"/f/form/{form.key}" if is_public else f"/f/{token}")
    assert page.asks == asked
    tampered = answer(client, page, **{other: wrong})
    assert (tampered.status, tampered.main["data-error"], wrong in tampered.response.text) == (
        409,
        "shown_again",
        False,
    )
    assert _count(database, ConsentEvent) == 0
    assert answer(client, page, right, **{other: wrong}).state == "done"
    with database.read_only() as session:
        consent = session.scalars(select(Consent)).one()
        contact = session.get_one(Contact, consent.contact_id)
        saved = {Channel.SMS: (right, None), Channel.EMAIL: (None, right)}[channel]
        assert (consent.destination, contact.phone, contact.email) == (right, *saved)


def test_a_public_page_from_before_an_opt_out_does_not_undo_it(
    client: FlaskClient, database: Database, key: str
) -> None:
    early, page = (open_form(client, f"/f/form/{key}") for _ in range(2))
    assert answer(client, page, make.SAMS_NUMBER).state == "done"
    with database.unit_of_work() as session:
        lead, subscription_type = (
            session.scalars(select(Contact)).one(),
            session.scalars(select(SubscriptionType)).one(),
        )
        make.opt_out(session, lead, subscription_type, at=make.clock.now())
    for stale in (early, page):
        again = answer(client, stale, make.SAMS_NUMBER)
        assert (again.status, again.state, again.main["data-error"]) == (409, "ask", "shown_again")
        assert "signed up" not in again.text
        assert f'value="{make.SAMS_NUMBER}"' in again.response.text
    with database.read_only() as session:
        assert session.scalars(select(Consent.state)).all() == ["opted_out"]
    assert answer(client, early, make.EVES_NUMBER).state == "done"
    assert answer(client, again, make.SAMS_NUMBER).state == "done"
    with database.read_only() as session:
        states = session.scalars(select(Consent.state).order_by(Consent.contact_id)).all()
        assert states == ["opted_out", "opted_in"], "who typed the number is not known"


def test_a_page_from_before_a_repeated_opt_out_does_not_undo_it(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        form = make.form(session)
        sam = make.contact(session, role=ContactRole.USER, phone_number=make.SAMS_NUMBER)
        offers = session.scalars(select(SubscriptionType)).one()
        make.opt_out(session, sam, offers, at=make.clock.now() - timedelta(hours=1))
        token = make.inserted(session, form, sam).token
    page = open_form(client, f"/f/{token}")
    with database.unit_of_work() as session:
        offers = session.scalars(select(SubscriptionType)).one()
        make.opt_out(session, session.scalars(select(Contact)).one(), offers, at=make.clock.now())
    assert answer(client, page).main["data-error"] == "shown_again"
    with database.read_only() as session:
        assert session.scalars(select(Consent.state)).all() == ["opted_out"]


def test_only_a_user_with_a_personal_link_has_a_level_above_unverified(
    client: FlaskClient, database: Database, key: str
) -> None:
    """A person who answered a public form knows the token of that answer; a person who got a link knows its token."""
    page = open_form(client, f"/f/form/{key}")
    done = answer(client, page, make.SAMS_NUMBER)
    with database.unit_of_work() as session:
        subscription_type, form = (
            session.scalars(select(each)).one() for each in (SubscriptionType, publishing.OptInForm)
        )
        lead = session.scalars(select(Contact)).one()
        make.opt_out(session, lead, subscription_type, at=make.clock.now())
        for_nobody = make.inserted(session, form, None).token
        for_lead = make.inserted(session, form, lead).token
        for_user = make.inserted(session, form, make.contact(session)).token
    steps = [
        (done.main["data-token"], None, "claim", "web_unverified"),
        (for_nobody, make.EVES_NUMBER, "opt_in", "web_unverified"),
        (for_nobody, None, "claim", "web_unverified"),
        (for_lead, None, "claim", "web_unverified"),
        (for_user, make.BRITISH_NUMBER, "opt_in", "personal_link"),
    ]
    for token, typed, action, level in steps:
        assert answer(client, open_form(client, f"/f/{token}"), typed).state == "done"
        with database.unit_of_work() as session:
            newest = session.scalars(select(ConsentEvent).order_by(ConsentEvent.id.desc()).limit(1)).one()
            assert (newest.action, newest.evidence_level) == (action, level)
            make.opt_out(session, session.get_one(Contact, newest.contact_id), subscription_type, at=make.clock.now())
