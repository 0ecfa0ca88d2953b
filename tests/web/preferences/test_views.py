"""The preference center, opened and used through its pages."""

from dataclasses import dataclass
from datetime import timedelta

import brotli
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core import clock, public_urls
from app.core.consent import suppressions
from app.core.forms.content import FormText
from app.core.preferences import links, one_click
from app.core.subscriptions import preference_form
from app.core.workspace import settings
from app.db import Database
from app.models import (
    Base,
    Channel,
    ConsentEvent,
    ConsentEvidence,
    ConsentType,
    Contact,
    ErasureRequest,
    EvidenceLevel,
    InsertedForm,
    SmsMessage,
    SubscriptionType,
    Suppression,
    SuppressionCause,
)
from tests import make
from tests.make import SAMS_NUMBER
from tests.web.preferences.page import open_page, press, read

PERSONAL, UNVERIFIED = EvidenceLevel.PERSONAL_LINK, EvidenceLevel.WEB_UNVERIFIED
LEGAL = FormText("Offers by text", legal_text="You agree to get **offers**.", checkbox_text="Yes, text me offers.")


@dataclass
class Sam:
    """Sam is opted in to offers, subscribed to news by default, and may opt in to alerts by a form."""

    path: str
    contact_id: int
    offers: int
    alerts: int
    news: int
    draft: int

    def type(self, type_id: int) -> str:
        return f"{self.path}/subscription_types/{type_id}"


@pytest.fixture
def sam(database: Database) -> Sam:
    at = clock.now()
    with database.unit_of_work() as session:
        offers = make.live_type(session, description="Every week.", translations={"de": ("Angebote", "Jede Woche.")})
        alerts = make.live_type(session, name="Alerts")
        news = make.live_type(session, name="News", channel=Channel.EMAIL, consent_type=ConsentType.OPT_OUT)
        draft = make.draft_type(session, name="Draft")
        form = make.form(session, alerts, texts={"en": LEGAL}, name="Alerts on the page")
        preference_form.choose(session, alerts, form.id, actor="agent:1", at=at)
        contact = make.contact(session, phone_number=SAMS_NUMBER, email_address="sam@example.com")
        make.opt_in(session, contact, offers)
        workspace = {"name": "Harbour Coffee", "help_contact": "help@example.com", "privacy_url": "https://a.example/p"}
        settings.change(session, workspace, actor="agent:1", at=at)
        path = public_urls.preferences(links.issue(session, contact, level=PERSONAL, at=at))
        return Sam(path, contact.id, offers.id, alerts.id, news.id, draft.id)


def events(database: Database) -> list[tuple[ConsentEvent, ConsentEvidence]]:
    with database.read_only() as session:
        query = select(ConsentEvent, ConsentEvidence).join(ConsentEvidence, ConsentEvidence.event_id == ConsentEvent.id)
        by_page = query.where(ConsentEvent.source == "preference_center").order_by(ConsentEvent.id)
        return [(row[0], row[1]) for row in session.execute(by_page)]


def test_the_page_says_what_sam_gets_and_leaves_with_one_tap(client: FlaskClient, database: Database, sam: Sam) -> None:
    page = open_page(client, sam.path)
    assert (page.status, page.state, page.lang) == (200, "preferences", "en")
    assert page.types == {
        sam.offers: ("opted_in", True),
        sam.alerts: ("never_asked", False),
        sam.news: ("never_asked", True),
    }
    for words in (
        "Harbour Coffee",
        "Every week.",
        "You’re subscribed since Nov 2, 2026",
        "+1 ••• ••• ••23",
        "s•••@•••.com",
    ):
        assert words in page.text.replace("2 Nov 2026", "Nov 2, 2026"), words
    assert "2025550123" not in page.response.text.replace(" ", "")
    assert {"mailto:help@example.com", "https://a.example/p", f"{sam.path}/record"} <= set(page.links)
    left = press(client, page, sam.type(sam.offers))
    assert (left.status, left.types[sam.offers]) == (200, ("opted_out", False))
    assert "You are unsubscribed from “Offers”." in left.text
    assert sam.type(sam.offers) not in left.forms
    ((event, evidence),) = events(database)
    assert (event.action, event.actor, event.evidence_level) == ("opt_out", "contact", "personal_link")
    assert (evidence.destination, evidence.locale, evidence.ip_address) == (SAMS_NUMBER, "en", "127.0.0.1")


def test_the_page_is_in_the_language_of_the_address_else_of_the_contact_else_of_the_browser(
    client: FlaskClient, database: Database, sam: Sam
) -> None:
    german = open_page(client, sam.path, "de-AT")
    assert (german.lang, "Angebote" in german.text, "Jede Woche." in german.text) == ("de", True, True)
    with database.unit_of_work() as session:
        session.get_one(Contact, sam.contact_id).locale = "fr"
    assert open_page(client, sam.path, "de-AT").lang == "fr"
    arabic = open_page(client, f"{sam.path}?lang=ar", "de-AT")
    assert arabic.lang == "ar"
    left = press(client, arabic, f"{sam.type(sam.offers)}?lang=ar")
    assert (left.lang, left.types[sam.offers]) == ("ar", ("opted_out", False))
    assert events(database)[0][1].locale == "ar"


def test_a_form_that_confirms_numbers_asks_for_the_code_before_it_subscribes(
    client: FlaskClient, database: Database, sam: Sam
) -> None:
    with database.unit_of_work() as session:
        alerts = session.get_one(SubscriptionType, sam.alerts)
        form = make.form(session, alerts, texts={"en": LEGAL}, verify_number="code")
        preference_form.choose(session, alerts, form.id, actor="agent:1", at=clock.now())
    page = press(client, open_page(client, sam.path), sam.type(sam.alerts))
    asked = press(client, page, sam.type(sam.alerts), agree="on")
    assert asked.state == "confirm"
    assert "••23" in asked.text
    assert open_page(client, sam.path).types[sam.alerts] == ("never_asked", False)
    with database.read_only() as session:
        code = (session.scalars(select(SmsMessage.body)).one() or "")[:6]
    path = next(each for each in asked.forms if "/confirm" in each)
    wrong = press(client, asked, path, code="0")
    resent = press(client, asked, path.replace("/confirm", "/resend"))
    done = press(client, asked, path, code=code)
    assert (wrong.state, resent.state, done.state) == ("confirm", "confirm", "done")
    assert open_page(client, sam.path).types[sam.alerts] == ("opted_in", True)
    undone = press(client, done, next(each for each in done.forms if "/undo" in each))
    ended = press(client, asked, path, code=code)
    for each in (asked, wrong, resent, done, undone, ended):
        assert sam.path in each.links, (each.state, each.text)


def test_subscribing_shows_the_form_and_records_its_words(client: FlaskClient, database: Database, sam: Sam) -> None:
    form = press(client, open_page(client, sam.path), sam.type(sam.alerts))
    assert (form.status, form.state) == (200, "subscribe")
    assert "You agree to get offers ." in form.text
    assert events(database) == []
    refused = press(client, form, sam.type(sam.alerts))
    assert (refused.status, "Tick this box to sign up." in refused.text, events(database)) == (422, True, [])
    done = press(client, refused, sam.type(sam.alerts), agree="on")
    assert (done.state, done.types[sam.alerts]) == ("preferences", ("opted_in", True))
    assert "You are subscribed to “Alerts”." in done.text
    again = press(client, refused, sam.type(sam.alerts), agree="on")
    assert again.types[sam.alerts] == ("opted_in", True)
    ((event, evidence),) = events(database)
    assert (event.action, event.evidence_level, event.form_version_id is None) == ("opt_in", "personal_link", False)
    assert evidence.details
    assert {"form": "Alerts on the page", "shown_as": "+1 ••• ••• ••23"}.items() <= evidence.details.items()
    with database.read_only() as session:
        stored = session.scalars(select(InsertedForm)).one()
        assert (stored.contact_id, event.inserted_form_id) == (sam.contact_id, stored.id)
    record = open_page(client, f"{sam.path}/record")
    assert "Yes, text me offers." in record.text


def test_an_address_that_was_made_up_says_nothing_that_is_not_so(client: FlaskClient, sam: Sam) -> None:
    for done in (f"left&type={sam.offers}", f"joined&type={sam.alerts}", "left&type=x", "stopped", "asked", "nonsense"):
        assert 'role="status"' not in client.get(f"{sam.path}?done={done}").text, done


def test_a_form_cannot_be_sent_with_the_token_of_another_page(
    client: FlaskClient, database: Database, sam: Sam
) -> None:
    form = press(client, open_page(client, sam.path), sam.type(sam.alerts))
    sent = form.forms[sam.type(sam.alerts)] | {"agree": "on"}
    with database.unit_of_work() as session:
        eve = make.contact(session, phone_number=make.EVES_NUMBER)
        eves = public_urls.preferences(links.issue(session, eve, level=PERSONAL, at=clock.now()))
    stolen = read(client.post(f"{eves}/subscription_types/{sam.alerts}", data=sent))
    assert (stolen.status, stolen.state) == (409, "subscribe")
    assert read(client.post(sam.type(sam.alerts), data={"shown": "x", "agree": "on"})).status == 409
    assert events(database) == []


def test_stop_all_texts_is_confirmed_and_can_be_taken_back(client: FlaskClient, database: Database, sam: Sam) -> None:
    page = open_page(client, sam.path)
    stopped = press(client, page, f"{sam.path}/stop")
    assert "All texts are stopped." in stopped.text
    assert {sam.offers: ("opted_out", False), sam.alerts: ("opted_out", False)}.items() <= stopped.types.items()
    assert stopped.types[sam.news] == ("never_asked", True)
    assert f"{sam.path}/stop" not in stopped.forms
    allowed = press(client, stopped, f"{sam.path}/allow")
    assert "Texts may reach your number again." in allowed.text
    assert allowed.types[sam.alerts] == ("opted_out", False)
    assert sam.type(sam.alerts) in allowed.forms
    actions = [event.action for event, _evidence in events(database)]
    assert actions == ["suppress", "opt_out", "opt_out", "lift"]


def test_a_number_that_said_stop_is_told_to_send_start(client: FlaskClient, database: Database, sam: Sam) -> None:
    with database.unit_of_work() as session:
        keyword = SuppressionCause.KEYWORD
        suppressions.suppress(session, SAMS_NUMBER, keyword, "", actor="contact", at=clock.now())
    page = open_page(client, sam.path)
    assert "reply START to one of our texts" in page.text
    assert {sam.type(sam.alerts), f"{sam.path}/allow"} & set(page.forms) == set()
    refused = read(client.post(f"{sam.path}/allow"))
    assert (refused.status, refused.state) == (409, "error")
    with database.read_only() as session:
        assert session.scalars(select(Suppression.cause)).one() == "keyword"


def test_one_click_leaves_an_email_type_whatever_the_body_is_encoded_as(
    client: FlaskClient, database: Database, sam: Sam
) -> None:
    header = one_click.headers(sam.path.rpartition("/")[2], sam.news, base="https://consent.example.com")
    assert header["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = header["List-Unsubscribe"].strip("<>").removeprefix("https://consent.example.com")
    body, elsewhere = "List-Unsubscribe=One-Click", {"Sec-Fetch-Site": "cross-site"}
    assert open_page(client, address).types[sam.news] == ("never_asked", True)
    assert client.post(address, data="List-Unsubscribe=No").status_code == 400
    assert client.post(f"{sam.path}/one-click?type={sam.offers}", data=body).status_code == 404
    assert events(database) == []
    for content_type in ("application/x-www-form-urlencoded", "text/plain"):
        left = client.post(address, data=body, content_type=content_type, headers=elsewhere)
        assert (left.status_code, left.headers.getlist("Set-Cookie")) == (200, [])
    sent = client.post(
        f"{sam.path}/one-click", data={"List-Unsubscribe": "One-Click"}, content_type="multipart/form-data"
    )
    assert read(sent).types[sam.news] == ("opted_out", False)
    assert [event.action for event, _evidence in events(database)] == ["opt_out"]


def test_deletion_is_asked_for_once_and_is_due_on_a_day(client: FlaskClient, database: Database, sam: Sam) -> None:
    asked = press(client, open_page(client, sam.path), f"{sam.path}/erasure")
    assert "We received your request." in asked.text
    assert "We will answer by" in asked.text
    assert f"{sam.path}/erasure" not in asked.forms
    assert client.post(f"{sam.path}/erasure").status_code == 303
    with database.unit_of_work() as session:
        assert session.scalars(select(ErasureRequest.contact_id)).all() == [sam.contact_id]
        session.query(ErasureRequest).delete()
        settings.change(session, {"erasure_requests": False}, actor="agent:1", at=clock.now())
    assert f"{sam.path}/erasure" not in open_page(client, sam.path).forms
    assert client.post(f"{sam.path}/erasure").status_code == 409


def test_an_expired_link_still_leaves_and_does_nothing_else(client: FlaskClient, database: Database, sam: Sam) -> None:
    with time_machine.travel(clock.now() + links.CHANGES_FOR + timedelta(days=900), tick=False):
        page = open_page(client, sam.path)
        assert (page.status, page.state) == (200, "expired")
        assert set(page.forms) == {sam.type(sam.offers), sam.type(sam.news), f"{sam.path}/stop"}
        for part in ("/record", "/record?format=json", f"/subscription_types/{sam.alerts}"):
            expired = open_page(client, sam.path + part)
            assert (expired.status, expired.state) == (410, "expired")
        for part in ("/allow", "/erasure"):
            assert read(client.post(sam.path + part)).state == "expired"
        assert client.post(sam.type(sam.alerts), data={"shown": "x"}).status_code == 410
        assert press(client, page, sam.type(sam.offers)).types[sam.offers] == ("opted_out", False)
        assert press(client, page, f"{sam.path}/stop").types[sam.alerts] == ("opted_out", False)


def test_unknown_links_are_unavailable_and_unknown_types_lead_back(
    client: FlaskClient, database: Database, sam: Sam
) -> None:
    for path in ("/p/unknown", "/p/" + "x" * 16, "/p/" + "é" * 16, "/p/", "/p/a/b/c"):
        page = open_page(client, path)
        assert (page.status, page.state) == (404, "unavailable"), path
    for path in (sam.type(sam.draft), sam.type(0), f"{sam.path}/subscription_types/x", sam.type(10**30)):
        assert client.post(path, data={"action": "unsubscribe"}).status_code == 404
        page = open_page(client, path)
        assert (page.status, page.state) == (404, "error"), path
        assert sam.path in page.links
    assert open_page(client, sam.path).types[sam.offers] == ("opted_in", True)
    assert client.post("/p/" + "x" * 16 + "/stop").status_code == 404
    assert events(database) == []


def test_a_link_that_proves_nothing_leaves_for_its_lead_and_keeps_quiet_about_the_number(
    client: FlaskClient, database: Database, sam: Sam
) -> None:
    with database.unit_of_work() as session:
        lead = make.contact(session, role="lead", external_id=None, phone_number=SAMS_NUMBER)
        path = public_urls.preferences(links.issue(session, lead, level=UNVERIFIED, at=clock.now()))
    press(client, open_page(client, sam.path), f"{sam.path}/stop")
    page = open_page(client, path)
    assert page.types == {sam.offers: ("never_asked", False), sam.alerts: ("never_asked", False)}
    assert "stopped" not in page.text
    assert f"{path}/erasure" not in page.forms
    form = press(client, page, f"{path}/subscription_types/{sam.alerts}")
    claimed = press(client, form, f"{path}/subscription_types/{sam.alerts}", agree="on")
    assert claimed.types[sam.alerts] == ("never_asked", False)
    assert "unless this number or address was opted out before" in claimed.text
    record = open_page(client, f"{path}/record").text
    assert "nothing changed: Alerts" in record
    assert "Texts to the number stopped" not in record


def everything(database: Database) -> dict[str, list[str]]:
    """Every row of every table."""
    with database.read_only() as session:
        return {
            name: sorted(map(repr, session.execute(table.select()))) for name, table in Base.metadata.tables.items()
        }


def test_programs_that_follow_every_link_change_nothing(
    app: Flask, client: FlaskClient, database: Database, sam: Sam
) -> None:
    press(client, open_page(client, sam.path), sam.type(sam.offers))
    before = everything(database)
    waiting, seen = [sam.path], set()
    while waiting:
        path = waiting.pop()
        if path in seen or not path.startswith("/p/"):
            continue
        seen.add(path)
        scanner = app.test_client()
        page = read(scanner.get(path))
        assert scanner.head(path).status_code == page.status
        waiting += [*page.links, *page.forms]
    assert {f"{sam.path}/record", f"{sam.path}/stop", sam.type(sam.alerts), f"{sam.path}?lang=ar"} <= seen
    assert everything(database) == before


def test_pages_are_small_private_and_stay_out_of_frames(client: FlaskClient, sam: Sam) -> None:
    total = 0
    for path in (sam.path, f"{sam.path}/record", sam.type(sam.alerts), "/p/unknown"):
        response = client.get(path, headers={"Accept-Encoding": "br"})
        html = brotli.decompress(response.data).decode() if response.headers.get("Content-Encoding") else response.text
        assert "<script" not in html
        assert "Set-Cookie" not in response.headers
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert (response.headers["Referrer-Policy"], response.headers["X-Robots-Tag"]) == ("no-referrer", "noindex")
        assert response.headers["Cache-Control"] == "no-store"
        total = max(total, len(response.data))
    for css in ("embed", "preferences"):
        with client.get(f"/static/css/{css}.css", headers={"Accept-Encoding": "br"}) as sheet:
            total += len(sheet.data)
    assert total < 12_000
    assert client.post(f"{sam.path}/stop", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_too_many_acts_are_refused_and_leaving_never_is(client: FlaskClient, database: Database, sam: Sam) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"submissions_per_number": 1}, actor="agent:1", at=clock.now())
    assert client.post(f"{sam.path}/erasure").status_code == 303
    refused = client.post(f"{sam.path}/erasure")
    assert (refused.status_code, int(refused.headers["Retry-After"]) > 0) == (429, True)
    for _ in range(3):
        assert client.post(f"{sam.path}/stop").status_code == 303
        assert client.post(sam.type(sam.offers), data={"action": "unsubscribe"}).status_code == 303


def test_the_record_is_downloaded_without_numbers_and_notes(client: FlaskClient, database: Database, sam: Sam) -> None:
    with database.unit_of_work() as session:
        suppressions.suppress(
            session, SAMS_NUMBER, SuppressionCause.MANUAL, "Eve asked", actor="agent:1", at=clock.now()
        )
    press(client, open_page(client, sam.path), f"{sam.path}/stop")
    response = client.get(f"{sam.path}/record?format=json")
    assert response.headers["Content-Disposition"] == 'attachment; filename="consent-record.json"'
    body = response.get_json()
    assert (body["type"], body["phone"], body["email"]) == ("consent_record", "+1 ••• ••• ••23", "s•••@•••.com")
    assert [each["action"] for each in body["events"]] == ["opt_out", "opt_out", "suppress", "suppress", "opt_in"]
    assert body["events"][0]["destination"] == "+1 ••• ••• ••23"
    assert "Stop all texts" in body["events"][0]["words"]
    for hidden in ("2025550123", "Eve asked", "127.0.0.1"):
        assert hidden not in response.text
