"""Each outbox event is routed and counted exactly once, also after errors and kills."""

import io
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError

from app import logs
from app.config import Settings
from app.core import audit, clock, outbox
from app.core.forms import daily_counts
from app.core.forms.daily_counts import FormTotals
from app.core.workspace import bootstrap
from app.db import Database
from app.jobs import route_outbox
from app.models import OutboxEvent
from tests import launcher, make
from tests.listening import before_statements
from tests.processes import PATIENCE_S, environment_of, started


def test_insertions_and_submissions_are_counted_for_their_form(database: Database) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session)
        first, second = make.form(session, subscription_type), make.form(session, subscription_type)
        for form, answers in ((first, 2), (second, 1)):
            for number in range(3):
                sam = make.contact(session, phone_number=f"+1202555{form.id}1{number:02}")
                inserted = make.inserted(session, form, sam)
                if number < answers:
                    evidence = make.evidence(inserted_form_id=inserted.id)
                    make.opt_in(session, sam, subscription_type, evidence=evidence)
                    add_submitted(session, inserted.id)
    assert route_outbox.sweep_outbox(database) == waiting_of(database, routed=True)
    with database.read_only() as session:
        numbers = daily_counts.totals(session)
    assert numbers == {first.id: FormTotals(3, 0, 2), second.id: FormTotals(3, 0, 1)}
    assert route_outbox.sweep_outbox(database) == 0
    with database.read_only() as session:
        assert daily_counts.totals(session) == numbers


def test_a_long_queue_is_routed_completely_in_batches(database: Database) -> None:
    form_id = insert(database, route_outbox.BATCH * 2 + 5)
    assert route_outbox.sweep_outbox(database) == route_outbox.BATCH * 2 + 5
    assert inserted_count(database, form_id) == route_outbox.BATCH * 2 + 5


def test_an_event_about_an_unknown_form_is_routed_and_not_counted(database: Database) -> None:
    with database.unit_of_work() as session:
        add_submitted(session, 4711)
        add_submitted(session, None)
    assert route_outbox.sweep_outbox(database) == 2
    assert waiting_of(database) == 0


def test_a_sweep_of_an_empty_outbox_waits_for_no_writer(database: Database) -> None:
    began: list[str] = []
    noted = before_statements(database, lambda *seen: began.append(seen[2]))
    with noted, database.unit_of_work() if database.is_sqlite else database.read_only():
        swept = threading.Thread(target=lambda: began.append(f"swept {route_outbox.sweep_outbox(database)}"))
        swept.start()
        swept.join(PATIENCE_S)
        assert not swept.is_alive(), "it waited for the writer"
    assert "swept 0" in began
    assert not any("UPDATE" in statement for statement in began)


def test_concurrent_sweeps_count_each_event_once(database: Database) -> None:
    form_id = insert(database, 300)
    routed: list[int] = []
    threads = [threading.Thread(target=lambda: routed.append(route_outbox.sweep_outbox(database))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while waiting_of(database):
        routed.append(route_outbox.sweep_outbox(database))
    assert sum(routed) == 300
    assert inserted_count(database, form_id) == 300


def test_a_killed_sweep_counts_no_event_twice_and_loses_none(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    events = route_outbox.BATCH * 4
    form_id = insert(database, events)
    script = (
        "from app import config; from app.core.workspace import bootstrap; from app.jobs import route_outbox;"
        "d = bootstrap.open_database(config.load()); route_outbox.sweep_outbox(d)"
    )
    for is_killed in (True, False):
        with (tmp_path / "log").open("w+b") as log:
            process = launcher.start(script, env=environment_of(settings), files=(log, log, log))
            if is_killed:
                wait_until(lambda: waiting_of(database, routed=True) > 0)
                process.kill()
            assert process.wait(PATIENCE_S) == (-signal.SIGKILL if is_killed else 0), (tmp_path / "log").read_text()
        assert inserted_count(database, form_id) == waiting_of(database, routed=True)
    assert inserted_count(database, form_id) == events


def test_an_event_that_cannot_be_routed_is_set_aside_and_the_others_are_counted(database: Database) -> None:
    form_id = insert(database, 2)
    with database.unit_of_work() as session:
        broken = OutboxEvent(topic="form.inserted", payload={}, created_at=clock.now())
        session.add(broken)
    others_id = insert(database, 3)
    logged = io.StringIO()
    logs.configure(logged)
    route_outbox.sweep_outbox(database)
    assert waiting_of(database) == 0
    assert (inserted_count(database, form_id), inserted_count(database, others_id)) == (2, 3)
    assert logged.getvalue().count("set aside") == 1
    with database.read_only() as session:
        (entry,) = audit.newest(session, subject=outbox.AUDIT_SUBJECT)
        kept = session.get_one(OutboxEvent, broken.id)
    assert entry.details == {"event_id": broken.id, "topic": "form.inserted", "problem": "KeyError"}
    assert kept.topic == "form.inserted"


def test_after_a_database_error_no_event_is_set_aside_and_the_next_sweep_routes_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route_outbox, "EVERY_S", 0.05)
    form_id = insert(database, 2)
    errors = [OperationalError("UPDATE", {}, Exception("disk full"))] * 2

    def fail(*seen: object) -> None:
        if errors and "UPDATE outbox_events" in str(seen[2]):
            raise errors.pop()

    event.listen(database.engine, "before_cursor_execute", fail)
    with running(database):
        wait_until(lambda: waiting_of(database) == 0)
    assert inserted_count(database, form_id) == 2
    with database.read_only() as session:
        assert audit.newest(session, subject=outbox.AUDIT_SUBJECT) == []


def test_the_worker_sweeps_within_seconds_and_stops_on_sigterm(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    opened = bootstrap.open_database(settings)
    with started("worker", env=environment_of(settings), log=log) as process:
        form_id = insert(opened, 3)
        wait_until(lambda: waiting_of(opened) == 0)
        assert inserted_count(opened, form_id) == 3, log.read_text()
        process.terminate()
        assert process.wait(PATIENCE_S) == 0, log.read_text()
    opened.close()


class running:  # noqa: N801 - reads as a sentence where it is used
    """The sweep, every ``EVERY_S`` seconds, in a separate thread."""

    def __init__(self, database: Database) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=route_outbox.run, args=(database, self._stopping))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def insert(database: Database, count: int) -> int:
    """Insert a new form ``count`` times. Returns the form's id."""
    with database.unit_of_work() as session:
        form = make.form(session)
        for _ in range(count):
            make.inserted(session, form, None)
        return form.id


def add_submitted(session: object, inserted_form_id: int | None) -> None:
    payload = {"inserted_form_id": inserted_form_id}
    outbox.add(session, ["form.submitted"], contact_id=None, payload=payload, at=clock.now())  # type: ignore[arg-type]


def waiting_of(database: Database, *, routed: bool = False) -> int:
    with database.read_only() as session:
        is_routed = OutboxEvent.routed_at.is_not(None) if routed else OutboxEvent.routed_at.is_(None)
        return session.scalar(select(func.count()).select_from(OutboxEvent).where(is_routed)) or 0


def inserted_count(database: Database, form_id: int) -> int:
    with database.read_only() as session:
        return daily_counts.totals(session).get(form_id, FormTotals()).inserted


@pytest.fixture(autouse=True)
def _silent_again() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    logs.silence()
    root.handlers[:], root.level = before
