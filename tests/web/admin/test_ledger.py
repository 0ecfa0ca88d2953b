"""The page of the ledger, the API's verification, and the public keys."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.core import clock, wording
from app.core.ledger import head, sealing, signing_keys, verifications
from app.core.ledger.verify import verify
from app.db import Database
from tests import make
from tests.web import pages
from tests.web.api.client import api_client


def test_an_admin_sees_how_far_the_ledger_is_sealed_and_asks_for_a_verification(app: Flask, database: Database) -> None:
    max_ = pages.admin(app)
    assert "Nothing is sealed yet." in max_.get("/admin/ledger").get_data(as_text=True)
    record(database)
    sealing.seal(database)
    page = max_.get("/admin/ledger").get_data(as_text=True)
    assert "No head of this ledger was published yet." in page
    assert "The ledger was not verified yet." in page
    asked = pages.submit(max_, "/admin/ledger/verify", {}, page="/admin/ledger")
    assert (asked.status_code, asked.location) == (303, "/admin/ledger")
    pages.submit(max_, "/admin/ledger/verify", {}, page="/admin/ledger")
    assert "A verification waits for the worker." in max_.get("/admin/ledger").get_data(as_text=True)
    with database.unit_of_work() as session:
        claimed = verifications.claim(session, at=clock.now())
        assert claimed is not None
        assert verifications.claim(session, at=clock.now()) is None, "asking twice makes one"
        head.mark_published(session, head.current(session) or {}, way="command", at=clock.now())
    report = verify(database)
    with database.unit_of_work() as session:
        verifications.finish(session, claimed, report)
    page = max_.get("/admin/ledger").get_data(as_text=True)
    assert "Nothing was changed." in page
    assert "No head of this ledger" not in page


def test_the_page_names_what_was_changed(app: Flask, database: Database) -> None:
    record(database)
    sealing.seal(database)
    with database.unit_of_work() as session:
        session.execute(text("UPDATE consents SET state = 'opted_out'"))
        claimed = verifications.request(session, actor="agent:1", at=clock.now()).id
    report = verify(database)
    with database.unit_of_work() as session:
        verifications.finish(session, claimed, report)
    page = pages.admin(app).get("/admin/ledger").get_data(as_text=True)
    assert "The ledger was changed." in page
    assert "blocked numbers that differ from the events" in page


def test_the_page_names_events_that_were_recorded_long_before_the_seal_before_theirs(
    app: Flask, database: Database
) -> None:
    record(database)
    sealing.seal(database)
    with time_machine.travel(clock.now() - timedelta(hours=1), tick=False):
        record(database)
    sealing.seal(database)
    with database.unit_of_work() as session:
        claimed = verifications.request(session, actor="agent:1", at=clock.now()).id
    report = verify(database)
    assert (report.is_tampered, report.late.named) == (False, [2])
    with database.unit_of_work() as session:
        verifications.finish(session, claimed, report)
    page = pages.admin(app).get("/admin/ledger").get_data(as_text=True)
    assert "recorded long before the seal that precedes theirs: 2." in page


@pytest.mark.databases("postgresql")
def test_what_sealing_waits_for_is_named_in_every_language(app: Flask, database: Database) -> None:
    max_ = pages.admin(app)
    with database.engine.connect() as other:
        other.execute(text("SELECT pg_current_xact_id()"))
        record(database)
        found = {
            locale: max_.get("/admin/ledger", headers={"Accept-Language": wording.language_tag(locale)})
            for locale in wording.LOCALES
        }
        process = other.scalar(text("SELECT pg_backend_pid()"))
    for locale, page in found.items():
        assert (page.status_code, str(process) in page.text) == (200, True), locale


def test_an_agent_does_not_see_the_ledger(app: Flask) -> None:
    ana = pages.agent(app)
    assert ana.get("/admin/ledger").status_code == 403
    assert pages.submit(ana, "/admin/ledger/verify", {}, page="/account").status_code == 403


def test_the_api_verifies_a_small_ledger_now(app: Flask, database: Database) -> None:
    record(database)
    sealing.seal(database)
    found = api_client(app, "read").get("/ledger/verify")
    assert (found.status, found["result"], found["events"]["sealed"]) == (200, "ok", 1)
    assert app.test_client().get("/api/ledger/verify").status_code == 401


def test_the_api_answers_the_last_result_of_a_large_ledger(
    app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifications, "LIVE_MAX", 0)
    record(database)
    assert api_client(app, "admin").get("/ledger/verify").status == 409
    report = verify(database)
    with database.unit_of_work() as session:
        asked = verifications.request(session, actor="agent:1", at=clock.now())
        verifications.finish(session, asked.id, report)
    assert api_client(app, "admin").get("/ledger/verify")["result"] == "ok"


def test_the_public_keys_verify_seals_and_are_for_everybody(client: FlaskClient, database: Database) -> None:
    assert client.get("/ledger/keys.json").get_json() == {"keys": []}
    record(database)
    sealing.seal(database)
    with database.unit_of_work() as session:
        new = signing_keys.rotate(session).id
    response = client.get("/ledger/keys.json")
    old, active = response.get_json()["keys"]
    assert (active["kid"], active["retired_at"]) == (new, None)
    assert old["retired_at"] is not None
    assert "d" not in active
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def record(database: Database) -> None:
    with database.unit_of_work() as session:
        make.opt_in(session, make.contact(session, phone_number=make.SAMS_NUMBER), make.live_type(session))
