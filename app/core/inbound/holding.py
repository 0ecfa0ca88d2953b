"""A text that is probably an opt-out: the number is held immediately, and a person decides."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.core.consent import suppressions
from app.core.inbound.received import Received
from app.core.keywords import Kind
from app.core.sms import number_facts
from app.models import SuppressionCause


def hold(session: Session, received: Received, *, at: datetime) -> None:
    """Suppress the number with the cause ``review``; a stronger cause stays. “Wrong number” also says that the number
    belongs to another person now: opt-ins with it do not count any more.
    """
    suppressions.suppress_by(session, received.phone, SuppressionCause.REVIEW, received.evidence, at=at)
    if received.reading.kind == Kind.WRONG_NUMBER:
        number_facts.mark_reassigned(session, received.phone_hash, at)
