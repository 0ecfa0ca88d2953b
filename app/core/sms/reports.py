"""STAND-IN of the branch ``sending``, which replaces this file: notes the state of a report."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Direction, SmsMessage, SmsState

_RANKS = {SmsState.SENDING: 0, SmsState.SENT: 1, SmsState.DELIVERED: 2, SmsState.FAILED: 2}


@dataclass(frozen=True)
class DeliveryReport:
    gateway: str
    state: str
    message_id: int | None
    gateway_id: str | None
    error_code: str | None
    effect: str


def record(session: Session, report: DeliveryReport, *, at: datetime) -> bool:
    query = select(SmsMessage).where(SmsMessage.direction == Direction.OUTBOUND, SmsMessage.gateway == report.gateway)
    by = SmsMessage.id == report.message_id if report.message_id else SmsMessage.gateway_id == report.gateway_id
    message = session.scalars(query.where(by)).first()
    if message is None or _RANKS[SmsState(message.state)] >= _RANKS[SmsState(report.state)]:
        return False
    message.state, message.error_code, message.ended_at = report.state, report.error_code, at
    return True
