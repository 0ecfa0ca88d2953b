"""What a gateway's answer or report means for a number and for everything that is being sent."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import audit
from app.core.consent import suppressions
from app.core.sms import number_facts
from app.models import Campaign, CampaignState, SmsMessage, SmsState, SuppressionCause

# Why campaigns were paused (``campaigns.pause_reason``).
GATEWAY, RESTORED = "gateway", "restored"
_SENDING = (CampaignState.EXPANDING, CampaignState.SENDING)


class Effect(StrEnum):
    """As gateways name them (``gateways/base.py``)."""

    NONE = "none"
    RETRY = "retry"
    SUPPRESS = "suppress"
    UNDELIVERABLE = "undeliverable"
    UNREACHABLE = "unreachable"
    REVIEW = "review"
    STOP = "stop"


def apply(session: Session, message: SmsMessage, effect: str, *, at: datetime) -> None:
    """Do what the effect asks for: suppress the number, note a fact about it, or pause campaigns.

    Lock several messages, and apply their effects, in the order of their numbers.
    """
    note = f"The gateway {message.gateway or 'unknown'} reported the error {message.error_code or 'unknown'}."
    match effect:
        case Effect.SUPPRESS if message.phone:
            suppressions.suppress(session, message.phone, SuppressionCause.CARRIER, note, actor="system", at=at)
        case Effect.REVIEW if message.phone:
            suppressions.hold_for_review(session, message.phone, note, at=at)
        case Effect.UNDELIVERABLE:
            number_facts.mark_undeliverable(session, message.phone_hash, at)
        case Effect.UNREACHABLE:
            number_facts.mark_unreachable(session, message.phone_hash, at)
        case Effect.STOP:
            _pause_campaigns(session, GATEWAY, _SENDING, at=at)


def hold_restored(session: Session, *, at: datetime) -> int:
    """After a restore: send nothing that waited when the backup was made, because it may have been sent since.

    Campaigns are paused, and single texts are ``unknown``. Agents decide about both. Returns how many texts.
    """
    _pause_campaigns(session, RESTORED, (CampaignState.SCHEDULED, *_SENDING), at=at)
    waiting = (SmsState.QUEUED.value, SmsState.SENDING.value)
    held = update(SmsMessage).where(SmsMessage.state.in_(waiting), SmsMessage.campaign_id.is_(None))
    options: dict[str, Any] = {"synchronize_session": False}
    changed = session.execute(held.values(state=SmsState.UNKNOWN.value, claimed_at=at), execution_options=options)
    return int(cast(Any, changed).rowcount)


def _pause_campaigns(session: Session, reason: str, states: Sequence[CampaignState], *, at: datetime) -> int:
    """Pause the campaigns in these states. Returns how many.

    Writes one audit entry for each. An agent resumes them.
    """
    sending = [each.value for each in states]
    ids = select(Campaign.id).where(Campaign.state.in_(sending)).order_by(Campaign.id).with_for_update()
    found = session.scalars(ids).all()
    if not found:
        return 0
    paused = update(Campaign).where(Campaign.id.in_(found), Campaign.state.in_(sending))
    values = {"state": CampaignState.PAUSED.value, "state_before_pause": Campaign.state, "pause_reason": reason}
    options: dict[str, Any] = {"synchronize_session": False}
    session.execute(paused.values(**values, updated_at=at), execution_options=options)
    for campaign_id in found:
        audit.record(session, "system", "campaign.paused", f"campaign:{campaign_id}", {"reason": reason}, at=at)
    for loaded in session.identity_map.values():
        if isinstance(loaded, Campaign):
            session.expire(cast(Any, loaded))
    return len(found)
