"""STAND-IN of the branch ``confirm``, which replaces this file: nothing waits to be confirmed."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.core.ledger.evidence import Evidence


def confirm_by_reply(session: Session, phone_hash: str, evidence: Evidence, *, at: datetime) -> bool:
    return False


def confirm_by_nonce(session: Session, phone_hash: str, text: str, evidence: Evidence, *, at: datetime) -> bool:
    return False
