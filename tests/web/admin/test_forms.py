"""The pages on which admins configure opt-in forms."""

import html as markup
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core.forms import content as form_content
from app.core.forms import daily_counts, publishing
from app.core.forms.content import FormText
from app.core.forms.publishing import PublishedForm
from app.core.subscriptions import subscription_types
from app.db import Database
from app.models import OptInForm, SubscriptionType
from tests import make
from tests.web import pages

PATH = "/admin/forms"


@pytest.fixture
def offers(database: Database) -> SubscriptionType:
    with database.unit_of_work() as session:
        return make.live_type(session)


@pytest.fixture
def form(database: Database, offers: SubscriptionType) -> OptInForm:
    with database.unit_of_work() as session:
        return make.form(session, offers, name="Footer")


def _values(offers: SubscriptionType, **more: str) -> dict[str, str]:
    return {
        "subscription_type_id": str(offers.id),
        "locale": "en",
        "title": "Hear it first",
        "legal_text": "By signing up you agree.",
        "accent_color": "#aa3300",
    } | more


def _all(database: Database) -> list[PublishedForm]:
    with database.read_only() as session:
        return publishing.find_all(session)


def _texts(database: Database, form: OptInForm) -> dict[str, FormText]:
    with database.read_only() as session:
        newest = publishing.newest_version(session, publishing.find(session, form.id))
        return dict(form_content.content_of(newest).texts)


def _error_ids(html: str) -> list[str]:
    return re.findall(r'id="([\w-]+)-error" role="alert"', html)


def test_an_agent_may_not_see_create_or_preview_forms(app: Flask, form: OptInForm) -> None:
    ana = pages.agent(app)
    for path in (PATH, f"{PATH}/new", f"{PATH}/{form.id}", f"{PATH}/preview"):
        assert ana.get(path).status_code == 403
    for path in (f"{PATH}/new", f"{PATH}/{form.id}", f"{PATH}/{form.id}/archive", f"{PATH}/preview"):
        assert pages.submit(ana, path, page="/account").status_code == 403


def test_without_a_live_type_the_pages_explain_how_to_create_one(max_: FlaskClient) -> None:
    assert "A form needs a live subscription type" in max_.get(PATH).get_data(as_text=True)
    assert "No subscription type is live" in max_.get(f"{PATH}/new").get_data(as_text=True)


def test_a_new_form_begins_as_a_copy_of_another(
    max_: FlaskClient, database: Database, offers: SubscriptionType
) -> None:
    german = {"title-de": "Zuerst erfahren", "legal_text-de": "Mit der Anmeldung."}
    pages.submit(max_, f"{PATH}/new", _values(offers, name="Footer", allowed_origins="https://a.example", **german))
    (first,) = _all(database)
    assert f'href="/admin/forms/new?copy={first.form.id}"' in max_.get(f"{PATH}/{first.form.id}").get_data(as_text=True)
    html = max_.get(f"{PATH}/new?copy={first.form.id}").get_data(as_text=True)
    for shown in ("Hear it first", "By signing up you agree.", "#aa3300", "https://a.example", *german.values()):
        assert shown in html
    assert re.search(rf'<option selected value="{offers.id}">', html)
    assert "Footer" not in html
    assert len(_all(database)) == 1
    assert max_.get(f"{PATH}/new?copy=99").status_code == 404
    assert max_.get(f"{PATH}/new?copy=x").status_code == 200


def test_only_live_types_can_be_chosen(max_: FlaskClient, database: Database, offers: SubscriptionType) -> None:
    with database.unit_of_work() as session:
        make.draft_type(session, name="Not yet")
    html = max_.get(f"{PATH}/new").get_data(as_text=True)
    assert "Offers (SMS)" in html
    assert "Not yet" not in html


def test_a_saved_form_shows_snippet_iframe_and_link(
    max_: FlaskClient, database: Database, offers: SubscriptionType
) -> None:
    answer = pages.submit(max_, f"{PATH}/new", _values(offers), follow_redirects=True)
    (made,) = _all(database)
    page = markup.unescape(answer.get_data(as_text=True))
    assert f'<script src="http://localhost/embed.js" data-form="{made.form.key}" async></script>' in page
    assert f'<script src="http://localhost/embed.js?form={made.form.key}" async></script>' in page
    assert f'<iframe src="http://localhost/f/form/{made.form.key}"' in page
    assert f'value="http://localhost/f/form/{made.form.key}"' in page


@pytest.mark.databases("sqlite", "postgresql")
def test_every_field_of_a_form_is_saved(max_: FlaskClient, database: Database, offers: SubscriptionType) -> None:
    more = {
        "name": "Footer",
        "button_text": "Yes please",
        "success_text": "See you",
        "checkbox_text": "I agree to texts.",
        "default_country": "GB",
        "allowed_origins": "https://shop.example.com\nhttps://example.com:8443/",
        "title-ar": "كن أول من يعلم",
    }
    assert pages.submit(max_, f"{PATH}/new", _values(offers, **more)).status_code == 303
    (made,) = _all(database)
    assert made.form.name == "Footer"
    assert made.form.allowed_origins == ["https://shop.example.com", "https://example.com:8443"]
    assert (made.version.accent_color, made.version.default_country) == ("#aa3300", "GB")
    assert _texts(database, made.form) == {
        "en": FormText("Hear it first", "Yes please", "By signing up you agree.", "See you", "I agree to texts."),
        "ar": FormText("كن أول من يعلم"),
    }


def test_an_empty_button_text_is_shown_as_sign_up_now(max_: FlaskClient) -> None:
    assert 'placeholder="Sign Up Now"' in max_.get(f"{PATH}/new").get_data(as_text=True)


def test_an_empty_button_text_is_shown_in_the_language_of_the_form(max_: FlaskClient, offers: SubscriptionType) -> None:
    refused = pages.submit(max_, f"{PATH}/new", _values(offers, locale="de", title=""))
    assert 'placeholder="Jetzt anmelden"' in refused.get_data(as_text=True)


def test_the_page_has_the_sentence_that_the_preview_shows_when_it_fails(max_: FlaskClient) -> None:
    html = max_.get(f"{PATH}/new").get_data(as_text=True)
    assert 'data-preview-failed="The preview cannot be updated now. Reload the page to sign in again."' in html


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "t" * 201),
        ("subscription_type_id", ""),
        ("subscription_type_id", "4711"),
        ("subscription_type_id", "²"),
        ("accent_color", "green"),
        ("default_country", "ZZ"),
        ("allowed_origins", "https://*.example.com"),
        ("locale", "tlh"),
        ("button_text-es", "Apúntame"),
    ],
)
def test_an_invalid_field_is_named_and_the_other_fields_are_kept(
    max_: FlaskClient, database: Database, offers: SubscriptionType, field: str, value: str
) -> None:
    answer = pages.submit(max_, f"{PATH}/new", _values(offers, success_text="Kept as typed", **{field: value}))
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert _error_ids(html) == ["title-es" if field == "button_text-es" else field]
    assert 'value="Kept as typed"' in html
    assert _all(database) == []


def test_changed_texts_become_a_new_version(
    max_: FlaskClient, database: Database, form: OptInForm, offers: Any
) -> None:
    answer = pages.submit(max_, f"{PATH}/{form.id}", _values(offers), follow_redirects=True)
    html = answer.get_data(as_text=True)
    assert "Version 2 is what people see from now on." in html
    assert "Version 1</strong>" in html
    assert _texts(database, form)["en"].title == "Hear it first"


def test_the_page_of_a_form_shows_the_saved_values(max_: FlaskClient, database: Database, offers: Any) -> None:
    texts = {"en": FormText("Hear it first"), "es": FormText("Entérate primero")}
    with database.unit_of_work() as session:
        made = make.form(session, offers, texts=texts, allowed_origins=("https://shop.example.com",))
    html = max_.get(f"{PATH}/{made.id}").get_data(as_text=True)
    for shown in ('value="Hear it first"', 'value="Entérate primero"', "https://shop.example.com</textarea>"):
        assert shown in html


def test_saving_again_without_a_change_keeps_the_version(
    max_: FlaskClient, database: Database, form: OptInForm, offers: Any
) -> None:
    for _ in range(2):
        pages.submit(max_, f"{PATH}/{form.id}", _values(offers))
    assert [each.form.version for each in _all(database)] == [2]


@pytest.mark.databases("sqlite", "postgresql")
def test_the_list_shows_the_counts_of_each_form(max_: FlaskClient, database: Database, form: OptInForm) -> None:
    with database.unit_of_work() as session:
        for what, count in (("inserted", 1280), ("seen", 903), ("submitted", 211)):
            daily_counts.add(session, form.id, what, at=make.NOON, count=count)
    html = max_.get(PATH).get_data(as_text=True)
    for label, shown in (("Inserted", "1,280"), ("Seen", "903"), ("Submitted", "211")):
        assert f'<td data-label="{label}" class="end">{shown}</td>' in html


def test_the_list_shows_when_each_form_was_answered_last(
    max_: FlaskClient, database: Database, form: OptInForm
) -> None:
    assert '<td data-label="Last answer">–</td>' in max_.get(PATH).text
    with database.unit_of_work() as session:
        for hour in (9, 11, 10):
            answered = make.inserted(session, form, make.contact(session))
            answered.answered_at = make.NOON.replace(hour=hour)
        make.inserted(session, form, make.contact(session))
    assert 'T11:00:00+00:00"' in max_.get(PATH).text.partition('<td data-label="Last answer">')[2][:60]


def test_an_archived_form_cannot_be_changed_until_it_is_unarchived(
    max_: FlaskClient, database: Database, form: OptInForm, offers: Any
) -> None:
    page = f"{PATH}/{form.id}"
    assert pages.submit(max_, f"{page}/archive", page=page).status_code == 303
    html = max_.get(page).get_data(as_text=True)
    assert "This form is archived." in html
    assert 'id="snippet"' not in html
    assert pages.submit(max_, page, _values(offers)).status_code == 422
    assert pages.submit(max_, f"{page}/unarchive", page=page).status_code == 303
    assert pages.submit(max_, page, _values(offers)).status_code == 303
    assert [each.form.version for each in _all(database)] == [2]


def _preview(client: FlaskClient, values: dict[str, str]) -> str:
    answer = pages.submit(client, f"{PATH}/preview", values, page=f"{PATH}/new")
    assert answer.status_code == 200
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    return answer.get_data(as_text=True)


def test_the_preview_shows_the_embed_with_unsaved_values(
    max_: FlaskClient, database: Database, offers: SubscriptionType
) -> None:
    html = _preview(max_, _values(offers, title="Not saved yet", legal_text="See [this](https://example.com/x)"))
    assert 'data-state="ask"' in html
    assert "Not saved yet</h1>" in html
    assert 'href="https://example.com/x"' in html
    assert "--accent:#aa3300" in html
    assert _all(database) == []


@pytest.mark.parametrize("state", ["ask", "saved", "done", "signed_up"])
def test_the_preview_can_be_switched_between_states(max_: FlaskClient, offers: SubscriptionType, state: str) -> None:
    assert f'data-state="{state}"' in _preview(max_, _values(offers, preview_state=state))


def test_the_preview_has_the_requested_language_and_theme(max_: FlaskClient, offers: SubscriptionType) -> None:
    html = _preview(
        max_, _values(offers, preview_locale="ar", preview_theme="dark", **{"title-ar": "أهلا", "legal_text-ar": "نعم"})
    )
    assert '<html lang="ar" dir="rtl" data-theme="dark">' in html
    assert "أهلا" in html


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"title": "", "accent_color": "gree", "default_country": "ZZ", "subscription_type_id": "x", "locale": "tlh"},
        {"legal_text": "[half a link](", "accent_color": "#12", "preview_locale": "tlh", "preview_state": "?"},
        {"title": "a\u202eb", "success_text-ar": "x", "button_text": "b" * 61},
    ],
)
def test_the_preview_shows_values_that_cannot_be_saved(max_: FlaskClient, wrong: dict[str, str]) -> None:
    assert "<main data-state=" in _preview(max_, wrong)


def test_the_preview_starts_with_the_saved_form(max_: FlaskClient, form: OptInForm) -> None:
    html = max_.get(f"{PATH}/preview?form={form.id}").get_data(as_text=True)
    assert "Texts from Harbour Coffee</h1>" in html
    assert max_.get(f"{PATH}/preview?form=4711").status_code == 404
    assert "Title of your form" in max_.get(f"{PATH}/preview").get_data(as_text=True)


def test_the_preview_of_an_archived_form_shows_the_saved_values(max_: FlaskClient, form: OptInForm) -> None:
    page = f"{PATH}/{form.id}"
    pages.submit(max_, f"{page}/archive", page=page)
    html = _preview(max_, {"form": str(form.id), "preview_state": "saved"})
    assert "Texts from Harbour Coffee</h1>" in html
    assert 'data-state="saved"' in html


def test_a_form_whose_type_is_no_longer_live_asks_for_another_type(
    max_: FlaskClient, database: Database, form: OptInForm, offers: SubscriptionType
) -> None:
    with database.unit_of_work() as session:
        archived = subscription_types.find(session, offers.id)
        subscription_types.archive(session, archived, actor="agent:1", at=make.NOON)
        make.live_type(session, name="News")
    assert "the form records nothing" in max_.get(PATH).get_data(as_text=True)
    answer = pages.submit(max_, f"{PATH}/{form.id}", _values(offers))
    assert answer.status_code == 422
    assert _error_ids(answer.get_data(as_text=True)) == ["subscription_type_id"]


def test_the_page_of_a_form_offers_its_link_as_a_qr_code_and_an_iframe_of_its_height(
    max_: FlaskClient, form: OptInForm
) -> None:
    html = markup.unescape(max_.get(f"{PATH}/{form.id}").text)
    link = f"/f/form/{form.key}"
    assert re.search(rf'<iframe src="[^"]*{link}" title="Footer" width="100%" height="\d{{3}}"', html)
    assert "<title>QR code of the link</title>" in html
    code = max_.get(f"{PATH}/{form.id}/qr.svg")
    assert (code.status_code, code.mimetype) == (200, "image/svg+xml")
    assert "attachment" in code.headers["Content-Disposition"]
    assert 'xmlns="http://www.w3.org/2000/svg"' in code.text


def test_a_form_for_texts_without_a_legal_text_is_saved_with_a_warning(
    max_: FlaskClient, offers: SubscriptionType
) -> None:
    saved = pages.submit(max_, "/admin/forms/new", _values(offers, legal_text=""))
    assert "This form has no legal text." in max_.get(saved.location).text
    pages.submit(max_, "/admin/forms/new", _values(offers))
    assert "This form has no legal text." not in max_.get(saved.location).text
