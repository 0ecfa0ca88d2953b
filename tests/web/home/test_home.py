"""The start page, the shop, and error pages."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core import demo
from app.core.forms import publishing
from app.core.forms.content import FormText
from app.core.workspace import settings
from app.db import Database
from app.models import Channel
from tests import make
from tests.web import pages


@pytest.fixture
def in_demo(database: Database) -> None:
    with database.unit_of_work() as session:
        settings.get(session).is_demo = True


def test_outside_the_demo_the_start_page_links_to_the_sign_in_and_shows_no_password(client: FlaskClient) -> None:
    html = client.get("/").get_data(as_text=True)
    assert 'href="/sign-in"' in html
    assert demo.DEMO_PASSWORD not in html
    assert "max@example.com" not in html


def test_the_name_of_the_product_leads_who_is_signed_in_to_the_first_page_of_their_role(app: Flask) -> None:
    assert 'class="brand" href="/start"' in pages.agent(app).get("/contacts").get_data(as_text=True)
    assert 'class="brand" href="/"' in app.test_client().get("/sign-in").get_data(as_text=True)
    assert "Looking for a sign-up form?" not in pages.agent(app).get("/").get_data(as_text=True)


def test_outside_the_demo_there_is_no_shop(client: FlaskClient) -> None:
    assert client.get("/shop").status_code == 404


@pytest.mark.usefixtures("in_demo")
def test_in_the_demo_the_start_page_links_to_the_shop_and_shows_the_accounts(client: FlaskClient) -> None:
    html = client.get("/").get_data(as_text=True)
    for shown in (
        'href="/shop"',
        'href="/inbox"',
        "chat",
        "Send form",
        "max@example.com",
        "ana@example.com",
        f'value="{demo.DEMO_PASSWORD}"',
    ):
        assert shown in html


@pytest.mark.databases("sqlite", "postgresql")
@pytest.mark.usefixtures("in_demo")
def test_the_shop_embeds_a_live_form_for_mobile_numbers(client: FlaskClient, database: Database) -> None:
    assert "/embed.js" not in client.get("/shop").get_data(as_text=True)
    with database.unit_of_work() as session:
        archived = make.form(session)
        publishing.archive(session, archived, actor="agent:1", at=make.NOON)
        letter = make.live_type(session, name="Letter", channel=Channel.EMAIL)
        make.form(session, letter, texts={"en": FormText("Letter")})
        form = make.form(session)
    response = client.get("/shop")
    assert f'<script src="/embed.js" data-form="{form.key}" async></script>' in response.get_data(as_text=True)
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", ["favicon.ico", "apple-touch-icon.png", "apple-touch-icon-precomposed.png"])
def test_browsers_get_the_icons_they_ask_for(client: FlaskClient, name: str) -> None:
    response = client.get(f"/{name}", buffered=True)
    assert (response.status_code, response.headers.get("Set-Cookie")) == (200, None)
    assert response.headers["Content-Type"].startswith("image/")
    assert "max-age=86400" in response.headers["Cache-Control"]


def test_a_stranger_sees_no_navigation_on_an_error_page(client: FlaskClient) -> None:
    response = client.get("/nowhere")
    html = response.get_data(as_text=True)
    assert response.status_code == 404
    assert 'href="/"' in html
    assert '<nav class="sections"' not in html


def test_an_agent_sees_contacts_only_and_an_admin_every_section(app: Flask) -> None:
    ana = pages.agent(app).get("/contacts").get_data(as_text=True)
    assert 'href="/contacts" aria-current="page"' in ana
    assert "/admin/" not in ana
    admin = pages.admin(app).get("/contacts").get_data(as_text=True)
    for href in ("/admin/forms", "/admin/subscription-types", "/admin/agents", "/admin/settings"):
        assert f'<li><a href="{href}"' in admin


def test_no_page_has_inline_styles_or_scripts(app: Flask, client: FlaskClient) -> None:
    max_ = pages.admin(app)
    for path in ("/", "/admin/forms/new", "/admin/subscription-types/new", "/admin/settings", "/contacts", "/nowhere"):
        html = max_.get(path).get_data(as_text=True)
        assert " style=" not in html
        assert "<style" not in html
        assert html.count("<script") == html.count('<script type="module" src="/static/js/')
