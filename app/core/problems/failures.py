"""Failures of jobs and mails: recorded, listed, and forgotten after 30 days or when an admin has seen to them."""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.core import audit
from app.db import insert_into, run
from app.logs import redacted
from app.models import Failure, FailureKind

KEEP = timedelta(days=30)
_NAME_MAX, _PROBLEM_MAX = 254, 300


def record(session: Session, kind: FailureKind, name: str, error: BaseException, *, at: datetime) -> None:
    """Record that a job or a mail failed. A repetition counts up and replaces the problem. One statement.

    Of the error, the name and the first line are kept, without phone numbers, addresses and tokens.

    :param name: of the job, or the address that the mail was for
    """
    row = {
        "kind": kind.value,
        "name": name[:_NAME_MAX],
        "first_at": at,
        "last_at": at,
        "count": 1,
        "problem": _problem(error),
    }
    statement = insert_into(session, Failure).values(row)
    again = {"last_at": at, "count": Failure.count + 1, "problem": row["problem"]}
    run(session, statement.on_conflict_do_update(index_elements=[Failure.kind, Failure.name], set_=again))


def find_all(session: Session, kind: FailureKind) -> list[Failure]:
    """The failures of one kind, the latest first."""
    query = select(Failure).where(Failure.kind == kind.value).order_by(Failure.last_at.desc(), Failure.name)
    return list(session.scalars(query))


def names_since(session: Session, kind: FailureKind, since: datetime) -> set[str]:
    """The names of what failed since this time."""
    return set(session.scalars(select(Failure.name).where(Failure.kind == kind.value, Failure.last_at > since)))


def clear(session: Session, kind: str, name: str, *, actor: str, at: datetime) -> None:
    """Remove a failure from the list. If it fails again, it is back. Writes an audit entry, without the name.

    Does nothing when it is gone already.
    """
    cleared = session.execute(delete(Failure).where(Failure.kind == kind, Failure.name == name))
    if cast(Any, cleared).rowcount:
        audit.record(session, actor, "failure.cleared", f"failure:{kind}", {}, at=at)


def delete_old(session: Session, *, at: datetime) -> int:
    """Delete failures that were not repeated for 30 days; returns how many."""
    return int(cast(Any, session.execute(delete(Failure).where(Failure.last_at < at - KEEP))).rowcount)


def _problem(error: BaseException) -> str:
    first_line = str(error).strip().partition("\n")[0].replace("\0", "")
    return redacted(f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__)[:_PROBLEM_MAX]
