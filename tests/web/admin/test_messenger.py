"""The messenger's settings page: the snippet, the texts, and the secret that is shown on demand."""

import json
import re
from urllib.parse import quote

import jwt
import pytest
from flask import Flask

from app.core import audit, clock
from app.core.site import sample_rows
from app.core.workspace import settings
from app.db import Database
from app.models import Workspace
from app.web.services import services_of
from tests import make
from tests.web.pages import admin, agent, submit


def workspace(database: Database) -> Workspace:
    with database.read_only() as session:
        return settings.get(session)


def test_the_page_shows_the_snippet_and_no_secret(app: Flask, database: Database) -> None:
    html = admin(app).get("/admin/messenger").get_data(as_text=True)
    standing = workspace(database)
    assert f"/messenger.js&#34; data-key=&#34;{standing.messenger_key}&#34; async" in html
    assert f"/messenger.js?key={standing.messenger_key}&#34; async" in html
    assert standing.messenger_secret not in html


@pytest.mark.databases("sqlite", "postgresql")
def test_color_and_texts_of_every_language_are_saved(app: Flask, database: Database) -> None:
    values = {
        "messenger_office_name": " The  Harbour ",
        "messenger_accent_color": "#FFDD00",
        "messenger_greeting-en": "Ahoy",
        "messenger_greeting-ar": "مرحبًا",
    }
    client = admin(app)
    assert submit(client, "/admin/messenger", values).status_code == 303
    saved = workspace(database)
    assert (saved.messenger_office_name, saved.messenger_accent_color) == ("The Harbour", "#ffdd00")
    assert saved.messenger_greeting == {"en": "Ahoy", "ar": "مرحبًا"}
    html = client.get("/admin/messenger").get_data(as_text=True)
    assert "Ahoy" in html
    assert 'dir="rtl"' in html


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("messenger_accent_color", "green", "Write the color as #"),
        ("messenger_office_name", "x" * 121, "at most 120 characters"),
        ("messenger_greeting-fr", "x" * 301, "at most 300 characters"),
    ],
)
def test_an_invalid_value_is_refused_at_its_field(
    app: Flask, database: Database, field: str, value: str, sentence: str
) -> None:
    answer = submit(admin(app), "/admin/messenger", {"messenger_accent_color": "#0b6e4f"} | {field: value})
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in html
    assert sentence in html
    assert value in html
    assert workspace(database).messenger_greeting == {}


def test_showing_the_secret_is_audited(app: Flask, database: Database) -> None:
    answer = submit(admin(app), "/admin/messenger/secret", page="/admin/messenger")
    assert workspace(database).messenger_secret in answer.get_data(as_text=True)
    assert answer.headers["Cache-Control"] == "no-store"
    with database.read_only() as session:
        entry = audit.newest(session, limit=1)[0]
    assert entry.action == "settings.messenger_secret_shown"
    assert workspace(database).messenger_secret not in str(entry.details)


def test_renewing_the_secret_changes_it(app: Flask, database: Database) -> None:
    before = workspace(database)
    submit(admin(app), "/admin/messenger/secret/renew", page="/admin/messenger")
    after = workspace(database)
    assert len(after.messenger_secret) >= 32
    assert after.messenger_secret != before.messenger_secret
    assert after.messenger_key == before.messenger_key
    assert after.previous_messenger_secret == before.messenger_secret
    assert "End the old secret now" in admin(app).get("/admin/messenger").get_data(as_text=True)
    submit(admin(app), "/admin/messenger/secret/end-old", page="/admin/messenger")
    assert workspace(database).previous_messenger_secret is None
    assert "End the old secret now" not in admin(app).get("/admin/messenger").get_data(as_text=True)


def test_agents_and_strangers_are_refused(app: Flask, database: Database) -> None:
    ana = agent(app)
    assert ana.get("/admin/messenger").status_code == 403
    for path in (
        "/admin/messenger",
        "/admin/messenger/secret",
        "/admin/messenger/secret/renew",
        "/admin/messenger/secret/end-old",
    ):
        answer = submit(ana, path, page="/account")
        assert answer.status_code == 403
        assert workspace(database).messenger_secret not in answer.get_data(as_text=True)
    stranger = app.test_client()
    assert stranger.get("/admin/messenger").status_code == 302
    assert stranger.post("/admin/messenger/secret").status_code in {400, 401}


def test_identity_problems_of_the_week_are_counted_by_reason(app: Flask, database: Database) -> None:
    client = admin(app)
    assert "None in the last 7 days." in client.get("/admin/messenger").get_data(as_text=True)
    token = jwt.encode({"user_id": "sam", "iat": 1, "exp": 2}, workspace(database).messenger_secret, algorithm="HS256")
    with database.unit_of_work() as session:
        form = make.form(session, allowed_origins=("https://shop.example.com",)).key
    for identity in ({"user_jwt": token}, {"user_id": "sam"}):
        headers = {"Assent-Identity": quote(json.dumps(identity))}
        client.get("/messenger/api/session", headers=headers).close()
        body, origin = json.dumps(identity), {"Origin": "https://shop.example.com"}
        assert client.post(f"/f/form/{form}/identify", data=body, headers=origin).status_code == 200
    client.post("/site/seen", data='{"key": "old", "script": "messenger"}').close()
    with database.unit_of_work() as session:
        sample_rows.write_waiting(session, services_of(app).site_reports, at=clock.now())
    html = client.get("/admin/messenger").get_data(as_text=True)
    assert "The user_jwt has expired." in html
    assert "A page loads a snippet with a key that does not exist here." in html
    assert re.findall(r'data-label="7 days">(\d+)<', html) == ["2", "1"]
