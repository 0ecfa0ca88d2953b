"""What a restore takes away from the ledger. The first seal afterwards tells it, so that it cannot happen silently."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.config import Settings
from app.core.ledger import seals
from app.core.workspace import bootstrap
from app.models import ConsentEvent


def read(settings: Settings) -> dict[str, Any] | None:
    """The newest seal and the last event of the database that is about to be replaced.

    Null when it has no seal, or cannot be read.
    """
    database = bootstrap.open_database(settings, connections=1)
    try:
        with database.read_only() as session:
            newest = seals.newest(session)
            if newest is None:
                return None
            return {
                "seal_id": newest.id,
                "seal_hash": seals.hash_of(newest).hex(),
                "last_event": _last_event(session),
            }
    except Exception:  # damaged, empty, unreachable or of another version: a restore must work then, too
        return None
    finally:
        database.close()


def record_of(session: Session, *, made_at: str, replaced: dict[str, Any] | None) -> dict[str, Any]:
    """What the seal tells of a restore, before anything else was written.

    ``last_event`` is the last one of the backup. Those after it, up to ``replaced.last_event``, are gone.
    """
    return {"backup_made_at": made_at, "last_event": _last_event(session), "replaced": replaced}


def _last_event(session: Session) -> int:
    return session.scalar(select(func.max(ConsentEvent.id))) or 0
