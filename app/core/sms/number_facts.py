"""STAND-IN of the branch ``sending``, which replaces this file: notes facts about a number and does no more."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.models import NumberFact


def mark_verified(session: Session, phone_hash: str, at: datetime) -> None:
    _fact(session, phone_hash, at).last_verified_at = at


def mark_reassigned(session: Session, phone_hash: str, at: datetime) -> None:
    _fact(session, phone_hash, at).reassigned_at = at


def _fact(session: Session, phone_hash: str, at: datetime) -> NumberFact:
    found = session.get(NumberFact, phone_hash) or NumberFact(phone_hash=phone_hash, unreachable_count=0)
    found.updated_at = at
    session.add(found)
    session.flush()
    return found
