"""Helpers that use pages as a person does: sign in, read a page, fill in its form and send it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import time_machine
from flask import Flask
from flask.testing import FlaskClient
from flask_security import login_user
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.core import audit, clock
from app.core.accounts import agents
from app.core.accounts.agents import NewAgent
from app.db import Database
from app.models import Agent, Role
from tests.listening import before_statements
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
    """The id of the account with this address. Creates it when it does not exist."""
    database: Database = app.extensions["assent"].database
    with database.unit_of_work() as session:
        found = session.scalars(select(Agent).where(Agent.email == email)).one_or_none()
        if found is None:
            new = NewAgent(email, name, role, _hash(password) if password else None)
            found = agents.create_agent(session, new, at=clock.now())
        return found.id


def signed_in(app: Flask, email: str) -> FlaskClient:
    """A browser in which this agent is signed in: with the session and cookies of a sign-in, without its form."""
    client = app.test_client()
    with app.test_request_context(environ_base=client.environ_base) as context:
        login_user(app.extensions["security"].datastore.find_user(email=email))
        response = app.process_response(app.response_class())
        cookies = response.headers.getlist("Set-Cookie")
        client._update_cookies_from_response(context.request.host, context.request.path, cookies)
    return client


def signed_in_by_password(app: Flask, email: str, password: str = PASSWORD) -> FlaskClient:
    """A browser in which this agent has signed in with the form, for tests of signing in."""
    client = app.test_client()
    response = sign_in(client, email, password)
    assert response.status_code == 302, response.get_data(as_text=True)
    return client


def sign_in(
    client: FlaskClient, email: str, password: str = PASSWORD, *, next_page: str = "", **more: Any
) -> TestResponse:
    """Open the sign-in page, fill in the form and send it. Returns the response, a redirect on success."""
    return submit(client, "/sign-in", {"email": email, "password": password, "next": next_page}, **more)


def submit(
    client: FlaskClient, path: str, values: dict[str, Any] | None = None, *, page: str | None = None, **more: Any
) -> TestResponse:
    """Post a form with the CSRF token of its page.

    :param page: the page with the form, when it has another address than ``path``
    """
    token = csrf_token(client.get(page or path, **more).get_data(as_text=True))
    return client.post(path, data={"csrf_token": token, **(values or {})}, **more)


def csrf_token(html: str) -> str:
    """The CSRF token of the first form of a page that has one."""
    found = re.search(r'<input\b[^>]* name="csrf_token"[^>]* value="([^"]+)"', html)
    assert found, "no form with a CSRF token on this page"
    return found[1]


def recorded(app: Flask) -> list[tuple[str, str]]:
    """Actor and action of each entry of the audit log about agents, oldest first, without their creation."""
    database: Database = app.extensions["assent"].database
    with database.read_only() as session:
        found = audit.find(session, audit.Filter(actions=["agent."]), limit=1000)
        return [(each.actor, each.action.removeprefix("agent.")) for each in reversed(found)][1:]


@contextmanager
def one_window() -> Iterator[None]:
    """Stop the clock, so that no window of a rate limit ends during a test."""
    with time_machine.travel(NOON, tick=False):
        yield


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """The SQL statements that run inside the block, in order."""
    seen: list[str] = []

    def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    database: Database = app.extensions["assent"].database
    database.trace = seen.append
    try:
        with before_statements(database, record):
            yield seen
    finally:
        database.trace = None


@lru_cache
def _hash(password: str) -> str:
    return agents.hash_password(password)
