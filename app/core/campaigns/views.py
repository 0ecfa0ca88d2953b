"""A campaign as the API, webhooks and lists show it: with its counts and the size of its text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.campaigns import outcomes, rendering
from app.core.sms_text import Packed
from app.models import Campaign


@dataclass(frozen=True)
class CampaignView:
    """:param counts: as ``outcomes.counts``
    :param packed: how the text is sent to a person without any known value
    """

    campaign: Campaign
    counts: dict[str, Any]
    packed: Packed

    @property
    def segment_id(self) -> str | None:
        """The segment that is the whole filter; null for other filters."""
        query = self.campaign.query or {}
        is_segment = query.get("field") == "segment_id" and query.get("operator") == "="
        return str(query.get("value")) if is_segment else None

    @property
    def query(self) -> dict[str, Any] | None:
        """The filter; null where a segment is the whole filter, or there is none."""
        return self.campaign.query if self.segment_id is None else None


def view(session: Session, campaign: Campaign, *, base: str) -> CampaignView:
    """One campaign.

    :param base: the address of this server, for the length of the links in the text
    """
    packed = rendering.measure(session, campaign, base=base).packed
    return CampaignView(campaign, outcomes.counts(session, campaign), packed)


def views(session: Session, campaigns: Sequence[Campaign], *, base: str) -> list[CampaignView]:
    """Several campaigns, in their order."""
    return [view(session, each, base=base) for each in campaigns]


def count(session: Session) -> int:
    """How many campaigns there are."""
    return session.scalar(select(func.count()).select_from(Campaign)) or 0
