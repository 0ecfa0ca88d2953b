"""What is known about numbers: whether texts reach them, and whether they still belong to the same person."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.core.consent import reassignment
from app.db import insert_into, run
from app.models import NumberFact

# A number that could not be reached so many times in a row counts as undeliverable.
UNREACHABLE_MAX = 3


def mark_undeliverable(session: Session, phone_hash: str, at: datetime) -> None:
    """The number cannot receive texts, as a carrier says: it is not texted any more."""
    _upsert(session, phone_hash, {"undeliverable_at": at}, at)


def mark_unreachable(session: Session, phone_hash: str, at: datetime) -> None:
    """The number could not be reached now. After ``UNREACHABLE_MAX`` times in a row it counts as undeliverable."""
    _upsert(
        session, phone_hash, {"unreachable_count": NumberFact.unreachable_count + 1}, at, first={"unreachable_count": 1}
    )
    fact = session.get_one(NumberFact, phone_hash, populate_existing=True, with_for_update=True)
    if fact.unreachable_count >= UNREACHABLE_MAX and fact.undeliverable_at is None:
        fact.undeliverable_at = at
        session.flush()


def mark_reachable(session: Session, phone_hash: str) -> None:
    """A text reached the number."""
    fact = session.get(NumberFact, phone_hash)
    if fact is not None and (fact.unreachable_count or fact.undeliverable_at):
        fact.unreachable_count, fact.undeliverable_at = 0, None
        session.flush()


def mark_reassigned(session: Session, phone_hash: str, at: datetime) -> None:
    """The number belongs to another person now: people who opted in with it before are *never asked* again."""
    _upsert(session, phone_hash, {"reassigned_at": at, "last_verified_at": None}, at)
    reassignment.forget_opt_ins(session, phone_hash, at=at)


def mark_verified(session: Session, phone_hash: str, at: datetime) -> None:
    """Its holder has just proved to have the number, by a text from it or by a code that was sent to it."""
    verified = {"last_verified_at": at, "undeliverable_at": None, "unreachable_count": 0}
    _upsert(session, phone_hash, verified, at)


def _upsert(
    session: Session, phone_hash: str, values: dict[str, Any], at: datetime, *, first: dict[str, Any] | None = None
) -> None:
    row = {"phone_hash": phone_hash, "unreachable_count": 0, "updated_at": at, **(first or values)}
    statement = insert_into(session, NumberFact).values(row)
    changed = {**values, "updated_at": at}
    session.flush()
    run(session, statement.on_conflict_do_update(index_elements=[NumberFact.phone_hash], set_=changed))
    if (loaded := session.identity_map.get(session.identity_key(NumberFact, phone_hash))) is not None:
        session.expire(loaded)
