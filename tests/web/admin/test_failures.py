"""The page of what failed."""

import re

from flask import Flask
from flask.testing import FlaskClient

from app.core import clock
from app.core.problems import failures
from app.core.site import snippets
from app.core.sms import queueing
from app.core.sms.queueing import NewText
from app.core.webhooks import endpoints, routing
from app.core.workspace import settings
from app.db import Database
from app.http_client import Reach
from app.models import DeliveryState, FailureKind, Purpose, SmsMessage, SmsState, WebhookDelivery
from tests import make
from tests.web import pages

EVE = "eve@example.com"


def page_of(client: FlaskClient) -> str:
    response = client.get("/admin/failures")
    assert response.status_code == 200
    return response.get_data(as_text=True)


def fail(database: Database, kind: FailureKind, name: str) -> None:
    with database.unit_of_work() as session:
        failures.record(session, kind, name, OSError("disk full"), at=clock.now())


def test_the_page_says_that_nothing_failed(max_: FlaskClient) -> None:
    assert "Nothing failed" in page_of(max_)
    assert 'class="badge' not in page_of(max_)


def test_jobs_and_mails_that_failed_are_listed_and_cleared(max_: FlaskClient, database: Database) -> None:
    fail(database, FailureKind.JOB, "delete_expired")
    fail(database, FailureKind.JOB, "a_new_job")
    fail(database, FailureKind.MAIL, EVE)
    page = page_of(max_)
    for shown in ("Deleting expired records", "a_new_job", EVE, "OSError: disk full", '<b class="badge number">3</b>'):
        assert shown in page
    assert "Nothing failed" not in page
    values = {"kind": "mail", "name": EVE}
    cleared = pages.submit(max_, "/admin/failures/clear", values, page="/admin/failures")
    assert (cleared.status_code, cleared.location) == (303, "/admin/failures")
    page = page_of(max_)
    assert EVE not in page
    assert '<b class="badge number">2</b>' in page


def test_webhooks_that_were_not_delivered_are_listed_with_a_link_to_them(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        url, at = "https://shop.example.com/hooks", clock.now()
        made = endpoints.create(session, url, ["contact.created"], reach=Reach.INTERNET, actor="agent:1", at=at)[0]
        delivery = session.get_one(WebhookDelivery, routing.send_test(session, made.id, actor="agent:1", at=at))
        delivery.state = DeliveryState.FAILED
        made.consecutive_failures = 3
    page = page_of(max_)
    assert "https://shop.example.com/hooks" in page.replace("<wbr>", "")
    assert "Failing" in page
    assert f'href="/admin/webhooks/{made.id}?state=failed"' in page


def test_a_website_is_allowed_from_the_page(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        snippets.record(session, "embed", "https://shop.example", at=clock.now())
    page = page_of(max_)
    assert "https://shop.example" in page
    values = dict(re.findall(r'<input type="hidden" name="(origin|back)" value="([^"]+)">', page))
    allowed = pages.submit(max_, "/admin/setup/origins", values, page="/admin/failures")
    assert allowed.location == "/admin/failures"
    assert "Nothing failed" in page_of(max_)
    with database.read_only() as session:
        assert settings.get(session).allowed_origins == ["https://shop.example"]


def test_agents_neither_see_the_page_nor_its_number(ana: FlaskClient, database: Database) -> None:
    fail(database, FailureKind.JOB, "delete_expired")
    assert ana.get("/admin/failures").status_code == 403
    values = {"kind": "job", "name": "delete_expired"}
    assert pages.submit(ana, "/admin/failures/clear", values, page="/account").status_code == 403
    assert 'class="badge' not in ana.get("/inbox").get_data(as_text=True)


def test_the_number_costs_one_statement_on_pages_of_admins_and_none_on_polls(
    app: Flask, max_: FlaskClient, database: Database
) -> None:
    fail(database, FailureKind.JOB, "delete_expired")
    with pages.statements(app) as seen:
        page = max_.get("/inbox").get_data(as_text=True)
    assert page.count('<b class="badge number">1</b>') == 2
    assert len([each for each in seen if "failures" in each]) == 1
    with pages.statements(app) as seen:
        max_.get("/inbox/poll?cursor=0")
    assert not [each for each in seen if "failures" in each]


def test_an_admin_decides_about_texts_of_which_nobody_knows_whether_they_were_sent(
    max_: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        asked = NewText(Purpose.REPLY, make.SAMS_NUMBER, "Your cake is ready.", "agent:1")
        keys = [queueing.queue(session, asked, at=clock.now()).id for _ in range(2)]
        for key in keys:
            session.get_one(SmsMessage, key).state = SmsState.UNKNOWN
    page = page_of(max_)
    assert "Texts that may have been sent" in page
    assert "+1 202-555-0123" in page
    assert 'class="badge' in page, "the navigation announces it"
    token = pages.csrf_token(page)
    for key, decision, state in ((keys[0], "send_again", "queued"), (keys[1], "give_up", "failed")):
        form = {"decision": decision, "csrf_token": token}
        assert max_.post(f"/admin/failures/texts/{key}", data=form).status_code == 303
        with database.read_only() as session:
            assert session.get_one(SmsMessage, key).state == state
    assert "Nothing failed" in page_of(max_)
