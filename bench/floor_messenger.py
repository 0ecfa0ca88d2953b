"""The floor's messenger: a message and a poll in plain SQL, with the same rows and no cache."""

import hashlib
from typing import Any

from flask import Flask, jsonify, request

from bench.floor_database import IS_SQLITE, connection, now, sql, transaction

COUNT = (
    'INSERT INTO rate_counters (bucket, "window", shard, count, expires_at) VALUES (?, ?, 0, 1, ?), (?, ?, 0, 1, ?) '
    'ON CONFLICT (bucket, "window", shard) DO UPDATE SET count = rate_counters.count + 1 RETURNING count'
)
CHAT = (
    "SELECT v.id FROM messenger_tokens t JOIN conversations v ON v.contact_id = t.contact_id "
    "WHERE t.token_hash = ? AND t.ended_at IS NULL AND v.state = 'open' ORDER BY v.id DESC LIMIT 1"
)
STAMP = (
    "(SELECT max(change_number) + 1 FROM conversations)" if IS_SQLITE else "pg_current_xact_id()::text::bigint"
)  # what orders changes over all conversations
NEXT = (
    "UPDATE conversations SET last_number = last_number + 1, last_message_number = last_number + 1, "
    f"revision = revision + 1, last_contact_revision = revision + 1, change_number = {STAMP}, updated_at = ? "
    "WHERE id = ? RETURNING last_number, revision"
)
MESSAGE = (
    "INSERT INTO messages (conversation_id, number, revision, kind, author, body, client_key, created_at) "
    "VALUES (?, ?, ?, 'message', 'contact', ?, ?, ?)"
)
CURRENT = (
    "SELECT v.id, v.revision, v.contact_seen_number FROM messenger_tokens t "
    "JOIN conversations v ON v.contact_id = t.contact_id "
    "WHERE t.token_hash = ? AND t.ended_at IS NULL AND v.last_message_number > 0 ORDER BY v.id DESC LIMIT 5"
)
LINES = (
    "SELECT number, author, body, client_key FROM messages WHERE conversation_id = ? AND revision > ? "
    "AND kind IN ('message', 'form') ORDER BY number LIMIT 50"
)


def register(app: Flask) -> None:
    app.add_url_rule("/messenger/api/messages", "message", message, methods=["POST"])
    app.add_url_rule("/messenger/api/poll", "poll", poll)


def message() -> Any:
    body, token, at = request.get_json(), _token_hash(), now()
    address = request.headers.get("X-Forwarded-For", "")
    with transaction() as connected:
        connected.execute(sql(COUNT), (f"w:{token[:40]}", 0, 0, f"f:{address}", 0, 0)).fetchall()
        (chat,) = connected.execute(sql(CHAT), (token,)).fetchone()
        number, revision = connected.execute(sql(NEXT), (at, chat)).fetchone()
        connected.execute(sql(MESSAGE), (chat, number, revision, body["text"], body["client_key"], at))
    return jsonify(conversation=chat, number=number, at=str(at))


def poll() -> Any:
    after_text = request.args["after"].partition(":")
    after = {int(after_text[0]): int(after_text[2])}
    found = []
    for chat, revision, seen in connection().execute(sql(CURRENT), (_token_hash(),)).fetchall():
        if revision > after.get(chat, 0):
            lines = connection().execute(sql(LINES), (chat, after.get(chat, 0))).fetchall()
            messages = [dict(zip(("number", "from", "text", "client_key"), line, strict=True)) for line in lines]
            found.append({"id": chat, "revision": revision, "seen": seen, "messages": messages})
    return jsonify(conversations=found, more=False)


def _token_hash() -> str:
    bearer = request.headers["Authorization"].removeprefix("Bearer ")
    return hashlib.sha256(bearer.encode()).hexdigest()
