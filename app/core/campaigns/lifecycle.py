"""The life of a campaign: scheduled, sent, paused, resumed, canceled; approved by a second person.

A change of state takes effect immediately: nothing of a paused campaign is sent from then on. Its queued texts follow
in chunks (``settling.py``).
"""

from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from app.core import audit, message_template
from app.core.campaigns import audience, audience_sql
from app.core.campaigns.drafts import CEILING_MAX_MICROS, lock, subject
from app.core.errors import Forbidden, InvalidInput, InvalidState
from app.core.workspace import settings
from app.models import Campaign, CampaignState, ConsentType, SubscriptionType, TypeState

SCHEDULED_WITHIN = timedelta(days=5 * 365)
BY_AGENT, APPROVAL, GATEWAY, SPEND, STOPPED = "agent", "approval", "gateway", "spend", "stopped"
_UNSENT = frozenset({CampaignState.DRAFT, CampaignState.SCHEDULED})
RUNNING = frozenset({CampaignState.EXPANDING, CampaignState.SENDING})
_PAUSABLE = RUNNING | {CampaignState.SCHEDULED}
_ENDED = frozenset({CampaignState.SENT, CampaignState.CANCELED})
REPORTED_WITHIN = timedelta(days=3)
SYSTEM = "system"


def schedule(session: Session, campaign_id: int, send_at: datetime, *, actor: str, at: datetime) -> Campaign:
    """Send a draft at a time, or move the time of a scheduled campaign. Audited as ``campaign.scheduled``.

    :raises NotFound: there is no such campaign
    :raises InvalidState: it is no draft, its type is not live, or a second person has to approve it first
    :raises InvalidInput: the time is past, or more than five years ahead
    """
    campaign = _unsent(session, campaign_id)
    if not at <= send_at <= at + SCHEDULED_WITHIN:
        raise InvalidInput("Choose a time in the future, within five years.", field="send_at")
    _check_ready(session, campaign)
    campaign.state, campaign.send_at = CampaignState.SCHEDULED, send_at
    return _changed(session, campaign, "scheduled", actor, at)


def unschedule(session: Session, campaign_id: int, *, actor: str, at: datetime) -> Campaign:
    """Make a scheduled campaign a draft again. :raises InvalidState: it is not scheduled"""
    campaign = lock(session, campaign_id)
    if campaign.state != CampaignState.SCHEDULED:
        raise InvalidState("This campaign is not scheduled.")
    campaign.state, campaign.send_at = CampaignState.DRAFT, None
    return _changed(session, campaign, "unscheduled", actor, at)


def send(session: Session, campaign_id: int, *, actor: str, at: datetime) -> Campaign:
    """Send a draft or a scheduled campaign now: the worker begins within a second. Audited as ``campaign.sent``.

    :raises NotFound, InvalidState: as ``schedule``
    """
    campaign = _unsent(session, campaign_id)
    _check_ready(session, campaign)
    begin(campaign, at=at)
    return _changed(session, campaign, "sent", actor, at)


def begin(campaign: Campaign, *, at: datetime) -> None:
    """Let the expansion of a locked campaign begin."""
    campaign.state, campaign.started_at, campaign.position = CampaignState.EXPANDING, at, 0
    campaign.send_at = campaign.send_at or at


def pause(session: Session, campaign_id: int, *, actor: str, at: datetime) -> Campaign:
    """Pause a campaign that is scheduled or being sent. :raises InvalidState: it is neither"""
    campaign = lock(session, campaign_id)
    if campaign.state not in _PAUSABLE:
        raise InvalidState("Only a campaign that is scheduled or being sent can be paused.")
    _pause(campaign, BY_AGENT)
    return _changed(session, campaign, "paused", actor, at)


def pause_by_system(session: Session, campaign_id: int, reason: str, *, at: datetime) -> bool:
    """Pause a running or due campaign, because it cannot go on. Returns whether it was running.

    :param reason: ``approval``, ``gateway``, ``spend`` or ``stopped``
    """
    campaign = lock(session, campaign_id)
    if campaign.state not in _PAUSABLE:
        return False
    _pause(campaign, reason)
    _changed(session, campaign, "paused", SYSTEM, at, reason=reason)
    return True


def running(session: Session, *, at: datetime) -> list[int]:
    """The campaigns whose texts are being sent, or were sent within three days: reports about them may still arrive."""
    recent = and_(Campaign.state.in_(_ENDED), Campaign.finished_at > at - REPORTED_WITHIN)
    query = select(Campaign.id).where(or_(Campaign.state.in_(RUNNING), recent))
    return list(session.scalars(query.order_by(Campaign.id)))


def resume(session: Session, campaign_id: int, *, actor: str, at: datetime) -> Campaign:
    """Go on with a paused campaign where it was.

    :raises InvalidState: it is not paused; its type is not live; it reached its price ceiling; or it needs an approval
    """
    campaign = lock(session, campaign_id)
    if campaign.state != CampaignState.PAUSED:
        raise InvalidState("This campaign is not paused.")
    if reached_ceiling(campaign):
        raise InvalidState("This campaign has reached its price ceiling. Raise it first.")
    _check_ready(session, campaign)
    campaign.state = campaign.state_before_pause or CampaignState.SENDING
    campaign.pause_reason = campaign.state_before_pause = None
    if campaign.state in RUNNING:
        campaign.settled_to = 0
    return _changed(session, campaign, "resumed", actor, at)


def cancel(session: Session, campaign_id: int, *, actor: str, at: datetime) -> Campaign:
    """End a campaign that is scheduled, being sent or paused. What was sent stays sent; the rest never goes out.

    :raises InvalidState: it is a draft, or has ended
    """
    campaign = lock(session, campaign_id)
    if campaign.state not in _PAUSABLE | {CampaignState.PAUSED}:
        raise InvalidState("Only a campaign that is scheduled, being sent or paused can be canceled.")
    campaign.settled_to = 0 if campaign.started_at is not None else None
    campaign.state, campaign.finished_at = CampaignState.CANCELED, at
    campaign.pause_reason = campaign.state_before_pause = None
    return _changed(session, campaign, "canceled", actor, at)


def approve(session: Session, campaign_id: int, *, actor: str, at: datetime) -> Campaign:
    """Approve a campaign as a second person. A later change of it voids the approval.

    :raises InvalidState: it is already being sent, or has ended
    :raises Forbidden: the actor created it or changed it last
    """
    campaign = lock(session, campaign_id)
    is_waiting = campaign.state == CampaignState.PAUSED and campaign.pause_reason == APPROVAL
    if campaign.state not in _UNSENT and not is_waiting:
        raise InvalidState("Only a campaign that is not being sent yet can be approved.")
    if actor in {campaign.created_by, campaign.edited_by}:
        raise Forbidden(
            "A second person has to approve this campaign: neither its author nor the person who changed it last."
        )
    if campaign.approved_by is None:
        campaign.approved_by, campaign.approved_at = actor, at
        return _changed(session, campaign, "approved", actor, at)
    return campaign


def change_ceiling(
    session: Session, campaign_id: int, price_ceiling_micros: int | None, *, actor: str, at: datetime
) -> Campaign:
    """Change the price ceiling of a paused campaign, so that it can be resumed.

    :raises InvalidState: it is not paused. :raises InvalidInput: the ceiling is not more than what was spent
    """
    campaign = lock(session, campaign_id)
    if campaign.state != CampaignState.PAUSED:
        raise InvalidState("This campaign is not paused.")
    if price_ceiling_micros is not None and not campaign.spent_micros < price_ceiling_micros <= CEILING_MAX_MICROS:
        raise InvalidInput("The price ceiling must be more than what was spent.", field="price_ceiling_micros")
    campaign.price_ceiling_micros, campaign.edited_by = price_ceiling_micros, actor
    return _changed(session, campaign, "ceiling_changed", actor, at)


def needs_approval(session: Session, campaign: Campaign, recipients: int) -> bool:
    """Whether a second person has to approve the campaign before it goes to so many recipients."""
    limit = settings.get(session).approval_above
    return limit is not None and recipients > limit and campaign.approved_by is None


def reached_ceiling(campaign: Campaign) -> bool:
    """Whether the texts that were sent cost as much as the campaign may."""
    return campaign.price_ceiling_micros is not None and campaign.spent_micros >= campaign.price_ceiling_micros


def reaches_without_opt_in(subscription_type: SubscriptionType) -> bool:
    """Whether a campaign of this type reaches people who never agreed: all who did not object."""
    return subscription_type.consent_type == ConsentType.OPT_OUT


def _unsent(session: Session, campaign_id: int) -> Campaign:
    campaign = lock(session, campaign_id)
    if campaign.state not in _UNSENT:
        raise InvalidState("This campaign was sent already, or has ended.")
    return campaign


def _check_ready(session: Session, campaign: Campaign) -> None:
    subscription_type = session.get_one(SubscriptionType, campaign.subscription_type_id)
    if subscription_type.state != TypeState.LIVE:
        raise InvalidState("“%(name)s” is not live, so nothing is sent to it.", name=subscription_type.name)
    message_template.parse(campaign.body)
    scope = audience_sql.scope_of(session, campaign.subscription_type_id, campaign.query)
    if settings.get(session).approval_above is None or campaign.approved_by is not None:
        return
    recipients = campaign.eligible if campaign.position else audience.count(session, scope).eligible
    if needs_approval(session, campaign, recipients):
        raise InvalidState(
            "This campaign goes to %(recipients)s people. A second person has to approve it first.",
            recipients=recipients,
            code="approval_needed",
        )


def _pause(campaign: Campaign, reason: str) -> None:
    campaign.state_before_pause = campaign.state
    if campaign.state in RUNNING:
        campaign.settled_to = 0
    campaign.state, campaign.pause_reason = CampaignState.PAUSED, reason
    campaign.claimed_by = campaign.claimed_at = None


def _changed(session: Session, campaign: Campaign, act: str, actor: str, at: datetime, **details: str) -> Campaign:
    campaign.updated_at, campaign.revision = at, campaign.revision + 1
    audit.record(session, actor, f"campaign.{act}", subject(campaign), dict(details), at=at)
    session.flush()
    return campaign
