"""The overview shows what the counts say, to marketers and admins, and what runs behind to admins alone."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core import clock
from app.core.problems import workers
from app.core.workspace import settings
from app.db import Database
from app.jobs.count_reach import count_due
from app.jobs.route_outbox import sweep_outbox
from app.models import Channel, ConsentType, Role
from tests import make
from tests.gateways.carriers import open_twilio
from tests.web import pages


def page_of(client: FlaskClient, days: str = "") -> str:
    response = client.get(f"/admin/overview?days={days}" if days else "/admin/overview")
    assert response.status_code == 200
    return response.get_data(as_text=True)


def figures(html: str) -> dict[str, str]:
    return dict(re.findall(r'data-figure="(\w+)">(?:<bdi dir="ltr">)?([^<]*)<', html))


def test_a_fresh_workspace_leads_to_the_first_steps(max_: FlaskClient) -> None:
    html = page_of(max_)
    assert "Nothing to show yet" in html
    assert 'href="/admin/setup"' in html
    assert "Never seen" in html


def test_opt_ins_opt_outs_reach_forms_and_events_are_shown(max_: FlaskClient, database: Database) -> None:
    now = clock.now()
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        make.live_type(session, name="Orders", consent_type=ConsentType.OPT_OUT, channel=Channel.EMAIL)
        sam, eve = (make.contact(session, phone_number=number) for number in (make.SAMS_NUMBER, make.EVES_NUMBER))
        inserted = make.inserted(session, make.form(session, offers, name="Shop"), sam)
        evidence = make.evidence(inserted_form_id=inserted.id, locale="es")
        make.opt_in(session, sam, offers, evidence=evidence, at=now - timedelta(days=1))
        make.opt_in(session, eve, offers, at=now - timedelta(days=20))
        make.opt_out(session, eve, offers, at=now)
        workers.beat(session, "w", started_at=now, at=now)
    html = page_of(max_)
    assert "Not counted yet" in html
    sweep_outbox(database)
    count_due(database)
    html = page_of(max_)
    assert figures(html.partition("Orders")[0]) == {
        "opted_in": "2",
        "opted_out": "1",
        "net": "+1",
        "opted_in_now": "1",
        "reachable": "1",
    }
    assert figures(page_of(max_, "7").partition("Orders")[0])["opted_in"] == "1"
    for shown in ("Show numbers", "<title", "Shop", "+1 ••• ••• ••99", "Last seen"):
        assert shown in html
    assert re.search(r'class="state state-healthy">.{0,300}Healthy', html, re.DOTALL)
    assert make.SAMS_NUMBER not in html
    assert make.EVES_NUMBER not in html


def test_days_are_those_of_the_time_zone_of_the_workspace(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"time_zone": "Pacific/Kiritimati"}, actor="agent:1", at=clock.now())
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, make.live_type(session), at=clock.now())
    sweep_outbox(database)
    html = page_of(max_, "7")
    assert "Pacific/Kiritimati" in html
    assert figures(html)["opted_in"] == "1", "today is included where it is tomorrow already"


@pytest.mark.parametrize("days", ["6", "x", "-1", "100000000000000000000"])
def test_another_range_than_the_offered_ones_is_the_usual_one(days: str, max_: FlaskClient) -> None:
    assert re.search(r'aria-current="page">30 days', page_of(max_, days))


def test_a_marketer_sees_the_numbers_and_not_the_health(app: Flask) -> None:
    pages.make_agent(app, "mia@example.com", role=Role.MARKETER)
    client = pages.signed_in(app, "mia@example.com")
    html = page_of(client)
    assert "Health" not in html
    assert 'href="/admin/setup"' not in html
    assert client.get("/start").location == "/admin/overview"


def test_looking_at_the_overview_writes_nothing(app: Flask, max_: FlaskClient) -> None:
    page_of(max_)
    with pages.statements(app) as statements:
        page_of(max_)
    assert statements
    assert [each for each in statements if not each.lstrip().upper().startswith(("SELECT", "PRAGMA"))] == []


@pytest.mark.own_app
def test_the_health_shows_the_consents_that_a_gateway_was_not_told(app: Flask) -> None:
    assert "Consents pushed" not in page_of(pages.admin(app))
    of_twilio = replace(app.extensions["assent"], gateway=open_twilio(""))
    app.extensions["assent"] = of_twilio
    client = pages.signed_in(app, "max@example.com")
    assert "The gateway knows every opt-in and opt-out." in page_of(client)
    with of_twilio.database.unit_of_work() as session:
        make.opt_in(session, make.contact(session, phone_number=make.SAMS_NUMBER), make.live_type(session))
    sweep_outbox(of_twilio.database, pushes_consents=True)
    assert "1 not pushed yet, the oldest from" in page_of(client)
