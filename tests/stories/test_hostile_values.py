"""No value that a stranger can send makes any route fail, on any surface and on both databases.

PostgreSQL gets every value. SQLite gets those that it refuses itself: numbers of more than 64 bits and lone surrogates.
"""

import base64
import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.db import Database
from app.web.mounts import routes
from tests.web import pages
from tests.web.api.client import description, token

NUMBERS = (-1, 2**31, 2**62, 2**64, 10**400, 1e308)
TEXTS = ("a\0b", "\ud800", "\U0001f600" * 300, "9" * 400, "x" * 70_000)
# Werkzeug makes ordinary text of bytes that are not UTF-8 before any view runs, so one value holds them and NUL.
UNREADABLE = "a%00%ED%A0%80b"
PATHS = (UNREADABLE, "9" * 30, "-1", "x" * 3000)
# Later requests would be those of a stranger.
ENDS_THE_SESSION = ("/sign-out", "/account/sessions")
NESTED = "[" * 3000
BODIES: tuple[bytes, ...] = (
    NESTED.encode(),
    (NESTED + "]" * 3000).encode(),
    b'{"a":' * 900 + b"1" + b"}" * 900,
    b'{"name":"\\ud800","user_id":"\\u0000","email":"\\udfff@x.de"}',
    b'{"name":1e999}',
    b'{"name":' + b"9" * 5000 + b"}",
    b'{"name":"\xed\xa0\x80"}',
    '{"name":"\\ud800"}'.encode("utf-16"),
    b"\xff\xfe",
    b"[]",
    b'"x"',
    b"null",
)


def paths_of(rule: str, values: tuple[str, ...]) -> Iterator[str]:
    """The rule with each hostile value in place of its parameters."""
    for value in values if "<" in rule else ("",):
        yield re.sub(r"<[^>]+>", value, rule)


def queries(values: list[str]) -> Iterator[str]:
    names = (
        "q",
        "after",
        "before",
        "page",
        "starting_after",
        "per_page",
        "conversation",
        "next",
        "done",
        "lang",
        "box",
    )
    for value in values:
        yield "&".join(f"{name}={value}" for name in names)


def forged_cursors() -> list[str]:
    keys = ([None, None], ["x"], [2**61], [2**61, 2**61], ["x", "y"], [None], [1.5, 1], [True])
    packed = (json.dumps([2, 10, False, *each]).encode() for each in keys)
    return [base64.urlsafe_b64encode(each).decode().rstrip("=") for each in packed]


def test_hostile_paths_and_queries_are_answered(app: Flask, database: Database) -> None:
    admin = pages.admin(app)
    bearer = {"Authorization": f"Bearer {token(app, 'admin')}"}
    cursors = [] if database.is_sqlite else forged_cursors()
    listed = {
        f"/api{path}" for path, operations in description()["paths"].items() if "starting_after" in str(operations)
    }
    for route in routes(app):
        if "GET" not in route.methods:
            continue
        headers = bearer if route.path.startswith("/api") else {"Authorization": "Bearer t_" + "a" * 43}
        for path in paths_of(route.path, PATHS[1:2] if database.is_sqlite else PATHS):
            answered(admin, "GET", path, headers)
        if route.path in listed:
            for cursor in cursors:
                answered(admin, "GET", f"{route.path}?starting_after={cursor}", headers)
        if "<" not in route.path:
            for query in queries([UNREADABLE, "9" * 400, *cursors[1:2]]):
                answered(admin, "GET", f"{route.path}?{query}", headers)


@pytest.mark.databases("postgresql")
def test_hostile_forms_are_answered(app: Flask) -> None:
    admin, csrf = signed_in(app)
    names = field_names(app)
    # emoji as they are, because most of the time would go into decoding them
    bodies = [
        "&".join([f"csrf_token={csrf}", *(f"{name}={text}" for name in names)]) for text in (UNREADABLE, TEXTS[2])
    ]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for route in routes(app):
        if "POST" not in route.methods or route.path.startswith(("/api", "/messenger/api", *ENDS_THE_SESSION)):
            continue
        path = re.sub("<[^>]+>", "1", route.path)
        for body in bodies:
            answered(admin, "POST", path, form, data=body)
    answered(app.test_client(), "POST", "/sign-in", {}, data={"csrf_token": csrf, "email": "max@example.com"})


def test_hostile_json_is_answered(app: Flask, database: Database) -> None:
    client, names = app.test_client(), api_fields()
    bodies = () if database.is_sqlite else BODIES
    messages = [TEXTS[1], *NUMBERS[3:5]] if database.is_sqlite else [*TEXTS, *NUMBERS]
    values = [TEXTS[1], NUMBERS[4]] if database.is_sqlite else [*TEXTS[:2], NUMBERS[2], NUMBERS[4], [{}]]
    bearer = {"Authorization": f"Bearer {token(app, 'admin')}", "Content-Type": "application/json"}
    visitor = {"Authorization": "Bearer t_" + "a" * 43, "Content-Type": "application/json"}
    for route in routes(app):
        for method in {"POST", "PUT", "DELETE"} & set(route.methods):
            path = re.sub("<[^>]+>", "1", route.path)
            if route.path.startswith("/messenger/api"):
                for body in (
                    *bodies,
                    *(json.dumps(dict.fromkeys(MESSENGER_FIELDS, each)).encode() for each in messages),
                ):
                    answered(client, method, path, visitor, data=body)
            elif route.path.startswith("/api"):
                for body in bodies:
                    answered(client, method, path, bearer, data=body)
                for value in values:
                    answered(client, method, path, bearer, data=json.dumps(dict.fromkeys(names, value)).encode())


@pytest.mark.databases("postgresql")
def test_hostile_identities_are_answered(app: Flask) -> None:
    for body in BODIES:
        headers = {"Authorization": "Bearer t_" + "a" * 43, "Assent-Identity": quote(body)}
        answered(app.test_client(), "GET", "/messenger/api/session", headers)
        answered(
            app.test_client(),
            "POST",
            "/messenger/api/messages",
            headers,
            json={"text": "hi", "client_key": "k", "new": True},
        )


def test_a_query_with_as_many_values_as_a_body_holds_is_answered(app: Flask) -> None:
    bearer = {"Authorization": f"Bearer {token(app, 'admin')}"}
    part = {"field": "external_id", "operator": "NIN", "value": [str(number) for number in range(500)]}
    group = {"operator": "AND", "value": [{"operator": "AND", "value": [part] * 15}] * 15}
    response = app.test_client().post("/api/contacts/search", json={"query": group}, headers=bearer)
    assert response.status_code in {200, 400}


MESSENGER_FIELDS = (
    "text",
    "client_key",
    "token",
    "conversation",
    "number",
    "numbers",
    "locale",
    "new",
    "seen",
    "user_id",
    "press",
    "greeting",
    "page",
    "rule",
)


def answered(client: FlaskClient, method: str, path: str, headers: dict[str, str], **body: object) -> None:
    """Send it; whatever the answer is, nothing failed."""
    testing, client.application.testing = client.application.testing, False
    try:
        response = client.open(path, method=method, headers=headers, buffered=True, **body)  # type: ignore[arg-type]
    finally:
        client.application.testing = testing
    assert response.status_code < 500, (method, path[:200], str(body)[:300], response.get_data(as_text=True)[:500])


def signed_in(app: Flask) -> tuple[FlaskClient, str]:
    client = pages.admin(app)
    return client, pages.csrf_token(client.get("/account").get_data(as_text=True))


def field_names(app: Flask) -> set[str]:
    """Every name of a field of any staff page."""
    client = pages.admin(app)
    found: set[str] = {"phone", "email", "country", "agree", "shown", "password", "name", "text", "note"}
    for route in routes(app):
        if (
            "GET" in route.methods
            and "<" not in route.path
            and not route.path.startswith(("/api", "/messenger", "/static"))
        ):
            page = client.get(route.path, buffered=True).get_data()
            found |= {name.decode() for name in re.findall(rb'name="([\w-]+)"', page)}
    return found - {"csrf_token"}


def api_fields() -> set[str]:
    schemas = description()["components"]["schemas"].values()
    return {name for each in schemas for name in each.get("properties", {})}
