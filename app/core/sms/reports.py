"""Delivery reports of gateways. They come late, twice and in any order; a text never goes back to an earlier state."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.core.sms import counts, effects, events, number_facts
from app.models import Direction, SmsMessage, SmsState

# A report moves a text to a higher rank only. The first of the highest rank stays.
_RANKS = {
    SmsState.QUEUED: 0,
    SmsState.SENDING: 0,
    SmsState.UNKNOWN: 0,
    SmsState.SENT: 1,
    SmsState.DELIVERED: 2,
    SmsState.FAILED: 2,
    SmsState.SKIPPED: 3,
    SmsState.CANCELED: 3,
}
_ERROR_MAX = 64


@dataclass(frozen=True)
class DeliveryReport:
    """A report in plain values. It names the text by our id or by the gateway's.

    :param state: ``sent``, ``delivered`` or ``failed``; :param effect: as ``effects.Effect``
    """

    gateway: str
    state: str
    message_id: int | None
    gateway_id: str | None
    error_code: str | None
    effect: str


def record(session: Session, report: DeliveryReport, *, at: datetime) -> bool:
    """Record a report about a text, and what it means for the number. Returns whether anything changed.

    A report that came before, one for an earlier state and one about an unknown text change nothing. A text that is
    ``unknown`` gets its state by its report. Writes ``sms.delivered`` and ``sms.failed`` outbox events.
    """
    message = _lock(session, report)
    if message is None or not _moves(message, report):
        return False
    message.gateway, message.gateway_id = report.gateway, message.gateway_id or report.gateway_id
    before, message.state = message.state, report.state
    message.sent_at = message.sent_at or at
    outcomes = [SmsState.SENT.value] if _RANKS[SmsState(before)] == 0 else []
    if report.state != SmsState.SENT:
        message.ended_at = at
        outcomes.append(report.state)
    if report.state == SmsState.DELIVERED:
        message.error_code = None
        number_facts.mark_reachable(session, message.phone_hash)
    elif report.error_code:
        message.error_code = report.error_code[:_ERROR_MAX]
        outcomes.append(message.error_code)
    session.flush()
    effects.apply(session, message, report.effect, at=at)
    events.publish(session, [message] if report.state != SmsState.SENT else [], at=at)
    counts.add(session, [(message, each) for each in outcomes], at=at)
    return True


def find(session: Session, report: DeliveryReport) -> SmsMessage | None:
    """The text that a report is about; null when there is none."""
    return session.scalars(_query(report)).first()


def _moves(message: SmsMessage, report: DeliveryReport) -> bool:
    was_never_sent = message.state == SmsState.QUEUED and message.attempts == 0
    return not was_never_sent and _RANKS[SmsState(report.state)] > _RANKS[SmsState(message.state)]


def _lock(session: Session, report: DeliveryReport) -> SmsMessage | None:
    if report.message_id is None and report.gateway_id is None:
        return None
    return session.scalars(_query(report).with_for_update().execution_options(populate_existing=True)).first()


def _query(report: DeliveryReport) -> Select[SmsMessage]:
    outbound = select(SmsMessage).where(SmsMessage.direction == Direction.OUTBOUND.value)
    if report.message_id is not None:
        is_of_gateway = (SmsMessage.gateway == report.gateway) | SmsMessage.gateway.is_(None)
        return outbound.where(SmsMessage.id == report.message_id, is_of_gateway)
    return outbound.where(SmsMessage.gateway == report.gateway, SmsMessage.gateway_id == report.gateway_id)
