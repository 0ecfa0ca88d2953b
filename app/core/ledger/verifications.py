"""Verifications that were asked for, and their results. The worker runs them, because a large ledger takes minutes."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from app.core import leases
from app.core.ledger.report import Report
from app.core.ledger.verify import verify
from app.db import Database, run
from app.models import ConsentEvent, LedgerVerification

# A verification that began before this belongs to a worker that is gone.
_ABANDONED_AFTER = timedelta(hours=2)
# How often the worker verifies the ledger by itself.
EVERY = timedelta(days=1)
# Events of a ledger that is verified within a request.
LIVE_MAX = 10_000


def now_or_last(database: Database) -> dict[str, Any] | None:
    """The result of a verification as JSON: of one made now where the ledger is small, else of the last one.

    Null when the ledger is large and was not verified yet.
    """
    with database.read_only() as session:
        some = select(ConsentEvent.id).limit(LIVE_MAX + 1).subquery()
        is_large = (session.scalar(select(func.count()).select_from(some)) or 0) > LIVE_MAX
        found = last(session) if is_large else None
    if is_large:
        return found.result if found else None
    return verify(database).as_json()


def request(session: Session, *, actor: str, at: datetime) -> LedgerVerification:
    """Ask for a verification. One that waits or runs already is returned instead. Flushes, does not commit."""
    if (open_one := unfinished(session)) is not None:
        return open_one
    made = LedgerVerification(requested_by=actor, requested_at=at)
    session.add(made)
    session.flush()
    return made


def is_due(session: Session, *, at: datetime) -> bool:
    """Whether a verification waits, or the last one was asked for a day ago."""
    return session.scalars(_waiting(at)).first() is not None or _is_day_over(session, at=at)


def request_when_due(session: Session, *, at: datetime) -> None:
    """Ask for a verification when the last one was asked for a day ago."""
    if _is_day_over(session, at=at):
        request(session, actor="system", at=at)


def claim(session: Session, *, at: datetime) -> int | None:
    """Begin the verification that waits; returns its id. Null when none waits, or another worker has begun it."""
    found = session.scalars(_waiting(at).with_for_update(skip_locked=True)).one_or_none()
    if found is None:
        return None
    found.started_at = at
    session.flush()
    return found.id


def release(session: Session, verification_id: int) -> None:
    """Let a verification that was stopped wait again."""
    run(session, update(LedgerVerification).where(LedgerVerification.id == verification_id).values(started_at=None))


def finish(session: Session, verification_id: int, report: Report) -> None:
    """Store the result of a verification."""
    values = {"finished_at": report.finished_at, "result": report.as_json()}
    run(session, update(LedgerVerification).where(LedgerVerification.id == verification_id).values(values))


def unfinished(session: Session) -> LedgerVerification | None:
    """The verification that waits or runs; null when there is none."""
    query = select(LedgerVerification).where(LedgerVerification.finished_at.is_(None))
    return session.scalars(query.order_by(LedgerVerification.id).limit(1)).one_or_none()


def last(session: Session) -> LedgerVerification | None:
    """The verification that ended last; null before the first."""
    query = select(LedgerVerification).where(LedgerVerification.finished_at.is_not(None))
    return session.scalars(query.order_by(LedgerVerification.id.desc()).limit(1)).one_or_none()


def _waiting(at: datetime) -> Select[LedgerVerification]:
    waits = leases.is_free(LedgerVerification.started_at, _ABANDONED_AFTER, at=at)
    query = select(LedgerVerification).where(LedgerVerification.finished_at.is_(None), waits)
    return query.order_by(LedgerVerification.id).limit(1)


def _is_day_over(session: Session, *, at: datetime) -> bool:
    newest = session.scalar(select(LedgerVerification.requested_at).order_by(LedgerVerification.id.desc()).limit(1))
    return newest is None or abs(at - newest) >= EVERY  # the clock may have been ahead
