"""Whether the clock has gone on steadily for a day: else nothing is erased, or ended for good, because of its age, and
nothing that is scheduled begins.

A machine whose battery is empty can begin years ahead, until it gets the time from the network. What is erased or sent
by such a clock does not come back when the clock is set right.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import logs
from app.core import clock
from app.db import Database
from app.models import Workspace

# A step from one note to the next that is longer, forward or back, is a jump, or the worker did not run meanwhile.
STEP_MAX = timedelta(days=3)
STEADY_FOR = timedelta(days=1)
_NOTED_EVERY = timedelta(minutes=5)
_log = logs.get_logger()


def is_steady(database: Database) -> bool:
    """Whether the clock has not jumped within a day. Notes the time: the worker asks every minute.

    After a jump of more than three days, or such a time without a worker, it is steady again a day later. A clock that
    is set right after that has jumped again. A new workspace has nothing old: its clock is steady.
    """
    at = clock.now()
    with database.read_only() as session:
        noted_at, since = session.execute(_NOTES).one()
    if noted_at is None or abs(at - noted_at) >= _NOTED_EVERY:
        with database.unit_of_work() as session:
            since = _note(session, at)
    return _is_long_ago(since, at)


def can_be_believed(session: Session, *, at: datetime) -> bool:
    """The same without a note, for pages and what looks every second: also right before the worker noted a jump."""
    noted_at, since = session.execute(_NOTES).one()
    return (noted_at is None or abs(at - noted_at) <= STEP_MAX) and _is_long_ago(since, at)


def _is_long_ago(jumped_at: datetime | None, at: datetime) -> bool:
    return jumped_at is None or at - jumped_at >= STEADY_FOR


def _note(session: Session, at: datetime) -> datetime | None:
    """Note the time, and a jump, which of several workers one logs. Returns the time of the last jump."""
    workspace = session.scalars(select(Workspace).with_for_update()).one()
    noted_at = workspace.clock_noted_at
    if noted_at is not None and abs(at - noted_at) > STEP_MAX:
        workspace.clock_steady_since = at
        _log.warning(
            "the clock jumped, or no worker ran for days: for a day, nothing is erased by its age and nothing that is"
            " scheduled begins; check the clock",
            last_noted=noted_at.isoformat(),
            now=at.isoformat(),
        )
    workspace.clock_noted_at = at
    session.flush()
    return workspace.clock_steady_since


_NOTES = select(Workspace.clock_noted_at, Workspace.clock_steady_since)
