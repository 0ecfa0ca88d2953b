"""Reads end after their time limit, changes are never interrupted, and nobody waits for a lock for ever."""

import fcntl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from sqlalchemy import bindparam, func, literal, select, text

from app.config import Settings
from app.core.workspace import bootstrap
from app.db import CompiledStatement, Database, Limits, QueryTooSlow, WriteLockTimeout, write_lock
from app.db.engine import create_engines
from app.models import Contact
from tests import make
from tests.processes import PATIENCE_S, wait_for

pytestmark = pytest.mark.own_database

READ_S, LOCK_S = 0.3, 1.0
SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most}) SELECT count(*) FROM n"


@pytest.fixture
def waits() -> list[str]:
    """What happened to the caller's working slot."""
    return []


@pytest.fixture
def limited(settings: Settings) -> Iterator[Database]:
    """The database as the web uses it, with short limits."""
    with opened(settings, Limits(read_s=READ_S, lock_s=LOCK_S)) as database:
        yield database


@pytest.fixture
def patient(settings: Settings, waits: list[str]) -> Iterator[Database]:
    """The database as the web uses it, with a limit that no test reaches."""

    @contextmanager
    def while_waiting() -> Iterator[None]:
        waits.append("lent")
        yield
        waits.append("taken back")

    with opened(settings, Limits(lock_s=PATIENCE_S, while_waiting=while_waiting)) as database:
        yield database


@contextmanager
def opened(settings: Settings, limits: Limits) -> Iterator[Database]:
    database = bootstrap.open_database(settings, engines=create_engines(settings, connections=4, limits=limits))
    yield database
    database.close()


def test_a_read_that_takes_too_long_is_stopped(limited: Database) -> None:
    started_s = time.monotonic()
    with pytest.raises(QueryTooSlow), limited.read_only() as session:
        session.execute(text(SLOW.format(most=10**9)))
    assert time.monotonic() - started_s < PATIENCE_S / 2
    with limited.read_only() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 0


def test_a_compiled_read_that_takes_too_long_is_stopped(limited: Database) -> None:
    numbers = select(literal(1).label("i")).cte("n", recursive=True)
    numbers = numbers.union_all(select(numbers.c.i + 1).where(numbers.c.i < bindparam("most", type_=Contact.id.type)))
    slow = CompiledStatement(select(func.count()).select_from(numbers))
    with pytest.raises(QueryTooSlow), limited.read_connection() as connection:
        slow.one(connection, most=2 * 10**9)


def test_a_change_is_not_interrupted_even_inside_a_read(limited: Database) -> None:
    with limited.read_only(), limited.unit_of_work() as session:
        make.contact(session)
        started_s = time.monotonic()
        while time.monotonic() - started_s < 2 * READ_S:
            session.execute(text(SLOW.format(most=300_000)))
        session.execute(text(SLOW.format(most=300_000)))
    with limited.read_only() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 1


def test_without_limits_a_read_takes_as_long_as_it_needs(database: Database) -> None:
    with database.read_only() as session:
        assert session.scalar(text(SLOW.format(most=2_000_000))) == 2_000_000


@contextmanager
def locked_elsewhere(database: Database) -> Iterator[None]:
    """Another process changes what everybody wants to change."""
    if database.is_sqlite:
        with lock_file(database).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    with database.engine.connect() as connection:
        connection.execute(text("LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE"))
        yield


def test_a_change_does_not_wait_for_ever_for_another_process(database: Database, limited: Database) -> None:
    with locked_elsewhere(database):
        for _ in range(2):
            started_s = time.monotonic()
            with pytest.raises(WriteLockTimeout), limited.unit_of_work() as session:
                make.contact(session)
            assert LOCK_S * 0.9 < time.monotonic() - started_s < PATIENCE_S / 2
    with limited.unit_of_work() as session:
        make.contact(session)
    with database.unit_of_work() as session:
        make.contact(session)


@pytest.mark.databases("postgresql")
def test_of_two_changes_that_wait_for_each_other_one_is_refused(database: Database) -> None:
    both_have_one = threading.Barrier(2, timeout=PATIENCE_S)

    def lock_both(first: int, second: int) -> str:
        try:
            with database.unit_of_work() as session:
                session.execute(text("SET LOCAL deadlock_timeout = '10ms'"))
                session.execute(text(f"SELECT pg_advisory_xact_lock({first})"))
                both_have_one.wait()
                session.execute(text(f"SELECT pg_advisory_xact_lock({second})"))
        except WriteLockTimeout:
            return "refused"
        return "done"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(lock_both, (1, 2), (2, 1))) == ["done", "refused"]


def test_every_thread_stops_waiting_for_another_process(database: Database, limited: Database) -> None:
    with locked_elsewhere(database):
        started_s = time.monotonic()
        found = in_threads(limited, 6)
        assert time.monotonic() - started_s < PATIENCE_S / 2
    assert [type(each) for each in found] == [WriteLockTimeout] * 6
    assert in_threads(limited, 6) == [None] * 6


@pytest.mark.databases("sqlite")
def test_a_lock_that_comes_free_in_time_is_taken(database: Database, patient: Database, waits: list[str]) -> None:
    with locked_elsewhere(database):
        found: list[Any] = []
        thread = threading.Thread(target=attempt, args=(patient, found))
        thread.start()
        wait_for(lambda: waits == ["lent"])
    thread.join()
    assert found == [None]
    assert waits == ["lent", "taken back"]


@pytest.mark.databases("sqlite")
def test_a_short_wait_does_not_lend_the_slot(
    patient: Database, waits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_lock, "_USUAL_WAIT_S", 60)  # on a busy machine, a short wait takes long
    found: list[Any] = []
    thread = threading.Thread(target=attempt, args=(patient, found))
    with patient.unit_of_work():
        thread.start()
        time.sleep(0.05)
    thread.join()
    assert found == [None]
    assert waits == []


@pytest.mark.databases("sqlite")
def test_a_lock_that_nobody_wants_any_more_is_released(database: Database, limited: Database) -> None:
    with locked_elsewhere(database), pytest.raises(WriteLockTimeout), limited.unit_of_work():
        pass
    with lock_file(database).open("w") as file:
        wait_for(lambda: is_locked_by(file))
    with limited.unit_of_work_if_free() as session:
        make.contact(session)


def is_locked_by(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_file(database: Database) -> Path:
    return Path(f"{database.file}.lock")


def in_threads(database: Database, count: int) -> list[Any]:
    """What each of so many writers at once met: null, or its error."""
    results: list[list[Any]] = [[] for _ in range(count)]
    threads = [threading.Thread(target=attempt, args=(database, each)) for each in results]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return [each[0] for each in results]


def attempt(database: Database, results: list[Any]) -> None:
    try:
        with database.unit_of_work() as session:
            make.contact(session)
        results.append(None)
    except WriteLockTimeout as error:
        results.append(error)
