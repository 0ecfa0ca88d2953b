"""The page of the audit log, its filters, and the file of it."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core import audit
from app.db import Database
from app.web.admin import audit_log, history, history_words
from tests import make
from tests.make import NOON
from tests.web import pages

PATH = "/admin/audit"


@pytest.fixture
def max_(app: Flask) -> FlaskClient:
    return pages.admin(app)


def test_the_page_lists_who_did_what_and_from_where(max_: FlaskClient, app: Flask, database: Database) -> None:
    with database.unit_of_work() as session:
        form = make.form(session, make.live_type(session))
        audit.acts_from(session, "203.0.113.7")
        details = audit.changes({"name": "Old name", "legal_text": ""}, {"name": "New name", "legal_text": "Words"})
        audit.record(session, "agent:1", "form.saved", f"form:{form.id}", details, at=NOON)
    html = max_.get(PATH).get_data(as_text=True)
    assert "Form saved" in html
    assert f'<a href="/admin/forms/{form.id}">' in html
    assert "203.0.113.7" in html
    assert "<del>Old name</del>" in html
    assert "<ins>New name</ins>" in html
    assert "(empty)" in html
    assert "Signed in" in html  # Max, just now


def test_campaigns_and_outbound_chats_are_named_and_lead_to_their_pages(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        campaign = make.campaign(session, make.live_type(session), name="Spring <sale>")
        chat = make.outbound_chat(session, name="Tasting")
        for subject in ("campaign:99", "outbound_chat:99"):
            audit.record(session, "agent:1", "campaign.deleted", subject, {}, at=NOON)
    html = max_.get(PATH).get_data(as_text=True)
    assert f'<a href="/campaigns/{campaign.id}">Spring &lt;sale&gt;</a>' in html
    assert f'<a href="/outbound-chats/{chat.id}">Tasting</a>' in html
    assert "Campaign 99" in html
    assert "Outbound chat 99" in html


def test_what_is_kept_as_a_hash_is_named_in_words(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        for kind, action in {"suppression": "suppression.lifted", "destination": "destination.shown"}.items():
            audit.record(session, "agent:1", action, f"{kind}:235e6715", {}, at=NOON)
    html = max_.get(PATH).get_data(as_text=True)
    assert ">A phone number<" in html
    assert ">Phone number or email address<" in html
    assert "235e6715" not in html


def test_a_failed_sign_in_is_there_without_what_was_typed(max_: FlaskClient, app: Flask) -> None:
    pages.sign_in(app.test_client(), "max@example.com", "a wrong password")
    pages.sign_in(app.test_client(), "stranger@example.org", "a wrong password")
    html = max_.get(f"{PATH}?kind=failed").get_data(as_text=True)
    assert html.count("Sign-in failed") == 2
    assert "An unknown address" in html
    assert "Not signed in" in html
    assert "stranger@example.org" not in html
    assert "a wrong password" not in html


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", {"a", "b", "c"}),
        ("actor=agent:7", {"a", "b"}),
        ("kind=tokens", {"b"}),
        ("subject=form:5", {"a", "c"}),
        ("address=192.0.2.9", {"c"}),
        ("since=2026-11-02", {"b", "c"}),
        ("until=2026-11-01", {"a"}),
        ("since=2026-11-02&until=2026-11-02", {"b"}),
        ("since=yesterday&kind=nonsense", {"a", "b", "c"}),
        ("actor=agent:7&subject=form:5&kind=forms", {"a"}),
        ("actor=agent:99", set()),
    ],
)
def test_filters_find_what_they_name(asked: str, expected: set[str], max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        _some_entries(session)
    html = max_.get(f"{PATH}?{asked}").get_data(as_text=True)
    assert {name for name in "abc" if f"Mark {name}" in html} == expected
    assert ("No entry matches" in html) == (not expected)


def test_older_entries_are_on_further_pages_with_the_same_filters(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        for number in range(audit_log.PAGE_SIZE + 1):
            audit.record(session, "agent:7", "form.archived", f"form:{number}", {}, at=NOON)
    first = max_.get(f"{PATH}?actor=agent:7").get_data(as_text=True)
    assert "Form 50" in first
    assert "Form 0<" not in first
    link = first.split('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "actor=agent" in link
    assert "Form 0<" in max_.get(link).get_data(as_text=True)


def test_the_export_has_what_the_filters_find_and_is_an_entry_itself(
    max_: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "CHUNK_SIZE", 2)
    with database.unit_of_work() as session:
        for number in range(5):
            audit.record(session, "agent:7", "form.archived", f"form:{number}", {"note": "=1+1"}, at=NOON)
        audit.record(session, "=cmd()", "token.created", "token:1", {}, at=NOON)
    sent = pages.submit(max_, f"{PATH}/export", {"kind": "forms", "actor": "agent:7"}, page=PATH)
    assert sent.mimetype == "text/csv"
    assert "attachment" in sent.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(sent.get_data(as_text=True).removeprefix("\ufeff"))))
    assert [row["subject"] for row in rows] == [f"form:{number}" for number in (4, 3, 2, 1, 0)]
    assert rows[0]["time"] == NOON.isoformat(timespec="seconds")
    everything = pages.submit(max_, f"{PATH}/export", page=PATH).get_data(as_text=True)
    assert "'=cmd()" in everything
    assert "audit.exported" in everything
    with database.read_only() as session:
        newest, earlier = audit.find(session, audit.Filter(actions=["audit."]), limit=2)
        assert (newest.details, earlier.details) == (
            {"filters": {}},
            {"filters": {"actor": "agent:7", "kind": "forms"}},
        )


def test_looking_at_the_audit_log_writes_nothing(max_: FlaskClient, database: Database) -> None:
    with database.read_only() as session:
        before = audit.newest(session, limit=1)[0].id
    max_.get(PATH)
    assert max_.get(f"{PATH}/export").status_code == 405
    with database.read_only() as session:
        assert audit.newest(session, limit=1)[0].id == before


def test_every_action_belongs_to_a_kind_that_can_be_chosen() -> None:
    begins = tuple(each for _, actions in history.KINDS.values() for each in actions)
    assert [action for action in history_words.EVENTS if not action.startswith(begins)] == []


def _some_entries(session: Any) -> None:
    """Three entries, a to c, each a day later; their names are in a change."""

    def add(name: str, actor: str, action: str, subject: str, day: int) -> None:
        details = audit.changes({}, {"name": f"Mark {name}"})
        audit.record(session, actor, action, subject, details, at=NOON - timedelta(days=NOON.day - day))

    add("a", "agent:7", "form.saved", "form:5", 1)
    add("b", "agent:7", "token.created", "token:5", 2)
    audit.acts_from(session, "192.0.2.9")
    add("c", "agent:8", "form.saved", "form:5", 3)
