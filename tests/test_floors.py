"""The floors of the bench still write the rows of today's tables: one that fails is a floor that nothing can miss."""

import importlib
from collections.abc import Iterator
from itertools import islice

import pytest
from flask import Flask

from app.config import Settings
from app.db import Database
from bench import messenger
from bench.api_calls import ApiCalls
from bench.forms import Forms
from bench.load import Request
from bench.servers import Place

pytestmark = pytest.mark.own_database


@pytest.fixture
def place(settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch) -> Place:
    url = settings.database_url
    bare = url.removeprefix("sqlite:///") if settings.is_sqlite else url.replace("+psycopg", "")
    monkeypatch.setenv("FLOOR_DATABASE_URL", bare)
    return Place("sqlite", settings, settings.instance, database)


def test_every_floor_answers_and_attaches(place: Place) -> None:
    importlib.reload(importlib.import_module("bench.floor_database"))
    answers, calls = list(Forms(place).answers(None, 1))[:2], ApiCalls(place, 10, runs=2)
    for name, requests in (
        ("floor", answers),
        ("lean_floor", answers),
        ("lean_floor", list(calls.requests("attach"))),
        ("api_floor", list(calls.requests("attach"))),
    ):
        app = importlib.reload(importlib.import_module(f"bench.{name}")).create_app()
        assert list(_statuses(app, requests)) == [200] * len(requests), name


def test_the_floor_stores_messages(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messenger, "VISITORS", 2)
    importlib.reload(importlib.import_module("bench.floor_database"))
    requests = list(islice(messenger.Chats(place).messages(None, 1), 2))
    app = importlib.reload(importlib.import_module("bench.floor")).create_app()
    assert list(_statuses(app, requests)) == [200, 200]


def _statuses(app: Flask, requests: list[Request]) -> Iterator[int]:
    client = app.test_client()
    for each in requests:
        headers = {"X-Forwarded-For": each.address, "Authorization": f"Bearer {each.bearer}"}
        sent = client.open(
            each.path, method=each.method, data=each.body, content_type=each.content_type, headers=headers
        )
        yield sent.status_code
