"""Campaigns before they are sent: create, change, find and delete them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from app.core import audit, edits, message_template
from app.core.contacts import audiences
from app.core.errors import Conflict, InvalidInput, InvalidState, NotFound
from app.db import run
from app.models import Campaign, CampaignState, Channel, OptOutText, SubscriptionType

NAME_MAX = 120
# Gateways take 1,600 characters, with our name before the text and the way to opt out behind it.
BODY_MAX = 1_300
CEILING_MAX_MICROS = 10**15
EDITABLE = frozenset({CampaignState.DRAFT, CampaignState.SCHEDULED})


@dataclass(frozen=True)
class CampaignValues:
    """What a campaign has before it is sent.

    :param body: with variables (``message_template.py``), without the opt-out text that is appended to it
    :param query: which contacts, as a filter in JSON; null: all. A saved segment is a filter that names it
    :param price_ceiling_micros: in millionths of the workspace's currency; the campaign pauses when it is reached
    """

    name: str
    subscription_type_id: int
    body: str
    opt_out_text: OptOutText = OptOutText.LINK
    query: Mapping[str, Any] | None = None
    price_ceiling_micros: int | None = None


def create(session: Session, values: CampaignValues, *, actor: str, at: datetime) -> Campaign:
    """Create a campaign as a draft. Flushes, does not commit.

    :raises InvalidInput: a value is refused; ``field`` is its name
    """
    campaign = Campaign(
        **_checked(session, values),
        state=CampaignState.DRAFT,
        excluded={},
        created_by=actor,
        edited_by=actor,
        created_at=at,
        updated_at=at,
    )
    session.add(campaign)
    session.flush()
    audit.record(session, actor, "campaign.created", subject(campaign), {}, at=at)
    return campaign


def change(
    session: Session,
    campaign_id: int,
    values: CampaignValues,
    *,
    revision: int | None = None,
    actor: str,
    at: datetime,
) -> Campaign:
    """Change a campaign that is not being sent yet. An approval is void then. A scheduled one stays scheduled.

    :param revision: what the editor started from; null: change it whatever others changed
    :raises NotFound: there is no such campaign
    :raises InvalidState: it is being sent, or has ended
    :raises Conflict: another person changed it since ``revision``
    :raises InvalidInput: as ``create``
    """
    campaign = lock(session, campaign_id)
    _refuse_uneditable(campaign)
    if revision is not None and revision != campaign.revision:
        raise Conflict("This campaign was changed in the meantime. Load it again before you change it.")
    if changed := edits.write(campaign, _checked(session, values), actor=actor, at=at):
        campaign.approved_by = campaign.approved_at = None
        audit.record(session, actor, "campaign.changed", subject(campaign), {"fields": changed}, at=at)
        session.flush()
    return campaign


def delete_draft(session: Session, campaign_id: int, *, actor: str, at: datetime) -> None:
    """:raises NotFound: there is no such campaign. :raises InvalidState: it is not a draft"""
    campaign = lock(session, campaign_id)
    if campaign.state != CampaignState.DRAFT:
        raise InvalidState("Only a draft can be deleted.")
    session.delete(campaign)
    audit.record(session, actor, "campaign.deleted", subject(campaign), {"name": campaign.name}, at=at)
    session.flush()


def get(session: Session, campaign_id: int) -> Campaign:
    """:raises NotFound: there is no such campaign"""
    campaign = session.get(Campaign, campaign_id)
    if campaign is None:
        raise NotFound("Resource Not Found")
    return campaign


def get_editable(session: Session, campaign_id: int) -> Campaign:
    """:raises NotFound: there is no such campaign. :raises InvalidState: it is being sent, or has ended"""
    campaign = get(session, campaign_id)
    _refuse_uneditable(campaign)
    return campaign


def lock(session: Session, campaign_id: int) -> Campaign:
    """A campaign, locked, as it is now. :raises NotFound: there is no such campaign"""
    query = select(Campaign).where(Campaign.id == campaign_id).with_for_update()
    campaign = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if campaign is None:
        raise NotFound("Resource Not Found")
    return campaign


def page(session: Session, *, after: int | None = None, limit: int) -> list[Campaign]:
    """The newest campaigns first.

    :param after: the id of the last campaign of the page before
    """
    newest = select(Campaign).order_by(Campaign.created_at.desc(), Campaign.id.desc()).limit(limit)
    if after is not None:
        key = run(session, select(Campaign.created_at, Campaign.id).where(Campaign.id == after)).first()
        if key is None:
            return []
        newest = newest.where(tuple_(Campaign.created_at, Campaign.id) < tuple_(key.created_at, key.id))
    return list(session.scalars(newest))


def names(session: Session, ids: Collection[int]) -> dict[int, str]:
    """The names of campaigns by id. Those that are deleted are missing."""
    found = session.execute(select(Campaign.id, Campaign.name).where(Campaign.id.in_(ids)))
    return {each.id: each.name for each in found}


def subject(campaign: Campaign) -> str:
    """The subject of its entries in the audit log."""
    return f"campaign:{campaign.id}"


def _refuse_uneditable(campaign: Campaign) -> None:
    if campaign.state not in EDITABLE:
        raise InvalidState("Only a draft or a scheduled campaign can be changed.")


def _checked(session: Session, values: CampaignValues) -> dict[str, Any]:
    subscription_type = session.get(SubscriptionType, values.subscription_type_id)
    if subscription_type is None or subscription_type.channel != Channel.SMS:
        raise InvalidInput("Choose a subscription type for texts.", field="subscription_type_id")
    return {
        "name": _name(values.name),
        "subscription_type_id": subscription_type.id,
        "body": _body(values.body),
        "opt_out_text": OptOutText(values.opt_out_text).value,
        "query": audiences.checked_query(session, values.query),
        "price_ceiling_micros": _ceiling(values.price_ceiling_micros),
    }


def _name(typed: str) -> str:
    if not (name := " ".join(typed.split())) or len(name) > NAME_MAX:
        raise InvalidInput("Give the campaign a name of at most %(most)s characters.", field="name", most=NAME_MAX)
    return name


def _body(typed: str) -> str:
    body = typed.replace("\r\n", "\n").strip()
    if not body or len(body) > BODY_MAX or "\0" in body:
        raise InvalidInput("Write a text of at most %(most)s characters.", field="body", most=BODY_MAX)
    message_template.parse(body)
    return body


def _ceiling(value: int | None) -> int | None:
    if value is not None and not 0 < value <= CEILING_MAX_MICROS:
        raise InvalidInput("The price ceiling must be more than 0.", field="price_ceiling_micros")
    return value
