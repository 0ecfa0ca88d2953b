"""Verifies the ledger once a day, and when an admin asks for it, in a thread of the worker."""

import threading
from pathlib import Path
from typing import Any

from app import logs
from app.config import Settings
from app.core import clock
from app.core.ledger import head_file, verifications
from app.core.ledger.verify import Stopped, verify
from app.db import Database
from app.jobs import failures

EVERY_S = 3.0
_log = logs.get_logger()


class LedgerAltered(Exception):
    """The ledger is not what was sealed. The page of the ledger names what differs."""


def run(database: Database, settings: Settings, stopping: threading.Event) -> None:
    """Run the verifications that wait until ``stopping`` is set. What fails is logged and listed under problems."""
    while not stopping.wait(EVERY_S):
        try:
            verify_when_asked(database, settings, stopping)
        except Exception as error:
            _log.exception("the ledger could not be verified")
            failures.record(database, "verify_ledger", error)


def verify_when_asked(database: Database, settings: Settings, stopping: threading.Event) -> bool:
    """Run the verification that waits, or one that is due; returns whether there was one.

    :raises LedgerAltered: it found tampering, after its result was stored
    """
    with database.read_only() as session:
        is_due = verifications.is_due(session, at=clock.now())
    if not is_due:
        return False
    with database.unit_of_work() as session:
        verifications.request_when_due(session, at=clock.now())
        claimed = verifications.claim(session, at=clock.now())
    if claimed is None:
        return False
    try:
        report = verify(database, heads=_published(settings), is_stopping=stopping.is_set)
    except Stopped:
        with database.unit_of_work() as session:
            verifications.release(session, claimed)
        return False
    with database.unit_of_work() as session:
        verifications.finish(session, claimed, report)
    if report.is_tampered:
        raise LedgerAltered("see the result on the page of the ledger")
    return True


def _published(settings: Settings) -> list[dict[str, Any]]:
    path = Path(settings.ledger_head_file)
    return head_file.read(path) if settings.ledger_head_file and path.exists() else []
