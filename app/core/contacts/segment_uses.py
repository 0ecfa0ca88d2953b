"""What needs a segment, so that it cannot be deleted now. What uses segments adds a check to ``_CHECKS``.

A new filter of a segment also changes the campaigns that use it: their approval by a second person ends.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.contacts import filters
from app.core.errors import InvalidInput, InvalidState
from app.models import BotRule, BulkJob, Campaign, CampaignState, OutboundChat, OutboundChatState, Segment
from app.models.bulk import UNFINISHED

_UNFINISHED_CAMPAIGNS = (
    CampaignState.SCHEDULED,
    CampaignState.EXPANDING,
    CampaignState.SENDING,
    CampaignState.PAUSED,
)
_UNSENT_CAMPAIGNS = (CampaignState.DRAFT, CampaignState.SCHEDULED, CampaignState.PAUSED)
_UNEXPANDED_CHATS = (OutboundChatState.SCHEDULED.value, OutboundChatState.EXPANDING.value)


def refuse_if_needed(session: Session, segment: Segment) -> None:
    """:raises InvalidState: something needs the segment; the sentence says what, and what to do"""
    for check in _CHECKS:
        check(session, segment)


def end_approvals(session: Session, segment: Segment, *, actor: str, at: datetime) -> None:
    """The filter was changed by this actor, who has changed the campaigns that go to it with that."""
    approved = select(Campaign).where(
        Campaign.state.in_(_UNSENT_CAMPAIGNS), Campaign.query.is_not(None), Campaign.approved_by.is_not(None)
    )
    for campaign in session.scalars(approved.with_for_update()):
        if segment.public_id in _segments_in(campaign.query):
            campaign.approved_by = campaign.approved_at = None
            campaign.edited_by, campaign.updated_at, campaign.revision = actor, at, campaign.revision + 1
            audit.record(session, actor, "campaign.changed", f"campaign:{campaign.id}", {"fields": ["query"]}, at=at)


def _refuse_bulk_jobs(session: Session, segment: Segment) -> None:
    """A job reads its contacts until it ends."""
    unfinished = select(BulkJob.parameters).where(BulkJob.state.in_(UNFINISHED))
    for parameters in session.scalars(unfinished):
        selection = parameters.get("selection")
        if isinstance(selection, dict) and segment.public_id in _segments_in(selection.get("query")):
            raise InvalidState("A bulk job uses this segment. Wait until it has ended, or cancel it.")


def _refuse_campaigns(session: Session, segment: Segment) -> None:
    """A campaign reads its audience until all recipients are written."""
    unfinished = select(Campaign.query).where(Campaign.state.in_(_UNFINISHED_CAMPAIGNS), Campaign.query.is_not(None))
    for query in session.scalars(unfinished):
        if segment.public_id in _segments_in(query):
            raise InvalidState("A campaign that is scheduled or being sent uses this segment. Cancel it first.")


def _refuse_outbound_chats(session: Session, segment: Segment) -> None:
    """An outbound chat reads its audience until all recipients are written."""
    unexpanded = select(OutboundChat.query).where(
        OutboundChat.state.in_(_UNEXPANDED_CHATS), OutboundChat.query.is_not(None)
    )
    for query in session.scalars(unexpanded):
        if segment.public_id in _segments_in(query):
            raise InvalidState("An outbound chat that is scheduled or starting uses this segment. Stop it first.")


def _segments_in(raw: Any) -> frozenset[str]:
    try:
        return filters.segments_in(filters.read(raw)) if raw is not None else frozenset()
    except InvalidInput:
        return frozenset()


def _refuse_bots(session: Session, segment: Segment) -> None:
    """A rule of bots names the segment, also while it is off."""
    if session.scalar(select(BotRule.id).where(BotRule.segment_id == segment.id).limit(1)) is not None:
        raise InvalidState("A bot uses this segment. Change or delete the bot first.")


_CHECKS: tuple[Callable[[Session, Segment], None], ...] = (
    _refuse_bulk_jobs,
    _refuse_campaigns,
    _refuse_outbound_chats,
    _refuse_bots,
)
