"""The head of the ledger is published once a day."""

import json
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select

from app.config import Settings
from app.core import clock
from app.core.ledger import head, head_file, sealing, verifications
from app.core.webhooks import endpoints
from app.db import Database
from app.jobs import publish_head, verify_ledger
from app.models import LedgerSeal, OutboxEvent
from tests import make
from tests.jobs.test_seal_ledger import record


def test_the_head_is_published_once_a_day_to_webhooks_and_a_file(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    settings = replace(settings, ledger_head_file=str(tmp_path / "heads.jsonl"))
    assert publish_head.publish_when_due(database, settings) == [], "there is no head"
    record(database)
    sealing.seal(database)
    with time_machine.travel(make.NOON, tick=False) as now:
        assert publish_head.publish_when_due(database, settings) == ["file"], "no endpoint wants it"
        with database.unit_of_work() as session:
            topics, reach = ["ledger.head"], endpoints.Reach.LOOPBACK_TOO
            endpoints.create(session, "http://127.0.0.1:9", topics, reach=reach, actor="agent:1", at=clock.now())
        assert publish_head.publish_when_due(database, settings) == ["webhook"]
        assert publish_head.publish_when_due(database, settings) == []
        now.shift(timedelta(days=1))
        assert publish_head.publish_when_due(database, settings) == ["webhook", "file"]
    published = head_file.read(tmp_path / "heads.jsonl")
    assert len(published) == 2
    with database.read_only() as session:
        current = head.current(session)
        sent = session.scalars(select(OutboxEvent.payload).where(OutboxEvent.topic == "ledger.head")).all()
    assert current is not None
    assert {each["seal_hash"] for each in (*published, *sent)} == {current["seal_hash"]}
    verify_ledger.verify_when_asked(database, settings, threading.Event())
    with (tmp_path / "heads.jsonl").open("a") as file:
        file.write(json.dumps(current | {"seal_id": 8}) + "\n")
    with database.unit_of_work() as session:
        verifications.request(session, actor="agent:1", at=clock.now())
    with pytest.raises(verify_ledger.LedgerAltered):
        verify_ledger.verify_when_asked(database, settings, threading.Event())


def test_heads_and_verifications_go_on_after_a_clock_that_was_years_ahead(
    settings: Settings, database: Database
) -> None:
    settings = replace(settings, ledger_head_file=str(settings.instance / "heads.jsonl"))
    record(database)
    sealing.seal(database)
    with time_machine.travel(clock.now() + timedelta(days=1500), tick=False) as now:
        assert publish_head.publish_when_due(database, settings) == ["file"]
        assert verify_ledger.verify_when_asked(database, settings, threading.Event())
        now.shift(-timedelta(days=1499))
        assert publish_head.publish_when_due(database, settings) == ["file"]
        assert verify_ledger.verify_when_asked(database, settings, threading.Event())


def test_a_head_is_not_marked_as_published_when_its_file_cannot_be_written(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    record(database)
    sealing.seal(database)
    with pytest.raises(OSError, match="missing"):
        publish_head.publish_when_due(database, replace(settings, ledger_head_file=str(tmp_path / "missing" / "file")))
    with database.read_only() as session:
        assert head.last_published(session) is None
        assert session.scalar(select(LedgerSeal.id)) == 1
