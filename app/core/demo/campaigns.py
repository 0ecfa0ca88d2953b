"""The campaigns of the demo: one that was sent two days ago, and a draft."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.campaigns import audience, drafts, expansion, lifecycle, outcomes, rendering
from app.core.campaigns.drafts import CampaignValues
from app.core.demo import texts
from app.core.demo.people import OFFERS
from app.core.demo.shop import Shop
from app.core.sms import counts
from app.models import OptOutText, SmsMessage, SmsState

# Where the links of the texts lead: the demo has no public address.
_BASE = "https://sms.harbour.example"
_PART = "demo"


def send(session: Session, shop: Shop, *, at: datetime) -> None:
    """The marketer sends the offer of the week. One text could not be delivered."""
    values = CampaignValues(texts.CAMPAIGN_NAME, shop.types[OFFERS].id, texts.CAMPAIGN_BODY, OptOutText.BOTH)
    campaign = drafts.create(session, values, actor=shop.marketer, at=at)
    lifecycle.send(session, campaign.id, actor=shop.marketer, at=at)
    expansion.claim(session, campaign.id, _PART, at=at)
    session.expire(campaign)
    counted = audience.preview(session, campaign.subscription_type_id, campaign.query)
    if expansion.begin(session, campaign.id, _PART, counted, at=at):
        found = expansion.read(session, campaign.id, at=at)
        expansion.write(session, campaign.id, _PART, found, at=at)
    of_campaign = select(SmsMessage).where(SmsMessage.campaign_id == campaign.id).order_by(SmsMessage.id)
    _deliver(session, list(session.scalars(of_campaign)), at=at)
    expansion.finish(session, campaign.id, at=at + timedelta(minutes=1))


def draft(session: Session, shop: Shop, *, at: datetime) -> None:
    """The marketer begins another one."""
    values = CampaignValues(texts.DRAFT_NAME, shop.types[OFFERS].id, texts.DRAFT_BODY)
    drafts.create(session, values, actor=shop.marketer, at=at)


def _deliver(session: Session, messages: Sequence[SmsMessage], *, at: datetime) -> None:
    rendering.render(session, messages, base=_BASE, at=at)
    for number, message in enumerate(messages):
        message.state = SmsState.FAILED if number == 1 else SmsState.DELIVERED
        message.error_code = "30003" if number == 1 else None
        message.attempts, message.gateway, message.gateway_id = 1, "sandbox", f"demo-{message.id}"
        message.sent_at = message.ended_at = at + timedelta(seconds=number)
    outcomes.record(session, messages, at=at)
    counted = [(each, SmsState.SENT) for each in messages] + [(each, SmsState(each.state)) for each in messages]
    counts.add(session, [*counted, *((each, each.error_code) for each in messages if each.error_code)], at=at)
