"""How sending goes: deliveries and errors, opt-outs by campaign, unknown texts, and the lag of pushed consents."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.workspace import days
from app.db import run
from app.models import (
    Campaign,
    CampaignRecipient,
    Consent,
    ConsentPush,
    ConsentState,
    Outcome,
    SmsDailyCount,
    SmsMessage,
    SmsState,
)

WITHIN_DAYS = 30
CAMPAIGNS = 10
# An opt-out so soon after the end of a campaign is counted as its effect.
_EFFECT = timedelta(days=7)
_ARRIVED = (Outcome.SENT.value, Outcome.DELIVERED.value)
_RECIPIENT, _CONSENT = CampaignRecipient.__table__, Consent.__table__
_STATES = frozenset(each.value for each in SmsState)


@dataclass(frozen=True)
class CampaignHealth:
    """What a campaign did. ``opted_out``: recipients who opted out of its type within seven days after it."""

    campaign: Campaign
    delivered: int
    failed: int
    reached: int
    opted_out: int

    @property
    def opt_out_share(self) -> float | None:
        return self.opted_out / self.reached if self.reached else None


@dataclass(frozen=True)
class Push:
    """Consents that wait to be pushed to the gateway. ``oldest_at``: null when nothing waits."""

    waiting: int
    failed: int
    oldest_at: datetime | None


@dataclass(frozen=True)
class Health:
    """Texts of the last 30 days.

    :param errors: how many texts failed with each error code of the gateway, the most frequent first
    :param by_country: sent, delivered and failed texts by country, the most texts first
    :param unknown: texts that may or may not have been sent
    """

    sent: int
    delivered: int
    failed: int
    segments: int
    errors: Mapping[str, int]
    by_country: Mapping[str, Mapping[str, int]]
    unknown: int
    campaigns: tuple[CampaignHealth, ...]
    push: Push

    @property
    def delivery_share(self) -> float | None:
        """The delivered ones among the texts with a final report; null before the first."""
        reported = self.delivered + self.failed
        return self.delivered / reported if reported else None


def read(session: Session, *, at: datetime) -> Health:
    """How sending goes now."""
    outcomes, errors, segments = Counter[str](), Counter[str](), 0
    by_country: dict[str, Counter[str]] = {}
    since = days.zone(session).day(at) - timedelta(days=WITHIN_DAYS)
    for row in session.scalars(select(SmsDailyCount).where(SmsDailyCount.day > since)):
        if row.outcome not in _STATES:
            errors[row.outcome] += row.messages
            continue
        outcomes[row.outcome] += row.messages
        segments += row.segments if row.outcome == SmsState.SENT else 0
        by_country.setdefault(row.country, Counter())[row.outcome] += row.messages
    return Health(
        sent=outcomes[SmsState.SENT],
        delivered=outcomes[SmsState.DELIVERED],
        failed=outcomes[SmsState.FAILED],
        segments=segments,
        errors=dict(errors.most_common()),
        by_country=dict(sorted(by_country.items(), key=lambda pair: -pair[1][SmsState.SENT])),
        unknown=session.scalar(select(func.count()).where(SmsMessage.state == SmsState.UNKNOWN.value)) or 0,
        campaigns=tuple(_of_campaign(session, each) for each in _newest(session, since=at - timedelta(WITHIN_DAYS))),
        push=_push(session),
    )


def _newest(session: Session, *, since: datetime) -> list[Campaign]:
    started = (
        select(Campaign).where(Campaign.started_at > since).order_by(Campaign.started_at.desc(), Campaign.id.desc())
    )
    return list(session.scalars(started.limit(CAMPAIGNS)))


def _of_campaign(session: Session, campaign: Campaign) -> CampaignHealth:
    grouped = select(_RECIPIENT.c.outcome, func.count()).where(_RECIPIENT.c.campaign_id == campaign.id)
    rows: Any = run(session, grouped.group_by(_RECIPIENT.c.outcome))
    outcomes = {row[0]: int(row[1]) for row in rows}
    ended = campaign.finished_at or datetime.max.replace(tzinfo=campaign.created_at.tzinfo) - _EFFECT
    left = (
        select(func.count())
        .select_from(_RECIPIENT.join(_CONSENT, _CONSENT.c.contact_id == _RECIPIENT.c.contact_id))
        .where(
            _RECIPIENT.c.campaign_id == campaign.id,
            _RECIPIENT.c.outcome.in_(_ARRIVED),
            _CONSENT.c.subscription_type_id == campaign.subscription_type_id,
            _CONSENT.c.state == ConsentState.OPTED_OUT.value,
            _CONSENT.c.changed_at >= campaign.started_at,
            _CONSENT.c.changed_at <= ended + _EFFECT,
        )
    )
    return CampaignHealth(
        campaign,
        delivered=outcomes.get(Outcome.DELIVERED, 0),
        failed=outcomes.get(Outcome.FAILED, 0),
        reached=sum(outcomes.get(each, 0) for each in _ARRIVED),
        opted_out=run(session, left).scalar_one(),
    )


def _push(session: Session) -> Push:
    unpushed = ConsentPush.pushed_at.is_(None), ConsentPush.failed_at.is_(None)
    waiting, oldest_at = session.execute(select(func.count(), func.min(ConsentPush.created_at)).where(*unpushed)).one()
    failed = session.scalar(select(func.count()).where(ConsentPush.failed_at.is_not(None))) or 0
    return Push(waiting, failed, oldest_at)
