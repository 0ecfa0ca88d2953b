"""Uses pages as a person does: signs in, reads, fills in a form, sends it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any

import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select
from werkzeug.test import TestResponse

from app.core import clock
from app.core.accounts import agents as accounts
from app.db import Database
from app.models import Agent, Role
from tests.make import NOON

PASSWORD = "correct horse battery"


def admin(app: Flask) -> FlaskClient:
    """max@example.com, an admin, signed in."""
    make_agent(app, "max@example.com", name="Max", role=Role.ADMIN)
    return signed_in(app, "max@example.com")


def agent(app: Flask) -> FlaskClient:
    """ana@example.com, an agent, signed in."""
    make_agent(app, "ana@example.com", name="Ana")
    return signed_in(app, "ana@example.com")


def make_agent(
    app: Flask, email: str, *, name: str = "", role: Role = Role.AGENT, password: str | None = PASSWORD
) -> int:
    """The id of the account with this address, which is created if there is none."""
    database: Database = app.extensions["assent"].database
    with database.unit_of_work() as session:
        found = session.scalars(select(Agent).where(Agent.email == email)).one_or_none()
        if found is None:
            found = accounts.create_agent(
                session,
                email=email,
                name=name,
                role=role,
                password_hash=_hashed(password) if password else None,
                at=clock.now(),
            )
        return found.id


def signed_in(app: Flask, email: str, password: str = PASSWORD) -> FlaskClient:
    client = app.test_client()
    answer = sign_in(client, email, password)
    assert answer.status_code == 302, answer.get_data(as_text=True)
    return client


def sign_in(
    client: FlaskClient, email: str, password: str = PASSWORD, *, next_page: str = "", **more: Any
) -> TestResponse:
    """Open the sign-in page, fill it in and send it; returns the response, a redirect on success."""
    return submit(client, "/sign-in", {"email": email, "password": password, "next": next_page}, **more)


def submit(
    client: FlaskClient, path: str, values: dict[str, Any] | None = None, *, page: str | None = None, **more: Any
) -> TestResponse:
    """Post a form with the CSRF token that its page carries.

    :param page: the page with the form, if it is not the address that the form is sent to
    """
    token = csrf_token(client.get(page or path, **more).get_data(as_text=True))
    return client.post(path, data={"csrf_token": token, **(values or {})}, **more)


def csrf_token(html: str) -> str:
    """The CSRF token of the first form on a page that has one."""
    found = _CsrfFinder()
    found.feed(html)
    assert found.token, "no form with a CSRF token on this page"
    return found.token


@contextmanager
def one_window() -> Iterator[None]:
    """Stop the clock, so that a window of the rate limits does not end in the middle of a test."""
    with time_machine.travel(NOON, tick=False):
        yield


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """The SQL statements that run inside the block, in order."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    database: Database = app.extensions["assent"].database
    event.listen(database.engine, "before_cursor_execute", note)
    database.trace = seen.append
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
        database.trace = None


class _CsrfFinder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.token = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "input" and values.get("name") == "csrf_token" and not self.token:
            self.token = values.get("value") or ""


@lru_cache
def _hashed(password: str) -> str:
    return accounts.hash_password(password)
