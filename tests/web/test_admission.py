"""Busy servers say so in every application's format, and no answer takes a slot along."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.config import Settings
from app.db import QueryTooSlow
from app.web import admission
from app.web.admission import ArrivingBodies
from app.web.services import services_of
from tests.processes import PATIENCE_S
from tests.web.api.client import api_client

PATHS = ("/sign-in", "/f/form/abc", "/messenger/api/poll", "/api/me")


@contextmanager
def all_slots_taken(app: Flask) -> Iterator[None]:
    slots, is_over = services_of(app).slots, threading.Event()
    taken = threading.Barrier(slots.count + 1, timeout=PATIENCE_S)

    def hold() -> None:
        assert slots.take(timeout_s=PATIENCE_S)
        taken.wait()
        is_over.wait()
        slots.give_back()

    threads = [threading.Thread(target=hold) for _ in range(slots.count)]
    for each in threads:
        each.start()
    taken.wait()
    try:
        yield
    finally:
        is_over.set()
        for each in threads:
            each.join()


def test_a_busy_server_answers_503_except_at_healthz(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "WAIT_S", 0.02)
    with all_slots_taken(app):
        for path in PATHS:
            response = app.test_client().get(path)
            assert (path, response.status_code, response.headers["Retry-After"]) == (path, 503, "2")
        assert app.test_client().get("/healthz").status_code == 200
    for path in PATHS:
        assert app.test_client().get(path).status_code in {200, 401, 404}


def test_every_answer_gives_its_slot_back(app: Flask) -> None:
    for _ in range(2 * services_of(app).slots.count):
        for path in (*PATHS, "/nowhere", "/f/%00"):
            app.test_client().get(path)
            app.test_client().post(path, data=b"x" * 2_000_000)
    with all_slots_taken(app):
        pass


def test_a_slow_search_is_answered_with_503_in_the_format_of_the_api(app: Flask) -> None:
    api = api_client(app)
    services_of(app).database.trace = refuse_as_too_slow
    try:
        response = api("GET", "/me")
    finally:
        services_of(app).database.trace = None
    assert (response.status, response.code, response.headers["Retry-After"]) == (503, "service_unavailable", "10")


def test_without_its_database_every_application_answers_503_in_its_format(settings: Settings) -> None:
    client = create_app(replace(settings, database_url=f"sqlite:///{settings.instance}/gone/assent.db")).test_client()
    for path in PATHS:
        response = client.get(path, headers={"Authorization": "Bearer assent_0123456789abcdef0123456789abcdef"})
        assert (response.status_code, response.headers["Retry-After"]) == (503, "2"), path
    assert client.get("/api/me", headers={"Authorization": "Bearer assent_0"}).get_json()["type"] == "error.list"
    assert client.get("/healthz").status_code == 200


def refuse_as_too_slow(_statement: str) -> None:
    raise QueryTooSlow


def test_nothing_has_an_address_with_a_nul_character(app: Flask) -> None:
    for path in ("/sign-in/%00", "/f/%00", "/api/contacts/%00", "/messenger/api/%00"):
        assert app.test_client().get(path).status_code == 404
    assert app.test_client().get("/f/form/abc?lang=%00").status_code == 400


def test_a_request_must_name_its_host(app: Flask) -> None:
    assert app.test_client().get("/healthz", environ_overrides={"HTTP_HOST": ""}).status_code == 400


def test_one_address_cannot_send_all_bodies_that_a_process_can_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "BODIES_OF_ONE_ADDRESS", 2)
    bodies = ArrivingBodies()
    with bodies.one_of("eve") as first, bodies.one_of("eve") as second, bodies.one_of("eve") as third:
        assert (first, second, third) == (True, True, False)
        with bodies.one_of("sam") as other:
            assert other
    with bodies.one_of("eve") as later:
        assert later


def test_a_body_that_was_read_ahead_reaches_forms_files_and_json(app: Flask) -> None:
    api = api_client(app)
    assert api("POST", "/contacts", {"role": "user", "external_id": "sam"}).status == 200
    too_large: dict[str, Any] = {"data": b"x" * 1_000_001, "content_type": "application/json"}
    assert app.test_client().post("/api/contacts", **too_large).status_code == 413


def test_a_body_that_is_too_large_is_read_to_its_end_so_that_its_client_sees_the_answer(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "DISCARDED_MAX", 2_000_000)
    for size_bytes, read_bytes in ((1_500_000, 1_500_000), (2_000_001, 0)):
        body = BytesIO(b"x" * size_bytes)
        response = app.test_client().post("/api/contacts", input_stream=body, content_length=size_bytes)
        assert (response.status_code, body.tell()) == (413, read_bytes)
