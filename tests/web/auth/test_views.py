"""Changing to another account, the accounts of the demo, and names."""

import pytest
from flask import Flask

from app.core import clock, demo
from app.core.accounts import agents
from app.core.workspace import settings
from app.db import Database
from app.models import Role
from tests.web import pages


@pytest.fixture
def database(app: Flask) -> Database:
    opened: Database = app.extensions["assent"].database
    return opened


@pytest.fixture
def in_demo(app: Flask, database: Database) -> None:
    with database.unit_of_work() as session:
        settings.get(session).is_demo = True
    pages.make_agent(app, demo.ADMIN, name="Max", role=Role.ADMIN, password=demo.DEMO_PASSWORD)
    pages.make_agent(app, demo.AGENT, name="Ana", password=demo.DEMO_PASSWORD)


def test_a_signed_in_agent_can_change_to_another_account(app: Flask) -> None:
    ana = pages.agent(app)
    html = ana.get("/sign-in?next=/admin/forms").get_data(as_text=True)
    assert "You are signed in as <strong>Ana</strong>, an agent." in html
    assert 'action="/sign-out?next=/sign-in?next%3D/admin/forms"' in html
    answer = pages.submit(ana, "/sign-out?next=/sign-in?next%3D/admin/forms", page="/account")
    assert answer.location == "/sign-in?next=/admin/forms"
    assert 'value="/admin/forms"' in ana.get(answer.location).get_data(as_text=True)
    assert ana.get("/account").status_code == 302


def test_the_page_to_continue_to_is_never_one_of_another_site(app: Flask) -> None:
    html = pages.agent(app).get("/sign-in?next=https://evil.example/").get_data(as_text=True)
    assert "evil.example" not in html


def test_a_page_for_admins_offers_to_sign_in_as_somebody_else(app: Flask) -> None:
    answer = pages.agent(app).get("/admin/forms")
    html = answer.get_data(as_text=True)
    assert answer.status_code == 403
    assert "You are signed in as Ana." in html
    assert "Sign in as somebody else" in html
    assert 'action="/sign-out?next=/sign-in?next%3D/admin/forms"' in html


@pytest.mark.usefixtures("in_demo")
def test_in_the_demo_one_click_signs_in_with_the_right_role(app: Flask) -> None:
    ana = pages.signed_in(app, demo.AGENT, demo.DEMO_PASSWORD)
    assert "Sign in as Max, the admin" in ana.get("/admin/forms").get_data(as_text=True)
    ana.post("/sign-out", data={"csrf_token": pages.csrf_token(ana.get("/account").get_data(as_text=True))})
    html = ana.get("/sign-in?next=/admin/forms").get_data(as_text=True)
    for shown in ("Demo accounts", "Sign in as Max (admin)", "Sign in as Ana (agent)", demo.DEMO_PASSWORD):
        assert shown in html
    values = {"email": demo.ADMIN, "password": demo.DEMO_PASSWORD, "next": "/admin/forms"}
    assert pages.submit(ana, "/sign-in", values).location.endswith("/admin/forms")


def test_outside_the_demo_the_sign_in_page_shows_no_account(app: Flask) -> None:
    assert "Demo accounts" not in app.test_client().get("/sign-in").get_data(as_text=True)


def test_agents_change_their_own_name_and_admins_everybodys(app: Flask, database: Database) -> None:
    max_, ana = pages.admin(app), pages.agent(app)
    ana_id = pages.make_agent(app, "ana@example.com")
    assert pages.submit(ana, "/account/name", {"name": " Ana  Harbour "}, page="/account").status_code == 303
    assert '<span class="menu-name">Ana Harbour</span>' in ana.get("/account").get_data(as_text=True)
    page = f"/admin/agents/{ana_id}"
    assert pages.submit(max_, f"{page}/name", {"name": "Ana H."}, page=page).status_code == 302
    html = max_.get(page).get_data(as_text=True)
    assert "<h1>Ana H.</h1>" in html
    assert "renamed, by Max" in html
    refused = pages.submit(ana, "/account/name", {"name": "x" * 121}, page="/account")
    assert (refused.status_code, "longer than 120" in refused.get_data(as_text=True)) == (422, True)
    assert pages.submit(ana, f"{page}/name", {"name": "Boss"}, page="/account").status_code == 403
    with database.unit_of_work() as session:
        assert agents.rename(session, ana_id, "Ana H.", actor="agent:1", at=clock.now()).name == "Ana H."
