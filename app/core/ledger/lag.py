"""How far the sealer is behind, and which transaction it waits for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.core.ledger import pending, seals
from app.db import dialect_of
from app.models import ConsentEvent

_EVENT = ConsentEvent.__table__
# The oldest transaction of the server that has written. The sealer waits for it.
_OLDEST_WRITER = text(
    "SELECT pid, application_name, state, floor(extract(epoch FROM now() - xact_start))::int AS age_s "
    "FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() "
    "ORDER BY age(backend_xid) DESC LIMIT 1"
)


@dataclass(frozen=True)
class Lag:
    """Events that are not sealed yet: how many, and when the oldest was recorded (null: none waits).

    :param blocked_by: the transaction that the sealer waits for: ``pid``, ``application_name``, ``state``, ``age_s``
    """

    events: int
    oldest_recorded_at: datetime | None
    blocked_by: dict[str, Any] | None


def current(session: Session) -> Lag:
    """The lag now. It reads the events that wait, and no others."""
    if dialect_of(session) == "sqlite":
        waits = _EVENT.c.id > pending.last_sealed_id(session)
    else:
        waits = pending.is_after(pending.position_of(seals.newest(session)))
    count, oldest = session.execute(select(func.count(), func.min(_EVENT.c.recorded_at)).where(waits)).one()
    return Lag(count, oldest, blocked_by(session) if count else None)


def blocked_by(session: Session) -> dict[str, Any] | None:
    """The oldest transaction that still writes, which the sealer waits for. On SQLite writers take turns: null."""
    if dialect_of(session) == "sqlite":
        return None
    row = session.execute(_OLDEST_WRITER).mappings().one_or_none()
    return dict(row) if row else None
