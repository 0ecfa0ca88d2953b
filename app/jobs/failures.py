"""Records what fails in the worker, so that admins see it."""

from typing import Any

from huey import Huey
from huey.signals import SIGNAL_ERROR
from sqlalchemy.orm import Session

from app import logs
from app.core import clock
from app.core.problems import failures
from app.db import Database
from app.models import FailureKind

_log = logs.get_logger()


def record(database: Database, job: str, error: BaseException) -> None:
    """Record that a job failed. Never raises: where the database itself fails, only the log has it."""
    try:
        with database.unit_of_work() as session:
            failures.record(session, FailureKind.JOB, job, error, at=clock.now())
    except Exception:
        _log.exception("a failure could not be recorded", job=job)


def record_in(session: Session, job: str, error: BaseException) -> None:
    """As ``record``, in the caller's transaction."""
    failures.record(session, FailureKind.JOB, job, error, at=clock.now())


def watch(queue: Huey, database: Database) -> None:
    """Record every error of a job of the queue."""

    def record_error(_signal: str, task: Any, error: BaseException | None = None) -> None:
        if error is not None:
            record(database, task.name, error)

    queue.signal(SIGNAL_ERROR)(record_error)
