"""The preview of the preference center."""

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core import clock
from app.core.subscriptions import preference_form
from app.core.workspace import settings
from app.db import Database
from app.models import Channel, ConsentEvent, Contact, PreferenceLink
from tests import make
from tests.web import pages

PATH = "/admin/subscription-types/preview"


def test_max_sees_the_live_types_of_a_message_type_as_customers_do(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"name": "Harbour", "accent_color": "#aa3300"}, actor="agent:1", at=clock.now())
        make.live_type(session, name="Offers", translations={"de": ("Angebote", "")})
        news = make.live_type(session, name="Zebra news")
        form = make.form(session, news)
        preference_form.choose(session, news, form.id, actor="agent:1", at=clock.now())
        make.live_type(session, name="Letters", channel=Channel.EMAIL)
        draft = make.draft_type(session, name="Secret plans").id
    shown = max_.get(f"{PATH}/frame?channel=sms&lang=de")
    html = shown.text
    assert ("Angebote" in html, "Zebra news" in html) == (True, True)
    assert ("Letters" in html, "Secret plans" in html) == (False, False)
    assert (html.count('data-subscribed="true"'), html.count("data-subscribed")) == (1, 2)
    assert "--accent:#aa3300" in html
    assert html.count("<form") == html.count('type="button" aria-disabled="true"') > 2
    assert "frame-ancestors 'self'" in shown.headers["Content-Security-Policy"]
    assert "Letters" in max_.get(f"{PATH}/frame?channel=email").text
    around = max_.get(f"{PATH}?type={draft}").text
    assert "Publish it, and customers see it here." in around
    assert f'href="/admin/subscription-types/{draft}">Secret plans' in around
    with database.read_only() as session:
        for table in (ConsentEvent, Contact, PreferenceLink):
            assert session.scalars(select(table)).all() == []
    for page in ("/admin/subscription-types", f"/admin/subscription-types/{draft}"):
        assert PATH in max_.get(page).text


def test_branding_that_is_not_saved_yet_is_shown_and_what_is_invalid_is_as_saved(max_: FlaskClient) -> None:
    html = max_.get(f"{PATH}/frame?name=Harbour&accent_color=%23123456&privacy_url=javascript:alert(1)").text
    assert "Harbour" in html
    assert "--accent:#123456" in html
    assert "javascript:" not in html
    assert "--accent:#0b6e4f" in max_.get(f"{PATH}/frame?accent_color=red;}}").text


def test_agents_and_strangers_do_not_see_it(app: Flask) -> None:
    assert pages.agent(app).get(PATH).status_code == 403
    assert app.test_client().get(f"{PATH}/frame").status_code == 302
