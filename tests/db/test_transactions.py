"""Commits are durable, readers never wait for writers, writers queue."""

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from app.config import Settings
from app.db import BUSY_TIMEOUT_MS, CompiledStatement, ConnectionLost, Database
from app.models import ConsentEvent, Contact, Wording
from tests import launcher, make
from tests.processes import environment_of

pytestmark = pytest.mark.own_database

WRITER = """
import sys, threading
from app import config
from app.core.workspace import bootstrap
from tests import make
database = bootstrap.open_database(config.load())
def write(name):
    for number in range(25):
        with database.unit_of_work() as session:
            sam = make.contact(session, external_id=f"{sys.argv[1]}-{name}-{number}", phone_number="+12025550123")
            make.opt_in(session, sam, session.get_one(make.SubscriptionType, int(sys.argv[2])))
threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_a_commit_is_configured_to_survive_power_loss(settings: Settings, database: Database) -> None:
    if not settings.is_sqlite:
        with database.engine.connect() as connection:
            assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
        return
    expected = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "recursive_triggers": 1,
        "secure_delete": 1,
        "busy_timeout": BUSY_TIMEOUT_MS,
    }
    with database.unit_of_work() as writing, database.read_only() as reading:
        for session in (writing, reading):
            found = {name: session.execute(text(f"PRAGMA {name}")).scalar() for name in expected}
            assert found == expected


def test_a_reader_never_waits_for_a_writer_and_sees_the_last_commit(database: Database) -> None:
    with database.unit_of_work() as session:
        make.contact(session)
        started_s = time.monotonic()
        with database.read_only() as reading:
            assert reading.scalar(select(func.count()).select_from(Contact)) == 0
        assert time.monotonic() - started_s < BUSY_TIMEOUT_MS / 1000
    with database.read_only() as reading:
        assert reading.scalar(select(func.count()).select_from(Contact)) == 1


def test_writers_of_one_process_never_fail(database: Database) -> None:
    failed: list[BaseException] = []

    def write() -> None:
        try:
            for _ in range(10):
                with database.unit_of_work() as session:
                    make.contact(session)
        except BaseException as problem:
            failed.append(problem)

    writers = [threading.Thread(target=write) for _ in range(12)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failed == []
    with database.read_only() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 120


def test_writers_of_two_processes_lose_nothing_and_never_fail(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session)
    with (tmp_path / "log").open("w+b") as log:
        both = [
            launcher.start(WRITER, name, str(subscription_type.id), env=environment_of(settings), files=(log, log, log))
            for name in ("one", "two")
        ]
        assert [each.wait(120) for each in both] == [0, 0], (tmp_path / "log").read_text()
    assert (tmp_path / "log").read_text() == ""
    with database.read_only() as session:
        assert session.scalar(select(func.count()).select_from(ConsentEvent)) == 200


def test_a_failed_unit_of_work_writes_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.unit_of_work() as session:
        fail_after(make.contact(session))
    with database.read_only() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 0


def test_a_read_only_session_writes_nothing(database: Database) -> None:
    with suppress(DBAPIError), database.read_only() as session:
        session.add(Wording(hash="h", body="b"))
        session.flush()
        assert database.is_sqlite, "PostgreSQL refuses it"
    with database.read_only() as session:
        assert session.get(Wording, "h") is None


def test_a_read_opens_no_transaction_on_postgresql(database: Database) -> None:
    if database.is_sqlite:
        return
    with database.read_only() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 0
        driver: Any = session.connection().connection.driver_connection
        assert driver.info.transaction_status == TransactionStatus.IDLE


def test_a_snapshot_sees_one_moment(database: Database) -> None:
    count = select(func.count()).select_from(Contact)
    with database.snapshot() as session:
        assert session.scalar(count) == 0
        with database.unit_of_work() as writing:
            make.contact(writing)
        assert session.scalar(count) == 0
    with database.snapshot() as session:
        assert session.scalar(count) == 1


def test_closed_connections_are_replaced_before_they_are_used(database: Database) -> None:
    if database.is_sqlite:
        return
    count = CompiledStatement(select(func.count()).select_from(Contact))
    for _ in range(2):
        with database.read_connection() as connection:
            assert count.one(connection) == (0,)
        with database.unit_of_work() as session, database.read_only() as reading:
            assert count.one(session) == count.one(reading) == (0,)
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
            other.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "  # waits until they have ended
                    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
                )
            )


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize("is_compiled", [False, True], ids=["session", "compiled"])
def test_a_connection_that_broke_in_a_transaction_is_not_used_again(
    database: Database,
    is_compiled: bool,  # noqa: FBT001
) -> None:
    end = select(func.pg_terminate_backend(func.pg_backend_pid()))
    execute = CompiledStatement(end).one if is_compiled else lambda session: session.execute(end)
    with pytest.raises(ConnectionLost), database.unit_of_work() as session:
        execute(session)
    with database.unit_of_work() as session:
        make.contact(session)
    with database.read_only() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 1


def fail_after(_made: object) -> None:
    _ = 1 // 0
