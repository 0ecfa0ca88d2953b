"""Saved forms in a conversation: choosing one, warnings and refusals at the form, and taking one back."""

import re
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.core import clock
from app.core.conversations import lifecycle, messages
from app.core.conversations.appending import NewMessage
from app.core.forms.content import FormText, find_content
from app.core.forms.publishing import newest_version
from app.core.workspace import settings
from app.db import Database
from app.models import Contact, ContactRole, InsertedForm, Message, OptInForm
from tests import make
from tests.web import pages


@pytest.fixture
def sam(database: Database) -> Contact:
    with database.unit_of_work() as session:
        return make.contact(session, name="Sam Rivera", phone_number=make.SAMS_NUMBER)


@pytest.fixture
def chat(database: Database, sam: Contact) -> int:
    with database.unit_of_work() as session:
        chat = lifecycle.start(session, sam.id, at=clock.now())
        messages.post(session, chat.id, NewMessage("contact", "Hello"), at=clock.now())
        return chat.id


@pytest.fixture
def forms(database: Database) -> tuple[OptInForm, OptInForm]:
    """Two saved forms of two subscription types, the older one first."""
    with database.unit_of_work() as session:
        return (
            make.form(session, make.live_type(session, name="Offers"), name="Older"),
            make.form(session, make.live_type(session, name="News"), name="Newer"),
        )


def _options(html: str) -> list[str]:
    """The labels of the saved forms in the order in which a page offers them in a list."""
    box = re.search(r'<select[^>]* name="form_id".*?</select>', html, re.DOTALL)
    return [unescape(label) for label in re.findall(r"<option[^>]*>(.*?)</option>", box[0] if box else "")]


def _picks(ana: FlaskClient, chat: int) -> list[tuple[str, str]]:
    """The saved forms of the picker, each with its warning, in the order of the page."""
    html = ana.get(f"/inbox/{chat}/forms").get_data(as_text=True)
    found = []
    for pick in html.split('class="option pick"')[1:]:
        name, warning = re.search(r"<label[^>]*>(.*?)<", pick), re.search(r'-warning">⚠ (.*?)<', pick)
        found.append((unescape(name[1]) if name else "", unescape(warning[1]) if warning else ""))
    return found


def _insert(ana: FlaskClient, chat: int, form_id: object) -> pages.TestResponse:
    return pages.submit(ana, f"/inbox/{chat}/forms", {"form_id": str(form_id)}, page=f"/inbox/{chat}/forms")


def _newest(database: Database) -> InsertedForm:
    with database.read_only() as session:
        return session.scalars(select(InsertedForm).order_by(InsertedForm.id.desc()).limit(1)).one()


def _contact(database: Database, sam: Contact, **values: object) -> None:
    with database.unit_of_work() as session:
        session.execute(update(Contact).where(Contact.id == sam.id).values(**values))


def test_no_form_is_chosen_until_the_agent_chooses_one(
    ana: FlaskClient, chat: int, forms: tuple[OptInForm, OptInForm], database: Database
) -> None:
    html = ana.get(f"/inbox/{chat}/forms").get_data(as_text=True)
    assert not re.search(r'type="radio"[^>]* checked', html)
    answer = _insert(ana, chat, "")
    refused = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "Choose a form first." in refused.partition('id="picker"')[2]
    with database.read_only() as session:
        assert session.scalars(select(InsertedForm)).all() == []


def test_the_form_that_the_agent_inserted_last_is_offered_first(
    ana: FlaskClient, chat: int, forms: tuple[OptInForm, OptInForm]
) -> None:
    older, _ = forms
    assert _picks(ana, chat) == [("Newer", ""), ("Older", "")]
    assert _insert(ana, chat, older.id).status_code == 303
    assert _picks(ana, chat) == [("Older", ""), ("Newer", "")]


def test_a_refused_form_keeps_its_reason_at_the_form(
    ana: FlaskClient, chat: int, sam: Contact, forms: tuple[OptInForm, OptInForm], database: Database
) -> None:
    token = pages.csrf_token(ana.get(f"/inbox/{chat}").get_data(as_text=True))
    _contact(database, sam, blocked_at=make.NOON)
    for headers in ({}, {"X-Requested-With": "fetch", "Accept": "application/json"}):
        answer = ana.post(
            f"/inbox/{chat}/forms", data={"csrf_token": token, "form_id": str(forms[0].id)}, headers=headers
        )
        assert answer.status_code == 422
        assert "This contact is blocked." in answer.get_data(as_text=True).partition('id="picker"')[2]


def test_the_composer_says_that_a_blocked_contact_gets_nothing(
    ana: FlaskClient, chat: int, sam: Contact, forms: tuple[OptInForm, OptInForm], database: Database
) -> None:
    assert "will see this in the chat" in ana.get(f"/inbox/{chat}").get_data(as_text=True)
    _contact(database, sam, blocked_at=make.NOON)
    html = ana.get(f"/inbox/{chat}").get_data(as_text=True)
    assert "<bdi>Sam Rivera</bdi> is blocked: no message and no form can be sent." in html
    assert "will see this in the chat" not in html
    assert f"/inbox/{chat}/forms" not in html
    answer = pages.submit(ana, f"/inbox/{chat}/messages", {"kind": "message", "body": "Hi"}, page=f"/inbox/{chat}")
    refused = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "This contact is blocked." in refused.partition('id="reply"')[2].partition("</form>")[0]
    assert ">Hi</textarea>" in refused
    answer = pages.submit(ana, f"/inbox/{chat}/messages", {"kind": "note", "body": "Rude"}, page=f"/inbox/{chat}")
    assert answer.status_code == 303


def test_each_form_says_what_speaks_against_it_before_it_is_inserted(
    ana: FlaskClient, chat: int, sam: Contact, database: Database
) -> None:
    with database.unit_of_work() as session:
        sam = session.get_one(Contact, sam.id)
        types = {name: make.live_type(session, name=name) for name in ("Fresh", "Got it", "Had it")}
        for name, kind in types.items():
            make.form(session, kind, name=f"Form {name}")
        make.opt_in(session, sam, types["Got it"])
        make.opt_out(session, sam, types["Had it"])
    expected = {
        "Form Fresh (Fresh)",
        "Form Got it (Got it): already opted in",
        "Form Had it (Had it): opted out",
    }
    assert set(_picks(ana, chat)) == {
        ("Form Fresh", ""),
        ("Form Got it", "Already opted in"),
        ("Form Had it", "Opted out"),
    }
    for path in (f"/contacts/{sam.public_id}", f"/inbox/new/{sam.public_id}"):
        assert expected <= set(_options(ana.get(path).get_data(as_text=True))), path
    configured = ana.get(f"/inbox/{chat}/insert").get_data(as_text=True)
    for shown in (">Fresh (SMS)<", ">Got it (SMS): already opted in<", ">Had it (SMS): opted out<"):
        assert shown in configured
    for values, warning in (
        ({"gdpr_optin": False}, "No marketing consent (GDPR)"),
        ({"archived_at": make.NOON}, "This contact is archived"),
        ({"blocked_at": make.NOON}, "This contact is blocked"),
    ):
        _contact(database, sam, **values)
        assert {shown for _, shown in _picks(ana, chat)} == {warning}


def test_the_preview_shows_a_form_as_it_would_be_for_somebody_signed_up_or_out_of_reach(
    ana: FlaskClient, chat: int, sam: Contact, database: Database
) -> None:
    with database.unit_of_work() as session:
        kind = make.live_type(session)
        make.opt_in(session, session.get_one(Contact, sam.id), kind)
    values = {"title": "Hear it first", "locale": "en", "subscription_type_id": str(kind.id)}
    path = f"/inbox/{chat}/insert/preview"
    assert 'data-state="signed_up"' in pages.submit(ana, path, values, page="/account").get_data(as_text=True)
    _contact(database, sam, gdpr_optin=False)
    assert 'data-state="unavailable"' in pages.submit(ana, path, values, page="/account").get_data(as_text=True)


def test_an_inserted_form_is_taken_back_from_its_card(
    ana: FlaskClient, client: FlaskClient, chat: int, forms: tuple[OptInForm, OptInForm], database: Database
) -> None:
    _insert(ana, chat, forms[0].id)
    inserted = _newest(database)
    path = f"/inbox/{chat}/forms/{inserted.id}/withdraw"
    assert f'action="{path}"' in ana.get(f"/inbox/{chat}").get_data(as_text=True)
    assert pages.submit(ana, path, page=f"/inbox/{chat}").status_code == 303
    html = ana.get(f"/inbox/{chat}").get_data(as_text=True)
    assert 'data-state="withdrawn"' in html
    assert f'action="{path}"' not in html
    assert 'data-state="unavailable"' in client.get(f"/f/{inserted.token}").get_data(as_text=True)


def test_a_form_of_another_conversation_or_an_answered_one_is_not_taken_back(
    ana: FlaskClient, chat: int, forms: tuple[OptInForm, OptInForm], database: Database
) -> None:
    _insert(ana, chat, forms[0].id)
    inserted = _newest(database)
    with database.unit_of_work() as session:
        other = lifecycle.start(session, make.contact(session).id, at=clock.now()).id
        messages.post(session, other, NewMessage("contact", "Hello"), at=clock.now())
    elsewhere = f"/inbox/{other}/forms/{inserted.id}/withdraw"
    assert pages.submit(ana, elsewhere, page=f"/inbox/{chat}").status_code == 404
    with database.unit_of_work() as session:
        session.get_one(InsertedForm, inserted.id).answered_at = make.NOON
    answer = pages.submit(ana, f"/inbox/{chat}/forms/{inserted.id}/withdraw", page=f"/inbox/{chat}")
    assert answer.status_code == 303
    assert "answered already" in ana.get(f"/inbox/{chat}").get_data(as_text=True)
    with database.read_only() as session:
        assert session.get_one(InsertedForm, inserted.id).withdrawn_at is None
        assert session.scalars(select(Message).where(Message.conversation_id == other)).one().body == "Hello"


def test_a_custom_form_starts_as_a_copy_in_the_contacts_language(
    ana: FlaskClient, chat: int, sam: Contact, database: Database
) -> None:
    english = FormText("Offers by text", "Count me in", "You agree.", "Welcome!", "I agree")
    german = FormText("Angebote per SMS", "Ich bin dabei", "Sie stimmen zu.", "Willkommen!", "Einverstanden")
    with database.unit_of_work() as session:
        form = make.form(session, texts={"en": english, "de": german}, accent_color="#112233", default_country="DE")
    _contact(database, sam, locale="de-AT")
    path = f"/inbox/{chat}/insert?form={form.id}"
    html = ana.get(path).get_data(as_text=True)
    for expected in (
        'value="Angebote per SMS"',
        'value="Ich bin dabei"',
        "Sie stimmen zu.",
        "Einverstanden",
        'value="de"',
    ):
        assert expected in html
    preview = ana.get(f"/inbox/{chat}/insert/preview?form={form.id}").get_data(as_text=True)
    assert "Angebote per SMS" in preview
    values = {"base": str(form.id), "subscription_type_id": "1", "locale": "de", "title": "Nur heute"}
    values |= {"button_text": "Ja", "legal_text": "Sie stimmen zu.", "checkbox_text": "Einverstanden"}
    assert pages.submit(ana, path, values).status_code == 303
    with database.read_only() as session:
        made = session.scalars(select(OptInForm).where(OptInForm.is_inline)).one()
        content = find_content(session, _newest(database).version_id)
    assert made.is_inline
    assert content.texts == {"de": FormText("Nur heute", "Ja", "Sie stimmen zu.", "Willkommen!", "Einverstanden")}
    assert (content.accent_color, content.default_country) == ("#112233", "DE")


def test_an_agent_who_may_not_write_legal_texts_keeps_that_of_the_saved_form(
    ana: FlaskClient, chat: int, forms: tuple[OptInForm, OptInForm], database: Database
) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"agents_write_legal_text": False}, actor="agent:1", at=make.NOON)
        legal = find_content(session, newest_version(session, forms[0]).id).texts["en"].legal_text
    assert "Custom form" not in ana.get(f"/inbox/{chat}/forms").get_data(as_text=True)
    path = f"/inbox/{chat}/insert?form={forms[0].id}"
    assert re.search(r"<textarea[^>]*readonly", ana.get(path).get_data(as_text=True))
    values = {"base": str(forms[0].id), "subscription_type_id": "1", "locale": "en", "title": "Only today"}
    refused = pages.submit(ana, path, values | {"legal_text": "Whatever she likes."})
    assert refused.status_code == 422
    assert "Only marketers and admins write this text." in refused.get_data(as_text=True)
    assert pages.submit(ana, path, values | {"legal_text": legal}).status_code == 303


def test_a_waiting_form_is_sent_again_and_replaces_the_first(
    ana: FlaskClient, chat: int, forms: tuple[OptInForm, OptInForm], database: Database
) -> None:
    _insert(ana, chat, forms[0].id)
    first = _newest(database)
    path = f"/inbox/{chat}/forms/{first.id}/again"
    assert f'action="{path}"' in ana.get(f"/inbox/{chat}").get_data(as_text=True)
    token = pages.csrf_token(ana.get(f"/inbox/{chat}").get_data(as_text=True))
    sent = ana.post(path, data={"csrf_token": token}, headers={"X-Requested-With": "fetch"})
    again = _newest(database)
    assert sent.json == {"text": "Form sent.", "undo": f"/inbox/{chat}/forms/{again.id}/withdraw"}
    assert (again.form_id, again.id != first.id) == (first.form_id, True)
    with database.unit_of_work() as session:
        assert session.get_one(InsertedForm, first.id).withdrawn_at is not None
        session.get_one(InsertedForm, again.id).answered_at = make.NOON
    assert pages.submit(ana, f"/inbox/{chat}/forms/{again.id}/again", page=f"/inbox/{chat}").status_code == 303
    assert "answered already" in ana.get(f"/inbox/{chat}").get_data(as_text=True)


def test_a_lead_without_a_messenger_is_offered_a_personal_link_instead(ana: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        lead = make.contact(session, role=ContactRole.LEAD, external_id=None, phone_number=make.BRITISH_NUMBER)
        chat = lifecycle.start(session, lead.id, at=clock.now()).id
    html = ana.get(f"/inbox/{chat}").get_data(as_text=True)
    assert "can’t read replies here" in html
    assert f'href="/contacts/{lead.public_id}#insert"' in html
    assert f"/inbox/{chat}/forms" not in html
    assert re.search(r'id="kind-message"[^>]* disabled', html)
