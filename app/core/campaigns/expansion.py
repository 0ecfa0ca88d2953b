"""Turns the audience of a campaign into recipients and queued texts, in chunks by contact.

Every chunk is one transaction that writes recipients and texts and moves the campaign's position. What a killed worker
did not commit is done again by another one. Two workers cannot both commit a chunk: the position has changed by then,
and the texts of a campaign are unique by number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import outbox, quiet_hours
from app.core.campaigns import audience, audience_sql, lifecycle, outcomes, short_links
from app.core.campaigns.audience import DUPLICATE_NUMBER, Audience
from app.core.contacts import expanding
from app.core.contacts.expanding import Expansion
from app.core.workspace import settings
from app.db import Same, dialect_of, insert_columns, is_in, reserve_ids, run
from app.models import (
    Campaign,
    CampaignRecipient,
    CampaignState,
    Direction,
    Outcome,
    Purpose,
    SmsMessage,
    SmsState,
    SubscriptionType,
    TypeState,
)

_CAMPAIGN = Campaign.__table__
_MESSAGE = SmsMessage.__table__
CHUNK = 2_000
_EXPANSION = Expansion(_CAMPAIGN)
PRIORITY = 2


@dataclass(frozen=True)
class Row:
    """One eligible contact, and when it may be texted; ``rule``: the rule of quiet hours that defers it."""

    id: int
    phone: str
    phone_hash: str
    phone_country: str | None
    time_zone: str | None
    due_at: datetime
    rule: str | None


@dataclass(frozen=True)
class Chunk:
    """The next recipients behind ``position``. ``losing``: those of them whose number another contact keeps."""

    position: int
    rows: Sequence[Row]
    losing: frozenset[int]
    is_last: bool


def due(session: Session, *, at: datetime) -> list[int]:
    """The campaigns that a worker has to begin or go on with, and that none works on."""
    return _EXPANSION.due(session, at=at)


def claim(session: Session, campaign_id: int, part: str, *, at: datetime) -> bool:
    """Claim a campaign for one part of the work; false where another part has it, or there is nothing to do."""
    return _EXPANSION.claim(session, campaign_id, part, at=at)


def count(session: Session, campaign_id: int) -> Audience | None:
    """The audience of a campaign that is about to begin; null where that is known. Only reads: it may take seconds.

    :raises InvalidInput: the filter names what does not exist any more
    """
    campaign = session.get_one(Campaign, campaign_id)
    if campaign.position or campaign.total:
        return None
    return audience.count(session, audience_sql.scope_of(session, campaign.subscription_type_id, campaign.query))


def begin(session: Session, campaign_id: int, part: str, counted: Audience | None, *, at: datetime) -> bool:
    """Begin a claimed campaign, or go on with it. Returns whether there is something to expand.

    It is paused instead where its type is not live any more (``stopped``), or where a second person has to approve it.
    """
    campaign = session.get_one(Campaign, campaign_id, with_for_update=True, populate_existing=True)
    if campaign.claimed_by != part or campaign.state not in {CampaignState.SCHEDULED, CampaignState.EXPANDING}:
        return False
    if campaign.state == CampaignState.SCHEDULED:
        lifecycle.begin(campaign, at=at)
    if (obstacle := _obstacle(session, campaign, counted)) is not None:
        lifecycle.pause_by_system(session, campaign_id, obstacle, at=at)
        return False
    if counted is not None:
        campaign.total, campaign.excluded = counted.total, dict(counted.excluded)
        short_links.create(session, campaign, at=at)
    session.flush()
    return True


def fail(session: Session, campaign_id: int, *, at: datetime) -> None:
    """Pause a campaign whose audience cannot be read any more."""
    lifecycle.pause_by_system(session, campaign_id, lifecycle.STOPPED, at=at)


def read(session: Session, campaign_id: int, *, at: datetime, chunk: int = CHUNK) -> Chunk:
    """The next recipients, and when each of them may be texted. Only reads, so that no writer waits for it."""
    campaign = session.get_one(Campaign, campaign_id)
    scope = audience_sql.scope_of(session, campaign.subscription_type_id, campaign.query)
    found: Any = run(session, audience_sql.eligible_after(scope, campaign.position, chunk)).all()
    policy = settings.get(session).quiet_hours
    rows = []
    for row in found:
        due_at, rule = quiet_hours.next_allowed(policy, row.phone, row.time_zone, at)
        rows.append(Row(**row._asdict(), due_at=due_at, rule=rule))
    losing = audience_sql.duplicates(session, scope, [row.phone_hash for row in rows]) if rows else set()
    return Chunk(campaign.position, rows, frozenset(losing), is_last=len(rows) < chunk)


def write(session: Session, campaign_id: int, part: str, chunk: Chunk, *, at: datetime) -> None:
    """Write the recipients of a chunk and their texts, and move the campaign's position behind them.

    :raises InvalidState: another worker has the campaign by now, or it was paused; nothing may be committed
    """
    campaign = session.get_one(Campaign, campaign_id)
    queued = _write(session, campaign, chunk, at) if chunk.rows else 0
    values: dict[str, Any] = {"eligible": _CAMPAIGN.c.eligible + queued, "claimed_at": at}
    values["position"] = chunk.rows[-1].id if chunk.rows else chunk.position
    if chunk.is_last:
        values |= {"state": CampaignState.SENDING.value, "claimed_by": None, "claimed_at": None}
    _EXPANSION.advance(session, campaign_id, part, chunk.position, values)
    if chunk.is_last:
        _add_up(session, campaign)


def finish(session: Session, campaign_id: int, *, at: datetime) -> bool:
    """End a campaign of which every recipient has an outcome; returns whether it ended. Writes ``campaign.sent``."""
    if outcomes.is_open(session, campaign_id):
        return False
    ending = update(_CAMPAIGN).where(_CAMPAIGN.c.id == campaign_id, _CAMPAIGN.c.state == CampaignState.SENDING.value)
    if run(session, ending.values(state=CampaignState.SENT.value, finished_at=at, updated_at=at)).rowcount != 1:
        return False
    campaign = session.get_one(Campaign, campaign_id, populate_existing=True)
    payload = {"campaign_id": campaign_id, "name": campaign.name, "counts": outcomes.counts(session, campaign)}
    payload |= {"subscription_type_id": campaign.subscription_type_id}
    outbox.add(session, ["campaign.sent"], contact_id=None, payload=payload, at=at)
    return True


def _obstacle(session: Session, campaign: Campaign, counted: Audience | None) -> str | None:
    if session.get_one(SubscriptionType, campaign.subscription_type_id).state != TypeState.LIVE:
        return lifecycle.STOPPED
    if counted is not None and lifecycle.needs_approval(session, campaign, counted.eligible):
        return lifecycle.APPROVAL
    return None


def _write(session: Session, campaign: Campaign, chunk: Chunk, at: datetime) -> int:
    """Write the recipients and texts of a chunk. Returns how many texts."""
    taken = _numbers_with_text(session, campaign.id, [row.phone_hash for row in chunk.rows])
    written = _recipients_among(session, campaign.id, [row.id for row in chunk.rows])
    left = expanding.not_erased(session, [row.id for row in chunk.rows]) - written
    chosen: list[Row] = []
    duplicates: list[int] = []
    for row in chunk.rows:
        if row.id not in left:
            continue
        if row.id in chunk.losing or row.phone_hash in taken:
            duplicates.append(row.id)
        else:
            taken.add(row.phone_hash)
            chosen.append(row)
    _write_duplicates(session, campaign.id, duplicates, at)
    _write_texts(session, campaign, chosen, at)
    return len(chosen)


def _write_texts(session: Session, campaign: Campaign, rows: Sequence[Row], at: datetime) -> None:
    if not rows:
        return
    message_ids = reserve_ids(session, SmsMessage, len(rows))
    reasons = [None if row.rule is None else "quiet_hours" for row in rows]
    due_at = [row.due_at for row in rows]
    insert_columns(
        session,
        SmsMessage,
        {
            "id": message_ids,
            "contact_id": [row.id for row in rows],
            "phone": [row.phone for row in rows],
            "phone_hash": [row.phone_hash for row in rows],
            "phone_country": [row.phone_country for row in rows],
            "reason": reasons,
            "due_at": due_at,
            "campaign_id": Same(campaign.id),
            "subscription_type_id": Same(campaign.subscription_type_id),
            "direction": Same(Direction.OUTBOUND.value),
            "purpose": Same(Purpose.CAMPAIGN.value),
            "state": Same(SmsState.QUEUED.value),
            "priority": Same(PRIORITY),
            "segments": Same(0),
            "attempts": Same(0),
            "created_by": Same(f"campaign:{campaign.id}"),
            "created_at": Same(at),
        },
    )
    insert_columns(
        session,
        CampaignRecipient,
        {
            "contact_id": [row.id for row in rows],
            "outcome": [Outcome.QUEUED.value if reason is None else Outcome.DEFERRED.value for reason in reasons],
            "reason": reasons,
            "rule": [row.rule for row in rows],
            "due_at": due_at,
            "sms_message_id": message_ids,
            "campaign_id": Same(campaign.id),
            "changed_at": Same(at),
        },
    )


def _write_duplicates(session: Session, campaign_id: int, contact_ids: Sequence[int], at: datetime) -> None:
    if not contact_ids:
        return
    insert_columns(
        session,
        CampaignRecipient,
        {
            "contact_id": contact_ids,
            "campaign_id": Same(campaign_id),
            "outcome": Same(Outcome.SKIPPED.value),
            "reason": Same(DUPLICATE_NUMBER),
            "changed_at": Same(at),
        },
    )


def _numbers_with_text(session: Session, campaign_id: int, hashes: Sequence[str]) -> set[str]:
    """Those of these numbers that have a text of the campaign already."""
    query = select(_MESSAGE.c.phone_hash).where(
        _MESSAGE.c.campaign_id == campaign_id, is_in(dialect_of(session), _MESSAGE.c.phone_hash, "hashes")
    )
    return set(run(session, query, {"hashes": list(hashes)}).scalars())


def _recipients_among(session: Session, campaign_id: int, ids: Sequence[int]) -> set[int]:
    """Those of these contacts that are recipients already."""
    recipient = CampaignRecipient.__table__
    query = select(recipient.c.contact_id).where(
        recipient.c.campaign_id == campaign_id, is_in(dialect_of(session), recipient.c.contact_id, "ids")
    )
    return set(run(session, query, {"ids": list(ids)}).scalars())


def _add_up(session: Session, campaign: Campaign) -> None:
    """Let the parts add up, although some people changed their mind while the recipients were written."""
    session.refresh(campaign)
    excluded = dict(campaign.excluded)
    counted = outcomes.counts(session, campaign)["skipped"].get(DUPLICATE_NUMBER, 0)
    excluded.pop(DUPLICATE_NUMBER, None)
    if counted:
        excluded[DUPLICATE_NUMBER] = counted
    campaign.excluded = excluded
    campaign.total = campaign.eligible + sum(excluded.values())
    session.flush()
