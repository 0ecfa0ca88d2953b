"""After a pause, a resume or a cancel: the queued texts of the campaign follow its state, in chunks.

Texts of a paused campaign have no ``due_at``, so that the worker does not look at them again and again.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Update, func, select, update
from sqlalchemy.orm import Session

from app.core.campaigns import outcomes
from app.core.campaigns.drafts import lock
from app.db import dialect_of, run
from app.models import Campaign, CampaignRecipient, CampaignState, SmsMessage, SmsState

_RECIPIENT = CampaignRecipient.__table__
_MESSAGE = SmsMessage.__table__
CHUNK = 2_000


def waiting(session: Session) -> list[int]:
    """The campaigns whose texts do not follow their state yet."""
    return list(session.scalars(select(Campaign.id).where(Campaign.settled_to.is_not(None)).order_by(Campaign.id)))


def settle(session: Session, campaign_id: int, *, at: datetime) -> bool:
    """Let the next texts of a campaign follow its state. Returns whether all do."""
    campaign = lock(session, campaign_id)
    if campaign.settled_to is None:
        return True
    some = (
        select(_RECIPIENT.c.contact_id, _RECIPIENT.c.outcome, _RECIPIENT.c.sms_message_id)
        .where(_RECIPIENT.c.campaign_id == campaign.id, _RECIPIENT.c.contact_id > campaign.settled_to)
        .order_by(_RECIPIENT.c.contact_id)
        .limit(CHUNK)
    )
    found = run(session, some).all()
    queued = [each.sms_message_id for each in found if each.outcome in outcomes.OPEN and each.sms_message_id]
    if queued:
        _follow(session, campaign, queued, at)
    campaign.settled_to = found[-1].contact_id if len(found) == CHUNK else None
    session.flush()
    return campaign.settled_to is None


def _follow(session: Session, campaign: Campaign, message_ids: list[int], at: datetime) -> None:
    if campaign.state == CampaignState.PAUSED:
        run(session, _queued(session, message_ids).values(due_at=None))
    elif campaign.state == CampaignState.CANCELED:
        run(session, _queued(session, message_ids).values(state=SmsState.CANCELED.value, ended_at=at))
        outcomes.record_ids(session, message_ids, at=at)
    else:
        again = _queued(session, message_ids, _MESSAGE.c.due_at.is_(None))
        run(session, again.values(due_at=_due_again(at)))


def _queued(session: Session, message_ids: list[int], *more: ColumnElement[bool]) -> Update:
    """An update of those of these texts that are queued. Texts that a worker has just locked are left to it."""
    is_queued = (_MESSAGE.c.state == SmsState.QUEUED.value, *more)
    chosen: Any = _MESSAGE.c.id.in_(message_ids)
    if dialect_of(session) == "postgresql":
        free = select(_MESSAGE.c.id).where(chosen, *is_queued).with_for_update(skip_locked=True)
        chosen = _MESSAGE.c.id.in_(free)
    return update(_MESSAGE).where(chosen, *is_queued)


def _due_again(at: datetime) -> ColumnElement[datetime]:
    """When a text is due after a pause: when it was, where that is still ahead."""
    was_due = select(_RECIPIENT.c.due_at).where(_RECIPIENT.c.sms_message_id == _MESSAGE.c.id).limit(1)
    return func.coalesce(was_due.scalar_subquery(), at)
