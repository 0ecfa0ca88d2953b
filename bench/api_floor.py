"""The floor of the API: a bare Flask app that answers the same calls with the same rows and totals in plain SQL,
without token, scope, limit or check of the input. The difference to it is what Assent adds."""

import json
import secrets
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from flask import Flask, Response, request

from bench.floor_contact import contact_body
from bench.floor_database import IS_SQLITE, connection, now, sql, transaction

COLUMNS = (
    *("id", "public_id", "role", "external_id", "name", "email", "phone", "phone_hash", "avatar", "owner_id"),
    *("unsubscribed_from_emails", "locale", "custom_attributes", "created_at", "updated_at", "signed_up_at"),
    *("last_seen_at", "archived_at", "blocked_at"),
)
ROWS = f"SELECT {', '.join(COLUMNS)} FROM contacts "
ATTACHED = (
    "SELECT c.subscription_type_id, c.state, c.destination_hash, t.consent_type FROM consents c "
    "JOIN subscription_types t ON t.id = c.subscription_type_id WHERE c.contact_id = ?"
)
COUNTED = "SELECT count(*) FROM (SELECT 1 FROM contacts WHERE {} LIMIT 10000) AS counted"
COUNTED_OPTED_IN = (
    "SELECT count(*) FROM (SELECT 1 FROM consents c JOIN contacts p ON p.id = c.contact_id WHERE "
    "c.subscription_type_id = 1 AND c.state = 'opted_in' AND c.destination_hash = p.phone_hash "
    "AND p.archived_at IS NULL LIMIT 10000) AS counted"
)
OPTED_IN = (
    "SELECT contact_id FROM consents WHERE subscription_type_id = 1 AND state = 'opted_in' "
    "ORDER BY contact_id DESC LIMIT 50"
)
EVENT = (
    "INSERT INTO consent_events (contact_id, subscription_type_id, action, source, actor, evidence_level, "
    "destination_hash, evidence_hash, occurred_at, is_persons_word, recorded_at) "
    "VALUES (?, 1, ?, 'api', 'api:1', 'reported', ?, ?, ?, FALSE, ?) RETURNING id"
)
EVIDENCE = "INSERT INTO consent_evidence (event_id, destination, user_agent, details, salt) VALUES (?, ?, ?, '{}', ?)"
CONSENT = (
    "INSERT INTO consents (contact_id, subscription_type_id, state, destination, destination_hash, changed_at, "
    "event_id) VALUES (?, 1, ?, ?, ?, ?, ?) ON CONFLICT (contact_id, subscription_type_id) DO UPDATE SET "
    "state = excluded.state, changed_at = excluded.changed_at, event_id = excluded.event_id"
)
OPT_OUT = (
    "INSERT INTO destination_opt_outs (subscription_type_id, destination_hash, contact_id, created_at, event_id) "
    "VALUES (1, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
OUTBOX = "INSERT INTO outbox_events (topic, contact_id, payload, created_at) VALUES (?, ?, ?, ?)"


def create_app() -> Flask:
    app = Flask(__name__)
    app.add_url_rule("/api/contacts/<public_id>", "find", find)
    app.add_url_rule("/api/contacts/<public_id>/subscriptions", "attach", attach, methods=["POST"])
    app.add_url_rule("/api/contacts/<public_id>/subscriptions/<type_id>", "detach", detach, methods=["DELETE"])
    app.add_url_rule("/api/contacts/search", "search", search, methods=["POST"])
    app.add_url_rule("/readyz", "readyz", lambda: "ready")
    return app


def find(public_id: str) -> Response:
    connected = connection()
    row = connected.execute(sql(ROWS + "WHERE public_id = ?"), (public_id,)).fetchone()
    return _json(_body(row, connected.execute(sql(ATTACHED), (row[0],)).fetchall()))


def search() -> Response:
    query, connected = request.get_json()["query"], connection()
    if query["field"] == "phone" and query["operator"] == "=":
        rows = connected.execute(sql(ROWS + "WHERE phone = ? ORDER BY id DESC LIMIT 50"), (query["value"],)).fetchall()
        total = len(rows)
    elif query["field"] == "phone":
        begin, after = query["value"], query["value"][:-1] + chr(ord(query["value"][-1]) + 1)
        least, less = (">=", "<") if IS_SQLITE else ("~>=~", "~<~")
        order = "phone, id" if IS_SQLITE else "phone USING ~<~, id"
        where = f"phone {least} ? AND phone {less} ?"
        rows = connected.execute(sql(f"{ROWS}WHERE {where} ORDER BY {order} LIMIT 50"), (begin, after)).fetchall()
        total = connected.execute(sql(COUNTED.format(where)), (begin, after)).fetchone()[0]
    else:
        ids = [row[0] for row in connected.execute(OPTED_IN).fetchall()]
        marks = ", ".join("?" * len(ids))
        rows = connected.execute(sql(ROWS + f"WHERE id IN ({marks}) ORDER BY id DESC"), ids).fetchall()
        total = connected.execute(COUNTED_OPTED_IN).fetchone()[0]
    marks = ", ".join(["?"] * len(rows)) or "NULL"
    attached: dict[int, list[Any]] = {}
    statement = ATTACHED.replace("SELECT ", "SELECT c.contact_id, ").replace("= ?", f"IN ({marks})")
    for each in connected.execute(sql(statement), [row[0] for row in rows]).fetchall():
        attached.setdefault(each[0], []).append(each[1:])
    data = [_body(row, attached.get(row[0], [])) for row in rows]
    return _json({"type": "list", "data": data, "total_count": total})


def attach(public_id: str) -> Response:
    request.get_json()
    return _change(public_id, "opted_in")


def detach(public_id: str, type_id: str) -> Response:  # noqa: ARG001
    return _change(public_id, "opted_out")


def _change(public_id: str, state: str) -> Response:
    with transaction() as connected:
        _write(connected, public_id, state, now())
    row = connection().execute(sql("SELECT id, name, state FROM subscription_types WHERE id = 1")).fetchone()
    return _json({"type": "subscription", "id": str(row[0]), "name": row[1], "state": row[2]})


def _write(connected: Any, public_id: str, state: str, at: Any) -> None:
    lock = "" if IS_SQLITE else " FOR UPDATE"
    select = f"SELECT id, phone, phone_hash FROM contacts WHERE public_id = ?{lock}"
    contact_id, phone, hashed = connected.execute(sql(select), (public_id,)).fetchone()
    current = "SELECT state FROM consents WHERE contact_id = ? AND subscription_type_id = 1"
    row = connected.execute(sql(current), (contact_id,)).fetchone()
    if row is not None and row[0] == state:
        return
    action = "opt_in" if state == "opted_in" else "opt_out"
    event = connected.execute(sql(EVENT), (contact_id, action, hashed, secrets.token_bytes(32), at, at)).fetchone()
    agent = request.headers.get("User-Agent")
    connected.execute(sql(EVIDENCE), (event[0], phone, agent, secrets.token_bytes(16)))
    connected.execute(sql(CONSENT), (contact_id, state, phone, hashed, at, event[0]))
    if state == "opted_out":
        connected.execute(sql(OPT_OUT), (hashed, contact_id, at, event[0]))
    topic = "granular.subscribe" if state == "opted_in" else "granular.unsubscribe"
    payload = json.dumps({"contact_id": contact_id, "event_id": event[0]})
    connected.execute(sql(OUTBOX), (topic, contact_id, payload, at))


def _body(row: Any, attached: list[Any]) -> dict[str, Any]:
    values = dict(zip(COLUMNS, row, strict=True))
    for name in ("created_at", "updated_at", "signed_up_at", "last_seen_at"):
        if isinstance(values[name], str):
            values[name] = datetime.fromisoformat(values[name])
    if isinstance(values["custom_attributes"], str):
        values["custom_attributes"] = json.loads(values["custom_attributes"])
    opted_in = [each[0] for each in attached if each[1] == "opted_in" and each[2] == values["phone_hash"]]
    view = SimpleNamespace(
        row=SimpleNamespace(**values, is_suppressed=False),
        opted_in=opted_in,
        opted_out=[],
        has_sms_consent=bool(opted_in),
    )
    return contact_body(view, "floor")


def _json(body: Any) -> Response:
    return Response(json.dumps(body, separators=(",", ":")), mimetype="application/json")
