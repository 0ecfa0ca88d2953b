"""The floor: a bare Flask app that does the same work in plain SQL, with one template, the same number check and the
same rows, and nothing else. The difference to it is what Assent adds."""

import json
import secrets
from functools import cache
from typing import Any

from flask import Flask, render_template, request
from jinja2 import DictLoader

from app.core import phone
from bench import floor_messenger
from bench.floor_database import connection, now, sql, transaction

PAGE = """<!doctype html><html lang="en" dir="ltr"><head><meta charset="utf-8"><title>{{ title }}</title>
<link rel="stylesheet" href="/static/css/embed.css"></head><body><main data-state="ask"><p>{{ brand }}</p>
<h1>{{ title }}</h1><form method="post"><input type="hidden" name="shown" value="{{ nonce }}">
<label for="country">Country</label><select id="country" name="country"><option value="">Choose a country</option>
{% for each in countries %}<option value="{{ each.code }}">{{ each.name }} ({{ each.calling_code }})</option>
{% endfor %}
</select><label for="phone">Phone number</label><p id="hint">{{ hint }}</p>
<input id="phone" name="phone" type="tel" autocomplete="tel" aria-describedby="hint"><div>{{ legal }}</div>
<button>{{ button }}</button></form></main></body></html>"""
DONE = """<!doctype html><html lang="en"><head><title>{{ title }}</title></head><body><main data-state="done">
<h1>You are signed up</h1><p>{{ number }}</p></main></body></html>"""
FORM = (
    "SELECT f.id, v.id, t.title, t.button_text, t.legal_text, w.name, s.id, s.state FROM optin_forms f "
    "JOIN optin_form_versions v ON v.form_id = f.id AND v.number = f.version "
    "JOIN optin_form_texts t ON t.version_id = v.id AND t.locale = v.locale "
    "JOIN subscription_types s ON s.id = v.subscription_type_id JOIN workspace w ON w.id = 1 WHERE f.key = ?"
)
COUNT = (
    'INSERT INTO rate_counters (bucket, "window", shard, count, expires_at) VALUES (?, ?, 0, 1, ?), (?, ?, 0, 1, ?) '
    'ON CONFLICT (bucket, "window", shard) DO UPDATE SET count = rate_counters.count + 1 RETURNING count'
)
CONTACT = (
    "INSERT INTO contacts (public_id, role, lead_key, phone, phone_hash, phone_country, locale, custom_attributes, "
    "created_at, updated_at) VALUES (?, 'lead', ?, ?, ?, ?, 'en', '{}', ?, ?) ON CONFLICT (lead_key) DO NOTHING "
    "RETURNING id"
)
INSERTED = (
    "INSERT INTO inserted_forms (token, form_id, version_id, contact_id, inserted_by, submitted_destination_hash, "
    "created_at, expires_at, seen_at, answered_at) VALUES (?, ?, ?, ?, 'page', ?, ?, ?, ?, ?) RETURNING id"
)
EVENT = (
    "INSERT INTO consent_events (contact_id, subscription_type_id, action, source, actor, evidence_level, "
    "destination_hash, form_version_id, inserted_form_id, evidence_hash, occurred_at, is_persons_word, recorded_at) "
    "VALUES (?, ?, 'opt_in', 'form', 'contact', 'web_unverified', ?, ?, ?, ?, ?, TRUE, ?) RETURNING id"
)
EVIDENCE = (
    "INSERT INTO consent_evidence (event_id, destination, ip_address, user_agent, locale, details, salt) "
    "VALUES (?, ?, ?, ?, 'en', '{}', ?)"
)
CONSENT = (
    "INSERT INTO consents (contact_id, subscription_type_id, state, destination, destination_hash, changed_at, "
    "event_id) VALUES (?, ?, 'opted_in', ?, ?, ?, ?) ON CONFLICT (contact_id, subscription_type_id) DO UPDATE SET "
    "state = excluded.state, destination = excluded.destination, changed_at = excluded.changed_at, "
    "event_id = excluded.event_id"
)
OUTBOX = (
    "INSERT INTO outbox_events (topic, contact_id, payload, created_at) VALUES (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?)"
)


def create_app() -> Flask:
    """Same server, same database, same rows."""
    phone.preload()
    app = Flask(__name__)
    app.jinja_loader = DictLoader({"page.html": PAGE, "done.html": DONE})
    app.add_url_rule("/f/form/<key>", "look", look)
    app.add_url_rule("/f/form/<key>", "answer", answer, methods=["POST"])
    floor_messenger.register(app)
    app.add_url_rule("/readyz", "readyz", lambda: "ready")
    return app


def look(key: str) -> str:
    row = connection().execute(sql(FORM), (key,)).fetchone()
    return render_template(
        "page.html",
        title=row[2],
        brand=row[5],
        legal=row[4],
        button=row[3],
        hint="+44 …",
        countries=_countries(),
        nonce=secrets.token_urlsafe(16),
    )


@cache
def _countries() -> list[Any]:
    return list(phone.country_options("en", frozenset()))


def answer(key: str) -> str:
    number = phone.read(request.form["phone"], region=None)
    with transaction() as connected:
        _write(connected, key, number, now())
    return render_template("done.html", title="Done", number=number.e164)


def _write(connected: Any, key: str, number: phone.SmsNumber, at: Any) -> None:
    address, window = request.headers.get("X-Forwarded-For", ""), 0
    hashed = secrets.token_hex(16)
    form = connected.execute(sql(FORM), (key,)).fetchone()
    connected.execute(sql(COUNT), (f"a:{address}", window, window, f"n:{number.e164}", window, window)).fetchall()
    made = connected.execute(
        sql(CONTACT), (secrets.token_hex(12), number.e164, number.e164, hashed, number.country, at, at)
    ).fetchone()
    inserted = connected.execute(
        sql(INSERTED), (secrets.token_urlsafe(16), form[0], form[1], made[0], hashed, at, at, at, at)
    ).fetchone()
    event = connected.execute(
        sql(EVENT), (made[0], form[6], hashed, form[1], inserted[0], secrets.token_bytes(32), at, at)
    ).fetchone()
    connected.execute(
        sql(EVIDENCE), (event[0], number.e164, address, request.headers.get("User-Agent"), secrets.token_bytes(16))
    )
    connected.execute(sql(CONSENT), (made[0], form[6], number.e164, hashed, at, event[0]))
    payload = json.dumps({"contact_id": made[0], "event_id": event[0]})
    topics = ("contact.created", "granular.subscribe", "form.submitted")
    connected.execute(sql(OUTBOX), [value for topic in topics for value in (topic, made[0], payload, at)])
