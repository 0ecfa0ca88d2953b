"""Seals new events of the ledger every second, in a thread of the worker beside the sweep of the outbox."""

import threading

from app import logs
from app.core.ledger import sealing
from app.db import Database
from app.jobs import failures

EVERY_S = 1.0
_log = logs.get_logger()


def run(database: Database, stopping: threading.Event) -> None:
    """Seal every second until ``stopping`` is set. What fails is logged and repeated after a second.

    Several workers may run it: only one of them stores a seal. A seal is one row, so it can be killed at any moment.
    """
    while not stopping.wait(EVERY_S):
        try:
            sealing.seal(database)
        except Exception as error:
            _log.exception("the ledger could not be sealed")
            failures.record(database, "seal_ledger", error)
