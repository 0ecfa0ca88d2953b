"""Show me: the search for a number, and its file for a lawyer."""

import io
import zipfile

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core.contacts import erase
from app.core.ledger import sealing
from app.core.proof import receipt_check
from app.core.workspace import settings
from app.db import Database
from app.models import AuditEntry, Contact, Role
from tests import make
from tests.make import NOON, SAMS_NUMBER
from tests.web import pages

PATH, FILE = "/show-me", "/show-me/file"
TYPED = {"destination": "001 202 555 0123"}


@pytest.fixture
def event_id(database: Database) -> int:
    with database.unit_of_work() as session:
        sam, offers = make.contact(session, name="Sam", phone_number=SAMS_NUMBER), make.live_type(session)
        made = make.opt_in(session, sam, offers, evidence=make.evidence(note="Said so at the counter")).event_id
        make.opt_out(session, sam, offers)
    sealing.seal(database)
    return made


def _entries(database: Database) -> list[tuple[str, str]]:
    with database.read_only() as session:
        found = session.scalars(select(AuditEntry).where(AuditEntry.action.startswith("destination.")))
        return [(each.action, each.subject) for each in found]


def test_everything_about_a_number_is_shown_in_time_order(max_: FlaskClient, database: Database, event_id: int) -> None:
    html = pages.submit(max_, PATH, TYPED).get_data(as_text=True)
    assert "+1 202-555-0123" in html
    assert html.index("Said so at the counter") < html.index(f"Receipt of event {event_id + 1}")
    assert "What applies now" in html
    assert 'method="post" action="/show-me/file"' in html
    ((action, subject),) = _entries(database)
    assert action == "destination.shown"
    assert "555" not in subject


def test_a_search_needs_a_text_and_an_unknown_number_is_said_to_be_unknown(max_: FlaskClient) -> None:
    assert pages.submit(max_, PATH, {"destination": " "}).status_code == 422
    assert "Nothing is kept about it" in pages.submit(max_, PATH, TYPED).get_data(as_text=True)


def test_a_number_without_its_country_is_refused_and_not_said_to_be_unknown(
    max_: FlaskClient, database: Database, event_id: int
) -> None:
    refused = pages.submit(max_, PATH, {"destination": "202 555 0123"})
    assert refused.status_code == 422
    assert "Start with + and the country code" in refused.get_data(as_text=True)
    assert "Nothing is kept" not in refused.get_data(as_text=True)
    assert _entries(database) == []
    with database.unit_of_work() as session:
        settings.change(session, {"default_country": "US"}, actor="agent:1", at=NOON)
    assert "Said so at the counter" in pages.submit(max_, PATH, {"destination": "202 555 0123"}).get_data(as_text=True)


def test_after_an_erasure_the_events_are_shown_without_evidence(
    max_: FlaskClient, database: Database, event_id: int
) -> None:
    with database.unit_of_work() as session:
        erase.erase(session, session.get_one(Contact, 1), actor="agent:1", at=NOON)
    html = pages.submit(max_, PATH, TYPED).get_data(as_text=True)
    assert "Said so at the counter" not in html
    assert f"Receipt of event {event_id}" in html
    assert "The evidence was erased. Only the event is left." in html


def test_the_file_has_the_report_receipts_keys_and_the_program(
    max_: FlaskClient, database: Database, event_id: int
) -> None:
    response = pages.submit(max_, FILE, TYPED, page=PATH)
    assert response.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(response.get_data())) as archive:
        files = {name.partition("/")[2]: archive.read(name).decode() for name in archive.namelist()}
    keys = receipt_check.read_keys(files["keys.json"])
    for each in (event_id, event_id + 1):
        assert receipt_check.check(files[f"receipts/event-{each}.json"], keys).verdict == "verified"
    report = files["report.html"]
    assert "Said so at the counter" in report
    assert "<style>" in report
    for missing in ("<link", "<script", "<img", 'href="/'):
        assert missing not in report
    assert [action for action, _ in _entries(database)] == ["destination.exported"]
    assert pages.submit(max_, FILE, {"destination": ""}, page=PATH).status_code == 422


def test_the_page_of_a_contact_leads_to_everything_about_its_number(
    ana: FlaskClient, max_: FlaskClient, database: Database, event_id: int
) -> None:
    with database.read_only() as session:
        sam = session.get_one(Contact, 1).public_id
    html = max_.get(f"/contacts/{sam}").get_data(as_text=True)
    assert f'action="{PATH}"' in html
    assert f'name="destination" value="{SAMS_NUMBER}"' in html
    assert f'action="{PATH}"' not in ana.get(f"/contacts/{sam}").get_data(as_text=True)


def test_only_admins_and_marketers_may_search(app: Flask, ana: FlaskClient, database: Database) -> None:
    assert ana.get(PATH).status_code == 403
    for path in (PATH, FILE):
        assert pages.submit(ana, path, TYPED, page="/account").status_code == 403
    assert not _entries(database)
    pages.make_agent(app, "mia@example.com", name="Mia", role=Role.MARKETER)
    assert pages.signed_in(app, "mia@example.com").get(PATH).status_code == 200
