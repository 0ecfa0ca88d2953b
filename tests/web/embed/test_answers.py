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
from app.core.consent import locking
from app.core.contacts import records as contacts
from app.core.forms import daily_counts
from app.core.forms import publishing as optin_forms
from app.core.forms.content import FormContent, FormText
from app.core.forms.publishing import FormSettings
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.db import Database
from app.models import (
    Channel,
    Consent,
    ConsentEvent,
    ConsentEvidence,
    Contact,
    InsertedForm,
    OutboxEvent,
    SubscriptionType,
    Suppression,
    Wording,
)
from tests import make
from tests.web.embed.page import answer, open_form


@pytest.fixture
def database(app: Flask) -> Database:
    database: Database = app.extensions["assent"].database
    return database


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
    done = answer(client, page, "(202) 555-0123")
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
    texts = {"en": FormText("Texts from us", legal_text="Up to **four** a month."), "ar": FormText("رسائل منا", "نعم")}
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
        forms = {each.version.id: each.form for each in optin_forms.find_all(session)}
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


def test_going_back_to_correct_the_number_asks_again_and_signs_up_the_new_one(
    client: FlaskClient, database: Database, key: str
) -> None:
    page = open_form(client, f"/f/form/{key}")
    answer(client, page, make.EVES_NUMBER)
    corrected = answer(client, page, make.SAMS_NUMBER)
    assert (corrected.status, corrected.state, corrected.main["data-code"]) == (409, "ask", "answered_already")
    assert _count(database, Contact) == 1
    assert answer(client, corrected, make.SAMS_NUMBER).state == "done"
    with database.read_only() as session:
        assert set(session.scalars(select(Consent.destination))) == {make.EVES_NUMBER, make.SAMS_NUMBER}


def test_a_refused_number_shows_what_to_do_and_records_nothing(
    client: FlaskClient, database: Database, key: str
) -> None:
    refused = answer(client, open_form(client, f"/f/form/{key}"), "1-800-FLOWERS")
    assert (refused.status, refused.state, refused.main["data-code"]) == (422, "ask", "phone_has_letters")
    assert "Use digits only" in refused.text
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


def test_the_region_is_the_forms_else_the_browsers_else_a_plus_is_needed(
    client: FlaskClient, database: Database, key: str
) -> None:
    with database.unit_of_work() as session:
        british = make.form(session, default_country="GB").key
    assert answer(client, open_form(client, f"/f/form/{british}"), "07400 123456").state == "done"
    german = open_form(client, f"/f/form/{key}", language="en-DE")
    assert "Germany" in german.text
    assert answer(client, german, "01512 3456789").state == "done"
    for language in ("en", "it,en-US;q=0.7,en;q=0.3", "en-UK"):
        nowhere = open_form(client, f"/f/form/{key}", language=language)
        assert "(+" not in nowhere.text
        refused = answer(client, nowhere, "312 345 6789")
        assert refused.main["data-code"] == "phone_country_code_missing"
    with database.read_only() as session:
        assert set(session.scalars(select(Consent.destination))) == {"+447400123456", "+4915123456789"}


def test_only_numbers_of_allowed_countries_are_accepted(client: FlaskClient, database: Database, key: str) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"allowed_countries": ["GB"]}, actor="agent:1", at=make.NOON)
    page = open_form(client, f"/f/form/{key}", language="en-US")
    assert "United States" not in page.text
    refused = answer(client, page, make.SAMS_NUMBER)
    assert refused.main["data-code"] == "country_not_allowed"
    assert answer(client, refused, make.BRITISH_NUMBER).state == "done"


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
        assert session.get_one(Contact, sam.id).phone == make.BRITISH_NUMBER


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
    assert (again.status, again.state, again.main["data-code"]) == (409, "saved", "shown_again")
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
    assert (replay.status, replay.state, replay.main["data-code"]) == (409, "saved", "shown_again")
    with database.read_only() as session:
        assert session.scalars(select(Consent.state)).all() == ["opted_out"]
    assert answer(client, replay).state == "done"


def test_changed_texts_are_shown_before_an_answer_counts(client: FlaskClient, database: Database, key: str) -> None:
    page = open_form(client, f"/f/form/{key}")
    with database.unit_of_work() as session:
        settings.change(session, {"privacy_url": "https://harbour.example.com/p"}, actor="agent:1", at=make.NOON)
    again = answer(client, page, make.SAMS_NUMBER)
    assert (again.status, again.main["data-code"]) == (409, "shown_again")
    assert "Privacy policy" in again.text
    assert f'value="{make.SAMS_NUMBER}"' in again.response.text
    assert answer(client, again, make.SAMS_NUMBER).state == "done"


def test_an_answer_without_a_valid_render_token_records_nothing(
    client: FlaskClient, database: Database, key: str
) -> None:
    for shown in ("", "forged", open_form(client, f"/f/form/{key}").fields["shown"][:-2] + "xx"):
        page = open_form(client, f"/f/form/{key}")
        refused = answer(client, page, make.SAMS_NUMBER, shown=shown)
        assert (refused.status, refused.main["data-code"]) == (409, "shown_again")
    with database.unit_of_work() as session:
        other = make.form(session).key
    foreign = open_form(client, f"/f/form/{other}").fields["shown"]
    assert answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER, shown=foreign).status == 409
    assert _count(database, Consent) == 0


def test_a_page_that_was_open_for_days_is_shown_again(client: FlaskClient, key: str) -> None:
    page = open_form(client, f"/f/form/{key}")
    with time_machine.travel(make.clock.now() + timedelta(hours=25), tick=True):
        assert answer(client, page, make.SAMS_NUMBER).main["data-code"] == "shown_again"


def test_an_inserted_form_keeps_the_texts_of_its_version(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session)
        form = make.form(session, subscription_type)
        token = make.inserted(session, form, make.contact(session)).token
        fresh = FormContent(subscription_type.id, {"en": FormText("Quite another title")})
        optin_forms.publish(session, form, fresh, FormSettings(), actor="agent:1", at=make.NOON)
    assert "Texts from Harbour Coffee" in open_form(client, f"/f/{token}").text
    assert "Quite another title" in open_form(client, f"/f/form/{form.key}").text


def test_an_answer_to_an_old_version_records_the_old_texts(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session)
        form = make.form(session, subscription_type)
    page = open_form(client, f"/f/form/{form.key}")
    with database.unit_of_work() as session:
        form = optin_forms.find(session, form.id)
        fresh = FormContent(subscription_type.id, {"en": FormText("Quite another title")})
        optin_forms.publish(session, form, fresh, FormSettings(), actor="agent:1", at=make.NOON)
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
            optin_forms.archive(session, optin_forms.find(session, form.id), actor="a", at=make.NOON)
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


def test_an_email_type_asks_for_an_address(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        letter = make.live_type(session, channel=Channel.EMAIL)
        form = make.form(session, letter)
        sam = make.contact(session, email_address="sam@example.com")
        token = make.inserted(session, form, sam).token
    page = open_form(client, f"/f/form/{form.key}")
    assert (page.state, page.asks) == ("ask", "email")
    assert answer(client, page, "not an address").main["data-code"] == "email_invalid"
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
    assert (refused.status, refused.main["data-code"]) == (429, "too_many")
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
        form = session.scalars(select(optin_forms.OptInForm)).one()
        token = make.inserted(session, form, make.contact(session)).token
    for _ in range(2):
        assert client.post(f"/f/{token}/seen").status_code == 204
    with database.read_only() as session:
        assert daily_counts.totals(session)[form.id].seen == 2


def test_an_answer_from_another_site_is_refused(client: FlaskClient, database: Database, key: str) -> None:
    page = open_form(client, f"/f/form/{key}")
    crossed = answer(client, page, make.SAMS_NUMBER, headers={"Sec-Fetch-Site": "cross-site"})
    assert (crossed.status, _count(database, Consent)) == (403, 0)


def test_an_answer_that_is_too_large_is_refused(client: FlaskClient, database: Database, key: str) -> None:
    page = open_form(client, f"/f/form/{key}")
    assert answer(client, page, "1" * 100_000).status == 413
    assert answer(client, page, "1" * 5_000).main["data-code"] == "phone_too_long"
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
    assert (tampered.status, tampered.main["data-code"], wrong in tampered.response.text) == (409, "shown_again", False)
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
        assert (again.status, again.state, again.main["data-code"]) == (409, "ask", "shown_again")
        assert "signed up" not in again.text
        assert f'value="{make.SAMS_NUMBER}"' in again.response.text
    with database.read_only() as session:
        assert session.scalars(select(Consent.state)).all() == ["opted_out"]
    assert answer(client, early, make.EVES_NUMBER).state == "done"
    assert answer(client, again, make.SAMS_NUMBER).state == "done"
    with database.read_only() as session:
        states = session.scalars(select(Consent.state).order_by(Consent.contact_id)).all()
        assert states == ["opted_out", "opted_in"], "who typed the number is not known"


def test_only_a_user_with_a_personal_link_has_a_level_above_unverified(
    client: FlaskClient, database: Database, key: str
) -> None:
    """A person who answered a public form knows the token of that answer; a person who got a link knows its token."""
    page = open_form(client, f"/f/form/{key}")
    done = answer(client, page, make.SAMS_NUMBER)
    with database.unit_of_work() as session:
        subscription_type, form = (
            session.scalars(select(each)).one() for each in (SubscriptionType, optin_forms.OptInForm)
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
