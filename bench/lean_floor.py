"""The lean floor: what a small program for the same purpose costs on the same server and database.

A bare Flask app with its own tables. An answer validates the number with phonenumbers and writes three rows
(contact, consent, event) in one transaction; so does an attach for a known token. No rate limits, no evidence, no
webhooks, no check of what was shown.
"""

import hashlib
from typing import Any

import phonenumbers
from flask import Flask, Response, jsonify, render_template, request
from jinja2 import DictLoader

from bench.floor_database import IS_SQLITE, connection, now, sql, transaction

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<link rel="stylesheet" href="/static/form.css"></head><body><main><h1>{{ title }}</h1><form method="post">
<label for="phone">Phone number</label><input id="phone" name="phone" type="tel" autocomplete="tel">
<div>{{ legal }}</div><button>{{ button }}</button></form></main></body></html>"""
DONE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title></head><body><main>
<h1>You are signed up</h1><p>{{ number }}</p></main></body></html>"""
_ID = "INTEGER PRIMARY KEY" if IS_SQLITE else "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
_TIME = "TEXT" if IS_SQLITE else "timestamptz"
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS lean_forms (id integer PRIMARY KEY, title text, legal text, button text);
CREATE TABLE IF NOT EXISTS lean_tokens (hash text PRIMARY KEY, name text);
CREATE TABLE IF NOT EXISTS lean_contacts (
    id {_ID}, key text NOT NULL UNIQUE, phone text, created_at {_TIME} NOT NULL, updated_at {_TIME} NOT NULL
);
CREATE TABLE IF NOT EXISTS lean_consents (
    contact_id bigint NOT NULL REFERENCES lean_contacts, type_id integer NOT NULL, state text NOT NULL,
    changed_at {_TIME} NOT NULL, PRIMARY KEY (contact_id, type_id)
);
CREATE TABLE IF NOT EXISTS lean_events (
    id {_ID}, contact_id bigint NOT NULL REFERENCES lean_contacts, type_id integer NOT NULL, action text NOT NULL,
    ip_address text, user_agent text, occurred_at {_TIME} NOT NULL
);
INSERT INTO lean_forms VALUES (1, 'Texts from Harbour Coffee', 'By signing up you agree to get offers by text, at most
four a month. Consent is no condition of purchase.', 'Sign up') ON CONFLICT DO NOTHING;
"""
FORM = "SELECT title, legal, button FROM lean_forms WHERE id = 1"
TOKEN = "SELECT name FROM lean_tokens WHERE hash = ?"
CONTACT = (
    "INSERT INTO lean_contacts (key, phone, created_at, updated_at) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (key) DO UPDATE SET updated_at = excluded.updated_at RETURNING id"
)
CONSENT = (
    "INSERT INTO lean_consents (contact_id, type_id, state, changed_at) VALUES (?, 1, 'opted_in', ?) "
    "ON CONFLICT (contact_id, type_id) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at"
)
EVENT = (
    "INSERT INTO lean_events (contact_id, type_id, action, ip_address, user_agent, occurred_at) "
    "VALUES (?, 1, 'opt_in', ?, ?, ?)"
)


def create_app() -> Flask:
    """The app; its tables are made when they are not there."""
    with transaction() as connected:
        if not IS_SQLITE:  # two server processes start at the same time
            connected.execute("SELECT pg_advisory_xact_lock(4242)")
        for statement in SCHEMA.strip().rstrip(";").split(";"):
            connected.execute(statement)
    phonenumbers.is_valid_number(phonenumbers.parse("+14152000000"))  # loads the metadata
    app = Flask(__name__)
    app.jinja_loader = DictLoader({"page.html": PAGE, "done.html": DONE})
    app.add_url_rule("/f/form/<key>", "look", look)
    app.add_url_rule("/f/form/<key>", "answer", answer, methods=["POST"])
    app.add_url_rule("/api/contacts/<key>/subscriptions", "attach", attach, methods=["POST"])
    app.add_url_rule("/readyz", "readyz", lambda: "ready")
    return app


def look(key: str) -> str:  # noqa: ARG001 - there is one form
    title, legal, button = connection().execute(FORM).fetchone()
    return render_template("page.html", title=title, legal=legal, button=button)


def answer(key: str) -> "str | tuple[str, int]":  # noqa: ARG001 - there is one form
    try:
        parsed = phonenumbers.parse(request.form["phone"])
    except phonenumbers.NumberParseException:
        return "not a number", 400
    if not phonenumbers.is_valid_number(parsed):
        return "not a number", 400
    number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    _opt_in(number, number)
    return render_template("done.html", title="Done", number=number)


def attach(key: str) -> "Response | tuple[str, int]":
    request.get_json()
    token = request.headers["Authorization"].removeprefix("Bearer ")
    # The token is looked up as a real one would be; any token may call here.
    connection().execute(sql(TOKEN), (hashlib.sha256(token.encode()).hexdigest(),)).fetchone()
    _opt_in(key, None)
    return jsonify(type="subscription", id="1", state="live")


def _opt_in(key: str, phone: str | None) -> None:
    at: Any = now()
    with transaction() as connected:
        (contact_id,) = connected.execute(sql(CONTACT), (key, phone, at, at)).fetchone()
        connected.execute(sql(CONSENT), (contact_id, at))
        connected.execute(sql(EVENT), (contact_id, request.remote_addr, request.headers.get("User-Agent"), at))
