"""Claims due texts for one sender, a few at a time, so that no text is sent twice.

A claimed text has the state ``sending``. A sender that ends before it has recorded what became of it leaves that state
behind: after the lease the text is ``unknown``, and is never sent again by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from app.core import leases
from app.core.sms.purposes import MARKETING
from app.core.workspace import settings
from app.models import Campaign, CampaignState, SmsMessage, SmsState

# Longer than any text waits in a worker and at the gateway.
LEASE = timedelta(minutes=2)
CAMPAIGN_PRIORITY = 2
SENDING_CAMPAIGNS = (CampaignState.EXPANDING, CampaignState.SENDING)
_EXPIRE_MAX = 500
# As part of the statements' text, so that the partial indexes are used.
_QUEUED = SmsMessage.state == literal(SmsState.QUEUED.value, literal_execute=True)
_SENDING = SmsMessage.state == literal(SmsState.SENDING.value, literal_execute=True)
_PRIORITY = literal(CAMPAIGN_PRIORITY, literal_execute=True)
_IS_SINGLE, _IS_OF_CAMPAIGN = SmsMessage.priority < _PRIORITY, SmsMessage.priority >= _PRIORITY


@dataclass(frozen=True)
class ClaimedText:
    """A claimed text, with what the gate and the gateway need of it.

    :param attempts: this one included
    """

    id: int
    purpose: str
    phone: str
    phone_hash: str
    phone_country: str | None
    contact_id: int | None
    subscription_type_id: int | None
    campaign_id: int | None
    body: str
    encoding: str
    attempts: int
    created_at: datetime
    claimed_at: datetime
    expires_at: datetime | None


def is_due(session: Session, *, at: datetime) -> bool:
    """Whether ``claim`` would find a text. Takes no lock."""
    is_stopped = settings.get(session).sending_stopped_at is not None
    if session.execute(_single(is_stopped=is_stopped, at=at).with_only_columns(SmsMessage.id).limit(1)).first():
        return True
    campaigns = [] if is_stopped else _campaigns(session)
    return any(
        session.execute(_of_campaign(each, at).with_only_columns(SmsMessage.id).limit(1)).first() for each in campaigns
    )


def claim(session: Session, sender: str, *, limit: int, at: datetime) -> list[SmsMessage]:
    """Claim up to ``limit`` due texts: the most urgent first, then a fair share for each campaign that sends.

    While marketing is stopped, only answers to people are claimed. Texts that another sender claims now are skipped.

    :param sender: the id of the sender, kept in ``claimed_by``
    """
    is_stopped = settings.get(session).sending_stopped_at is not None
    found = _lock(session, _single(is_stopped=is_stopped, at=at), limit)
    campaigns = [] if is_stopped or len(found) >= limit else _campaigns(session)
    for number, campaign_id in enumerate(campaigns):
        share = -(-(limit - len(found)) // (len(campaigns) - number))
        found += _lock(session, _of_campaign(campaign_id, at), share)
    if found:
        _mark(session, found, sender, at)
    return found


def values_of(message: SmsMessage) -> ClaimedText:
    """A claimed text with its body, without the row."""
    return ClaimedText(
        id=message.id,
        purpose=message.purpose or "",
        phone=message.phone or "",
        phone_hash=message.phone_hash,
        phone_country=message.phone_country,
        contact_id=message.contact_id,
        subscription_type_id=message.subscription_type_id,
        campaign_id=message.campaign_id,
        body=message.body or "",
        encoding=message.encoding or "",
        attempts=message.attempts,
        created_at=message.created_at,
        claimed_at=message.claimed_at or message.created_at,
        expires_at=message.expires_at,
    )


def expire(session: Session, *, at: datetime) -> list[SmsMessage]:
    """Make the texts ``unknown`` whose lease has ended: their sender may have sent them, or not. Returns them."""
    found = list(session.scalars(_expired(at).limit(_EXPIRE_MAX).with_for_update(skip_locked=True)))
    for message in found:
        message.state = SmsState.UNKNOWN
    session.flush()
    return found


def is_any_expired(session: Session, *, at: datetime) -> bool:
    """Whether ``expire`` would find a text. Takes no lock."""
    return session.execute(_expired(at).with_only_columns(SmsMessage.id).limit(1)).first() is not None


def count_waiting(session: Session, *, most: int) -> int:
    """How many texts wait to be sent, due or not, counted up to ``most``."""
    waiting = select(SmsMessage.id).where(_QUEUED).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(waiting)) or 0


def _mark(session: Session, found: Sequence[SmsMessage], sender: str, at: datetime) -> None:
    """Claim locked texts, in one statement: PostgreSQL would need one for each row."""
    values: dict[str, Any] = {"state": SmsState.SENDING.value, "reason": None, "claimed_by": sender, "claimed_at": at}
    claimed = update(SmsMessage).where(SmsMessage.id.in_([each.id for each in found]))
    session.execute(
        claimed.values(attempts=SmsMessage.attempts + 1, **values), execution_options={"synchronize_session": False}
    )
    for message in found:
        values["attempts"] = message.attempts + 1
        for name, value in values.items():
            set_committed_value(message, name, value)


def _single(*, is_stopped: bool, at: datetime) -> Select[SmsMessage]:
    held: tuple[ColumnElement[bool], ...] = (SmsMessage.purpose.not_in(sorted(MARKETING)),) if is_stopped else ()
    return (
        select(SmsMessage)
        .where(_QUEUED, _IS_SINGLE, SmsMessage.due_at <= at, *held)
        .order_by(SmsMessage.priority, SmsMessage.due_at, SmsMessage.id)
    )


def _campaigns(session: Session) -> Sequence[int]:
    active = select(Campaign.id).where(Campaign.state.in_(SENDING_CAMPAIGNS))
    return session.scalars(active.order_by(Campaign.id)).all()


def _of_campaign(campaign_id: int, at: datetime) -> Select[SmsMessage]:
    return (
        select(SmsMessage)
        .where(_QUEUED, _IS_OF_CAMPAIGN, SmsMessage.campaign_id == campaign_id, SmsMessage.due_at <= at)
        .order_by(SmsMessage.due_at, SmsMessage.id)
    )


def _expired(at: datetime) -> Select[SmsMessage]:
    is_over = leases.is_over(SmsMessage.claimed_at, LEASE, at=at)
    return select(SmsMessage).where(_SENDING, is_over).order_by(SmsMessage.claimed_at)


def _lock(session: Session, query: Select[SmsMessage], limit: int) -> list[SmsMessage]:
    locked = query.limit(limit).with_for_update(skip_locked=True, of=SmsMessage)
    return list(session.scalars(locked.execution_options(populate_existing=True)))
