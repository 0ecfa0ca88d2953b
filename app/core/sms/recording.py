"""Records what became of claimed texts: sent, failed, unknown, to be sent later, or refused by the gate."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.sms import counts, effects, events
from app.core.sms.effects import Effect
from app.core.sms.gate import Decision, Verdict
from app.models import SmsMessage, SmsState

# Waits before the next attempt, after the first failure, the second, and so on. After the last one the text failed.
DELAYS_S = (5.0, 30.0, 120.0, 600.0, 1800.0)
_RETRY_AFTER_MAX_S = 3600.0
_ERROR_MAX = 64


@dataclass(frozen=True)
class Sent:
    """The gateway's answer to one claimed text, as plain values of ``gateways.base.SendResult``.

    :param accepted: ``yes``, ``no`` or ``unknown``; :param at: when the gateway was called
    :param is_delivered: the text has arrived already, as with the sandbox
    """

    accepted: str
    at: datetime
    gateway: str
    sender: str
    gateway_id: str | None = None
    error_code: str | None = None
    effect: str = Effect.NONE
    retry_after_s: float = 0.0
    is_delivered: bool = False


@dataclass(frozen=True)
class Released:
    """The text was claimed and not sent: it is due again."""


Outcome = Sent | Decision | Released


def record(session: Session, outcomes: Mapping[int, Outcome], claimed_by: str, *, at: datetime) -> list[SmsMessage]:
    """Write these outcomes, by the id of the text, and what they mean for the numbers. Returns the changed texts.

    A text that is not the caller's any more keeps its state, unless it is ``unknown``: then the outcome is the answer.
    A delivery report that came before is kept. Writes ``sms.delivered`` and ``sms.failed`` outbox events.
    """
    locked = select(SmsMessage).where(SmsMessage.id.in_(outcomes)).with_for_update()
    found = session.scalars(locked.order_by(SmsMessage.id).execution_options(populate_existing=True)).all()
    changed: list[SmsMessage] = []
    counted: list[tuple[SmsMessage, str]] = []
    for message in sorted(found, key=lambda each: (each.phone_hash, each.id)):
        outcome = outcomes[message.id]
        is_own = message.state == SmsState.SENDING and message.claimed_by == claimed_by
        if isinstance(outcome, Sent):
            new = _record_sent(message, outcome, is_own=is_own or message.state == SmsState.UNKNOWN, at=at)
            if outcome.effect != Effect.RETRY:
                effects.apply(session, message, outcome.effect, at=at)
            counted += [(message, each) for each in new]
            if not is_own and not new:
                continue
        elif is_own:
            _record_refused(message, outcome, at=at)
        else:
            continue
        changed.append(message)
    session.flush()
    events.publish(session, changed, at=at)
    counts.add(session, counted, at=at)
    return changed


def fail(session: Session, messages: Sequence[SmsMessage], error_code: str, *, at: datetime) -> None:
    """Give up claimed texts that cannot be sent, such as one whose body cannot be written."""
    for message in messages:
        message.state, message.error_code, message.ended_at = SmsState.FAILED, error_code, at
    session.flush()
    counts.add(session, [(each, outcome) for each in messages for outcome in ("failed", error_code)], at=at)


def _record_sent(message: SmsMessage, sent: Sent, *, is_own: bool, at: datetime) -> list[str]:
    """Returns the outcomes to be counted."""
    message.gateway, message.sender = sent.gateway, sent.sender
    message.gateway_id = sent.gateway_id or message.gateway_id
    if not is_own:  # a report came first, and says more
        message.sent_at = message.sent_at or sent.at
        return []
    if sent.accepted == "yes":
        message.state, message.sent_at = SmsState.SENT, sent.at
        if sent.is_delivered:
            message.state, message.ended_at = SmsState.DELIVERED, at
        return [SmsState.SENT, *([SmsState.DELIVERED] if sent.is_delivered else [])]
    message.error_code = sent.error_code[:_ERROR_MAX] if sent.error_code else None
    if sent.accepted == "unknown":
        message.state, message.sent_at = SmsState.UNKNOWN, sent.at
        return [SmsState.UNKNOWN]
    retry_at = _retry_at(message, sent, at)
    if retry_at is not None:
        _requeue(message, retry_at)
        return []
    message.state, message.sent_at, message.ended_at = SmsState.FAILED, sent.at, at
    return [SmsState.FAILED, *([message.error_code] if message.error_code else [])]


def _record_refused(message: SmsMessage, outcome: Decision | Released, *, at: datetime) -> None:
    """Nothing was sent, so the attempt does not count."""
    message.attempts -= 1
    if isinstance(outcome, Released):
        _requeue(message, at)
    elif outcome.verdict == Verdict.SKIP:
        message.state, message.reason, message.ended_at = SmsState.SKIPPED, outcome.reason, at
    elif outcome.verdict == Verdict.CANCEL:
        message.state, message.ended_at = SmsState.CANCELED, at
    else:
        _requeue(message, outcome.until or at)
        message.reason = outcome.reason


def _requeue(message: SmsMessage, due_at: datetime) -> None:
    message.state, message.due_at = SmsState.QUEUED, due_at
    message.claimed_by = message.claimed_at = None


def _retry_at(message: SmsMessage, sent: Sent, at: datetime) -> datetime | None:
    """When the text is sent again; null when it is not, because the error does not allow it or it would be too late."""
    if sent.effect != Effect.RETRY or message.attempts > len(DELAYS_S):
        return None
    delay_s = DELAYS_S[message.attempts - 1] * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, keeps no secret
    retry_at = at + timedelta(seconds=max(delay_s, min(sent.retry_after_s, _RETRY_AFTER_MAX_S)))
    return None if message.expires_at is not None and retry_at >= message.expires_at else retry_at
