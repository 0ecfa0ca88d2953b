"""Confirm by a text from the number: YES, or the text with a nonce that a page opened in the person's own app."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.confirmations import codes, confirming
from app.core.forms.form_view import Texting
from app.core.ledger.evidence import Evidence
from app.models import Confirmation, ConfirmationState, EvidenceLevel, VerifyNumber

# Who replies can reply.
_RECEIVES = Texting(receives=True)


def confirm_by_reply(session: Session, phone_hash: str, evidence: Evidence, *, at: datetime) -> bool:
    """Confirm what this number was asked last, after it sent YES. Returns whether that recorded an opt-in.

    False: it was asked nothing, or too long ago, or the opt-in does not count any more; YES is conversation then.
    Flushes, does not commit.

    :param phone_hash: of the number that the text came from
    :param evidence: of the text: its id, time and words in ``details``
    """
    query = select(Confirmation.id, Confirmation.evidence).where(
        Confirmation.phone_hash == phone_hash,
        Confirmation.method == VerifyNumber.REPLY.value,
        Confirmation.state == ConfirmationState.PENDING.value,
        Confirmation.expires_at > at,
    )
    asked = (row.id for row in session.execute(query.order_by(Confirmation.id.desc())) if _is_asked(row.evidence))
    newest = next(asked, None)
    return newest is not None and _confirm(session, newest, evidence, at=at)


def confirm_by_nonce(session: Session, phone_hash: str, text: str, evidence: Evidence, *, at: datetime) -> bool:
    """Confirm by the nonce in a text from the number that was typed. Returns and takes as ``confirm_by_reply``."""
    nonces = codes.nonces_in(text)
    query = select(Confirmation.id).where(
        Confirmation.nonce.in_(nonces),
        Confirmation.phone_hash == phone_hash,
        Confirmation.state == ConfirmationState.PENDING.value,
        Confirmation.expires_at > at,
    )
    found = session.scalars(query.limit(1)).one_or_none() if nonces else None
    return found is not None and _confirm(session, found, evidence, at=at)


def _is_asked(stored: dict[str, object] | None) -> bool:
    """Whether the number got the text that asks: a suppressed one did not, so its YES is about something else."""
    return bool(stored and stored.get("is_asked"))


def _confirm(session: Session, confirmation_id: int, evidence: Evidence, *, at: datetime) -> bool:
    found = confirming.lock(session, confirmation_id, at=at)
    if found is None or found.row.state != ConfirmationState.PENDING:
        return False  # another text was faster
    return confirming.confirm(session, found, evidence, EvidenceLevel.MO_REPLY, texting=_RECEIVES, at=at)
