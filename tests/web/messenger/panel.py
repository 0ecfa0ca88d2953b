"""Calls the messenger's API as the panel does."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import quote

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.core.workspace import settings
from app.db import Database

TOKEN, OTHERS = "t_" + "a" * 43, "t_" + "b" * 43


def signature(database: Database, user_id: str) -> dict[str, str]:
    with database.read_only() as session:
        secret = settings.get(session).messenger_secret
    return {"user_id": user_id, "user_hash": hmac.new(secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()}


def headers(bearer: str = "", identity: dict[str, str] | None = None) -> dict[str, str]:
    encoded = {"Assent-Identity": quote(json.dumps(identity))} if identity is not None else {}
    return ({"Authorization": f"Bearer {bearer}"} if bearer else {}) | encoded


def get(client: FlaskClient, path: str, bearer: str = "", identity: dict[str, str] | None = None) -> TestResponse:
    return client.get(f"/messenger/api/{path}", headers=headers(bearer, identity))


def post(
    client: FlaskClient, path: str, body: Any, bearer: str = "", identity: dict[str, str] | None = None
) -> TestResponse:
    return client.post(f"/messenger/api/{path}", json=body, headers=headers(bearer, identity))


def write(client: FlaskClient, text: str = "Hello", bearer: str = TOKEN, **more: Any) -> TestResponse:
    body = {"text": text, "client_key": more.pop("client_key", text), "new": more.pop("new", True)}
    return post(client, "messages", body, bearer, **more)


def session_of(client: FlaskClient, database: Database, user_id: str) -> str:
    bearer: str = get(client, "session", identity=signature(database, user_id)).get_json()["session"]
    return bearer


def messages_of(response: TestResponse) -> list[dict[str, Any]]:
    return [message for each in response.get_json()["conversations"] for message in each["messages"]]
