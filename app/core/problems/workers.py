"""Which processes of the worker run: each says so twice a minute."""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.db import insert_into
from app.models import Worker

EVERY = timedelta(seconds=30)
SILENT_AFTER = timedelta(minutes=2)
_KEEP = timedelta(days=1)


def beat(session: Session, worker_id: str, *, started_at: datetime, at: datetime) -> None:
    """Record that this process runs. One statement.

    :param worker_id: random, of this process
    """
    statement = insert_into(session, Worker).values({"id": worker_id, "started_at": started_at, "seen_at": at})
    session.execute(statement.on_conflict_do_update(index_elements=[Worker.id], set_={"seen_at": at}))


def last_seen(session: Session) -> datetime | None:
    """When any worker was last seen; null when none was within a day."""
    return session.scalar(select(func.max(Worker.seen_at)))


def count_running(session: Session, *, at: datetime) -> int:
    """How many processes of the worker run, as far as the database knows."""
    running = select(func.count()).select_from(Worker).where(Worker.seen_at > at - SILENT_AFTER)
    return session.scalar(running) or 0


def is_silent(seen_at: datetime | None, *, at: datetime) -> bool:
    """Whether no worker runs, as far as the database knows."""
    return seen_at is None or at - seen_at > SILENT_AFTER


def delete_old(session: Session, *, at: datetime) -> int:
    """Delete processes that ended a day ago; the last one that was seen stays. Returns how many."""
    newest = select(func.max(Worker.seen_at)).scalar_subquery()
    ended = delete(Worker).where(Worker.seen_at < at - _KEEP, Worker.seen_at < newest)
    return int(cast(Any, session.execute(ended)).rowcount)
