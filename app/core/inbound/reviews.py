"""Numbers that are held until a person decides: what their holders wrote, and who they are."""

from dataclasses import dataclass

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from app.core.inbound.received import newest_holder
from app.core.keywords import HELD, Kind
from app.models import Contact, Direction, SmsMessage, Suppression, SuppressionCause

COUNT_MAX = 100
_UNDER_REVIEW = Suppression.cause == SuppressionCause.REVIEW.value


@dataclass(frozen=True)
class Review:
    """A number under review. ``contact`` has it now; ``text`` is the newest one of it that was read as an opt-out.

    Both may be null: the number may be held for another reason.
    """

    suppression: Suppression
    contact: Contact | None
    text: SmsMessage | None

    @property
    def says_wrong_number(self) -> bool:
        return self.text is not None and self.text.keyword == Kind.WRONG_NUMBER


def waiting(session: Session, *, limit: int = COUNT_MAX) -> list[Review]:
    """The numbers under review, those that wait longest first."""
    query = select(Suppression).where(_UNDER_REVIEW).order_by(Suppression.created_at, Suppression.phone_hash)
    found = session.scalars(query.limit(limit)).all()
    return [
        Review(each, newest_holder(session, each.phone_hash), _newest_text(session, each.phone_hash)) for each in found
    ]


def count_waiting(session: Session) -> int:
    """How many numbers are under review, counted up to ``COUNT_MAX``."""
    some = select(literal(1)).select_from(Suppression).where(_UNDER_REVIEW).limit(COUNT_MAX).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _newest_text(session: Session, phone_hash: str) -> SmsMessage | None:
    query = select(SmsMessage).where(
        SmsMessage.phone_hash == phone_hash,
        SmsMessage.direction == Direction.INBOUND.value,
        SmsMessage.keyword.in_([each.value for each in HELD]),
    )
    return session.scalars(query.order_by(SmsMessage.created_at.desc(), SmsMessage.id.desc()).limit(1)).first()
