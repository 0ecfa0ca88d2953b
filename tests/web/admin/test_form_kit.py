"""The carrier rules in the form editor, and the kit for carrier registration."""

import io
import zipfile

from flask import Flask
from flask.testing import FlaskClient

from app.core.forms.content import FormText
from app.core.workspace import settings
from app.db import Database
from app.models import Channel
from tests import make
from tests.web import pages

STATES = ("", "-saved-number", "-confirm", "-done")
LEGAL = (
    "You agree to get recurring automated marketing texts about offers. Not a condition of purchase. Up to 4 messages "
    "a month. Message and data rates may apply. Reply HELP for help, STOP to cancel."
)


def test_the_kit_has_the_page_the_flow_as_it_is_and_the_rules(app: Flask, database: Database) -> None:
    with database.unit_of_work() as session:
        values = {"terms_url": "https://h.example.com/terms", "privacy_url": "https://h.example.com/p"}
        settings.change(session, values | {"help_contact": "help@h.example.com"}, actor="agent:1", at=make.NOON)
        subscription_type = make.live_type(session)
        subscription_type.welcome = True
        legal = {"en": FormText("Texts", legal_text=LEGAL, checkbox_text="I agree."), "de": FormText("SMS", "", "Ja")}
        form = make.form(session, subscription_type, texts=legal, verify_number="reply")
        emails = make.form(session, make.live_type(session, name="Letter", channel=Channel.EMAIL))
        path, no_texts = f"/admin/forms/{form.id}", f"/admin/forms/{emails.id}"
    marketer = pages.admin(app)
    editor = marketer.get(path).text
    assert "Carrier rules" in editor
    assert "30545" in editor
    assert "Kit for carrier registration" in editor
    assert "Carrier rules" not in marketer.get(no_texts).text
    assert marketer.get(f"{no_texts}/kit").status_code == 409
    kit = marketer.get(f"{path}/kit")
    assert "Reply YES to get texts about Offers" in kit.text
    page = marketer.get(f"{path}/kit/en.html")
    assert "recurring automated marketing texts" in page.text
    assert "<script" not in page.text
    with zipfile.ZipFile(io.BytesIO(marketer.get(f"{path}/kit.zip").data)) as archive:
        assert set(archive.namelist()) == {
            "README.txt",
            "message-flow.txt",
            "carrier-rules.csv",
            *(f"form-{locale}{state}.html" for locale in ("en", "de") for state in STATES),
        }
        done = archive.read("form-en-done.html").decode()
        flow = archive.read("message-flow.txt").decode()
        rules = archive.read("carrier-rules.csv").decode()
    assert "<style>" in done
    assert "<script" not in done
    for said in ("“I agree.”", LEGAL, "Reply YES", "You are signed up for Offers", "help@h.example.com", "START"):
        assert said in flow
    assert 'How often messages come,"30545, 30909, 30924",fulfilled' in rules


def test_publishing_a_form_that_carriers_may_refuse_warns_and_does_not_forbid(app: Flask, database: Database) -> None:
    with database.unit_of_work() as session:
        type_id = make.live_type(session).id
    max_: FlaskClient = pages.admin(app)
    sent = {"title": "Texts", "subscription_type_id": str(type_id), "legal_text": "Offers by text.", "locale": "en"}
    response = pages.submit(max_, "/admin/forms/new", sent)
    shown = max_.get(response.headers["Location"]).text
    assert "Carriers may refuse this form" in shown
    assert "Message and data rates" in shown
