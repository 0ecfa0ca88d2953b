"""Facts about numbers: what carriers report, and when the holder of a number last verified it."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.db import insert_into, run
from app.models import NumberFact


def mark_verified(session: Session, phone_hash: str, at: datetime) -> None:
    """Note that the holder of this number has just proved to have it."""
    values = {"last_verified_at": at, "updated_at": at}
    statement = insert_into(session, NumberFact).values({"phone_hash": phone_hash, "unreachable_count": 0} | values)
    run(session, statement.on_conflict_do_update(index_elements=[NumberFact.phone_hash], set_=values))
