"""Changing to another account, the accounts of the demo, and names."""

import re

import pytest
from flask import Flask

from app.core import clock, demo
from app.core.accounts import agents
from app.core.workspace import settings
from app.db import Database
from app.models import Role
from tests.web import pages


@pytest.fixture
def in_demo(app: Flask, database: Database) -> None:
    with database.unit_of_work() as session:
        settings.get(session).is_demo = True
    pages.make_agent(app, demo.ADMIN, name="Max", role=Role.ADMIN, password=demo.DEMO_PASSWORD)
    pages.make_agent(app, demo.AGENT, name="Ana", password=demo.DEMO_PASSWORD)


def test_a_signed_in_agent_can_change_to_another_account(app: Flask) -> None:
    ana = pages.agent(app)
    html = ana.get("/sign-in?next=/admin/forms").get_data(as_text=True)
    assert "You are signed in as <strong>Ana</strong> (Agent)." in html
    assert 'action="/sign-out?next=/sign-in?next%3D/admin/forms"' in html
    answer = pages.submit(ana, "/sign-out?next=/sign-in?next%3D/admin/forms", page="/account")
    assert answer.location == "/sign-in?next=/admin/forms"
    assert 'value="/admin/forms"' in ana.get(answer.location).get_data(as_text=True)
    assert ana.get("/account").status_code == 302


def test_the_page_to_continue_to_is_never_one_of_another_site(app: Flask) -> None:
    ana = pages.agent(app)
    for elsewhere in (
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "//evil.example",
    ):
        html = ana.get("/sign-in", query_string={"next": elsewhere}).get_data(as_text=True)
        assert 'href="/start"' in html
        assert "evil.example" not in html
    for browser in (ana, app.test_client()):
        assert browser.get("/sign-in?next=//[::1").status_code == 400


def test_a_page_for_admins_offers_to_sign_in_as_somebody_else(app: Flask) -> None:
    answer = pages.agent(app).get("/admin/forms")
    html = answer.get_data(as_text=True)
    assert answer.status_code == 403
    assert "You are signed in as Ana." in html
    assert "Sign in as someone else" in html
    assert 'action="/sign-out?next=/sign-in?next%3D/admin/forms"' in html


@pytest.mark.usefixtures("in_demo")
def test_in_the_demo_one_click_signs_in_with_the_right_role(app: Flask) -> None:
    ana = pages.signed_in_by_password(app, demo.AGENT, demo.DEMO_PASSWORD)
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
    assert "Ana H.</span></h1>" in html
    assert re.search(r'Renamed \(Ana H\.\)</span><span class="quiet"><bdi>Max</bdi>, ', html)
    refused = pages.submit(ana, "/account/name", {"name": "x" * 121}, page="/account")
    assert (refused.status_code, "longer than 120" in refused.get_data(as_text=True)) == (422, True)
    assert pages.submit(ana, f"{page}/name", {"name": "Boss"}, page="/account").status_code == 403
    with database.unit_of_work() as session:
        assert agents.rename(session, ana_id, "Ana H.", actor="agent:1", at=clock.now()).name == "Ana H."


def test_the_account_page_lists_the_devices_that_are_signed_in(app: Flask) -> None:
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    here, elsewhere = pages.agent(app), app.test_client()
    headers, address = {"User-Agent": firefox}, {"REMOTE_ADDR": "192.0.2.99"}
    pages.sign_in(elsewhere, "ana@example.com", headers=headers, environ_base=address)
    html = here.get("/account").get_data(as_text=True)
    assert html.count("This device") == 1
    assert "Firefox on Linux" in html
    assert "192.0.2.99" in html
    assert 'aria-label="Sign out Firefox on Linux, 192.0.2.99"' in html
    pages.admin(app)
    assert here.get("/account").get_data(as_text=True).count('aria-label="Sign out ') == 1


def test_an_agent_signs_one_device_out_or_all_others_but_nobody_elses(app: Flask) -> None:
    here, one, two, max_ = pages.agent(app), pages.agent(app), pages.agent(app), pages.admin(app)

    def first_listed() -> str:
        found = re.search(r'action="(/account/sessions/\d+/end)"', here.get("/account").get_data(as_text=True))
        assert found
        return found[1]

    path = first_listed()
    assert here.post(path).status_code == 400  # no CSRF token
    assert pages.submit(max_, path, page="/account").status_code == 404
    assert pages.submit(here, path, page="/account").status_code == 303
    assert sorted(client.get("/account").status_code for client in (one, two)) == [200, 302]
    assert pages.submit(here, path, page="/account").status_code == 404
    three = pages.agent(app)
    response = pages.submit(here, "/account/sessions/end-others", page="/account")
    assert "2 other devices are signed out." in here.get(response.location).get_data(as_text=True)
    assert [client.get("/account").status_code for client in (here, one, two, three, max_)] == [200, 302, 302, 302, 200]
    assert "Sign out all other devices" not in here.get("/account").get_data(as_text=True)
