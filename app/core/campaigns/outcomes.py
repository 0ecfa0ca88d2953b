"""What became of each recipient of a campaign, and how many have each outcome.

An outcome follows the recipient's text. Code that changes texts calls ``record`` in the same transaction; ``compare``
finds what was missed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Select, Update, bindparam, func, select, update
from sqlalchemy.orm import Session

from app.core.campaigns import cost, lifecycle, short_links
from app.core.workspace import settings
from app.db import dialect_of, is_in, run
from app.models import Campaign, CampaignRecipient, Contact, Outcome, SmsMessage, SmsState

_CAMPAIGN = Campaign.__table__
_CONTACT = Contact.__table__

_RECIPIENT = CampaignRecipient.__table__
_MESSAGE = SmsMessage.__table__
OPEN = (Outcome.QUEUED, Outcome.DEFERRED)
_ATTEMPTED = frozenset({Outcome.SENT, Outcome.DELIVERED, Outcome.FAILED, Outcome.UNKNOWN})
DEFERRING = frozenset({"quiet_hours", "frequency_cap"})


@dataclass(frozen=True)
class Recipient:
    """One row of a campaign's recipients, for pages, files and the API."""

    contact_id: int
    contact_public_id: str
    name: str | None
    phone: str | None
    outcome: str
    reason: str | None
    rule: str | None
    due_at: datetime | None
    changed_at: datetime
    sms_message_id: int | None
    error_code: str | None


def record(session: Session, messages: Iterable[SmsMessage], *, at: datetime) -> None:
    """Give the recipients of these texts the outcome that the texts have now. Texts without a campaign are ignored.

    Adds the price of texts that were sent to what their campaign spent, once, and pauses it at its price ceiling.
    """
    record_ids(session, [each.id for each in messages if each.campaign_id is not None], at=at)


def record_ids(session: Session, message_ids: Sequence[int], *, at: datetime) -> None:
    """As ``record``, for the texts with these ids."""
    if not message_ids:
        return
    session.flush()
    changed: defaultdict[tuple[Any, ...], list[int]] = defaultdict(list)
    spent: Counter[int] = Counter()
    prices = cost.prices_of(settings.get(session))
    for row in run(session, _texts(dialect_of(session)), {"message_ids": list(message_ids)}):
        outcome, reason = _outcome_of(row.state, row.message_reason)
        due_at = row.message_due_at if outcome == Outcome.DEFERRED else None
        if (outcome, reason) != (row.outcome, row.reason) or (due_at and due_at != row.due_at):
            changed[row.campaign_id, outcome, reason, due_at].append(row.contact_id)
        if row.outcome in OPEN and outcome in _ATTEMPTED:
            spent[row.campaign_id] += row.segments * prices.of(row.phone_country)
    for (campaign_id, outcome, reason, due_at), contact_ids in changed.items():
        values = {"campaign": campaign_id, "contact_ids": contact_ids, "new_outcome": outcome, "new_reason": reason}
        values |= {"new_due_at": due_at, "now": at}
        run(session, _update(dialect_of(session)), values)
    _spend(session, spent, at=at)


@dataclass(frozen=True)
class Compared:
    """:param differing: texts whose recipients have another outcome than they; ``record_ids`` mends that
    :param next_after: the contact to go on after; 0 at the end
    """

    differing: list[int]
    next_after: int


def compare(session: Session, campaign_id: int, after: int, limit: int) -> Compared:
    """Compare the next recipients, in the order of contacts, with their texts. Only reads.

    Reports of gateways change texts, and usually their recipients with them; this finds what was missed.
    """
    columns = (_RECIPIENT.c[name] for name in ("contact_id", "sms_message_id", "outcome", "reason"))
    some = (
        select(*columns, _MESSAGE.c.state, _MESSAGE.c.reason.label("message_reason"))
        .select_from(_RECIPIENT.outerjoin(_MESSAGE, _MESSAGE.c.id == _RECIPIENT.c.sms_message_id))
        .where(_RECIPIENT.c.campaign_id == campaign_id, _RECIPIENT.c.contact_id > after)
        .order_by(_RECIPIENT.c.contact_id)
        .limit(limit)
    )
    found = run(session, some).all()
    differing = [
        each.sms_message_id
        for each in found
        if each.sms_message_id and _outcome_of(each.state, each.message_reason) != (each.outcome, each.reason)
    ]
    return Compared(differing, found[-1].contact_id if len(found) == limit else 0)


def counts(session: Session, campaign: Campaign) -> dict[str, Any]:
    """The audience and the outcomes: ``total``, ``eligible``, ``excluded`` by reason, one number for each outcome,
    and ``clicks`` on its links.

    ``skipped`` is by reason: people that the gate refused in the meantime, and ``duplicate_number``, which ``excluded``
    has, too.
    """
    grouped = (
        select(_RECIPIENT.c.outcome, _RECIPIENT.c.reason, func.count())
        .where(_RECIPIENT.c.campaign_id == campaign.id)
        .group_by(_RECIPIENT.c.outcome, _RECIPIENT.c.reason)
    )
    numbers: dict[str, Any] = dict.fromkeys((each.value for each in Outcome if each != Outcome.SKIPPED), 0)
    skipped: dict[str, int] = {}
    rows: Any = run(session, grouped)
    for outcome, reason, number in rows:
        if outcome == Outcome.SKIPPED:
            skipped[reason or "unknown"] = int(number)
        else:
            numbers[outcome] += int(number)
    audience = {"total": campaign.total, "eligible": campaign.eligible, "excluded": dict(campaign.excluded)}
    return {**audience, **numbers, "skipped": skipped, "clicks": short_links.total_clicks(session, campaign.id)}


def deferred_by(session: Session, campaign_id: int) -> dict[tuple[str, str | None], int]:
    """How many recipients wait, by reason and rule of quiet hours."""
    grouped = select(_RECIPIENT.c.reason, _RECIPIENT.c.rule, func.count()).where(
        _RECIPIENT.c.campaign_id == campaign_id, _RECIPIENT.c.outcome == Outcome.DEFERRED.value
    )
    rows: Any = run(session, grouped.group_by(_RECIPIENT.c.reason, _RECIPIENT.c.rule))
    return {(row[0] or "", row[1]): int(row[2]) for row in rows}


def recipients_page(
    session: Session,
    campaign_id: int,
    *,
    outcome: str | None = None,
    reason: str | None = None,
    after: int | None = None,
    limit: int,
) -> list[Recipient]:
    """Recipients in the order of contacts.

    :param outcome, reason: only those with this outcome, or this reason
    :param after: the contact that the page before ended with
    """
    names = ("contact_id", "outcome", "reason", "rule", "due_at", "changed_at", "sms_message_id")
    columns = [
        *(_RECIPIENT.c[name] for name in names),
        _CONTACT.c.public_id.label("contact_public_id"),
        _CONTACT.c.name,
        func.coalesce(_MESSAGE.c.phone, _CONTACT.c.phone).label("phone"),
        _MESSAGE.c.error_code,
    ]
    source = _RECIPIENT.join(_CONTACT, _CONTACT.c.id == _RECIPIENT.c.contact_id).outerjoin(
        _MESSAGE, _MESSAGE.c.id == _RECIPIENT.c.sms_message_id
    )
    query = select(*columns).select_from(source).where(_RECIPIENT.c.campaign_id == campaign_id)
    if outcome is not None:
        query = query.where(_RECIPIENT.c.outcome == outcome)
    if reason is not None:
        query = query.where(_RECIPIENT.c.reason == reason)
    if after is not None:
        query = query.where(_RECIPIENT.c.contact_id > after)
    rows = run(session, query.order_by(_RECIPIENT.c.contact_id).limit(limit)).mappings()
    return [Recipient(**row) for row in rows]


def count_recipients(session: Session, campaign_id: int, *, outcome: str | None, reason: str | None) -> int:
    """How many recipients have this outcome and reason; null: any."""
    query = select(func.count()).where(_RECIPIENT.c.campaign_id == campaign_id)
    for column, value in ((_RECIPIENT.c.outcome, outcome), (_RECIPIENT.c.reason, reason)):
        query = query if value is None else query.where(column == value)
    return int(run(session, query).scalar_one())


def is_open(session: Session, campaign_id: int) -> bool:
    """Whether a recipient has no outcome yet."""
    waiting = select(_RECIPIENT.c.contact_id).where(
        _RECIPIENT.c.campaign_id == campaign_id, _RECIPIENT.c.outcome.in_([each.value for each in OPEN])
    )
    return run(session, waiting.limit(1)).first() is not None


@lru_cache
def _texts(dialect: str) -> Select[Any]:
    """The texts with these ids, each with what its recipient's row says."""
    recipient = ("campaign_id", "contact_id", "outcome", "reason", "due_at")
    of_message = (_MESSAGE.c.reason.label("message_reason"), _MESSAGE.c.due_at.label("message_due_at"))
    columns = (*(_RECIPIENT.c[name] for name in recipient), *of_message)
    found = select(*columns, *(_MESSAGE.c[name] for name in ("state", "segments", "phone_country")))
    joined = found.join(_MESSAGE, _MESSAGE.c.id == _RECIPIENT.c.sms_message_id)
    return joined.where(is_in(dialect, _RECIPIENT.c.sms_message_id, "message_ids"))


@lru_cache
def _update(dialect: str) -> Update:
    changed = update(_RECIPIENT).where(
        _RECIPIENT.c.campaign_id == bindparam("campaign"), is_in(dialect, _RECIPIENT.c.contact_id, "contact_ids")
    )
    new_due_at: BindParameter[datetime | None] = bindparam("new_due_at", type_=_RECIPIENT.c.due_at.type)
    return changed.values(
        outcome=bindparam("new_outcome"),
        reason=bindparam("new_reason"),
        due_at=func.coalesce(new_due_at, _RECIPIENT.c.due_at),
        changed_at=bindparam("now"),
    )


def _outcome_of(state: str, reason: str | None) -> tuple[str, str | None]:
    if state in {SmsState.QUEUED, SmsState.SENDING}:
        return (Outcome.DEFERRED.value, reason) if reason in DEFERRING else (Outcome.QUEUED.value, None)
    return state, reason


def _spend(session: Session, spent: Mapping[int, int], *, at: datetime) -> None:
    """Add to what campaigns spent, and pause those that reached their price ceiling."""
    for campaign_id, micros in sorted(spent.items()):
        if not micros:
            continue
        adding = update(_CAMPAIGN).where(_CAMPAIGN.c.id == campaign_id)
        adding = adding.values(spent_micros=_CAMPAIGN.c.spent_micros + micros)
        row = run(session, adding.returning(_CAMPAIGN.c.spent_micros, _CAMPAIGN.c.price_ceiling_micros)).one()
        if row.price_ceiling_micros is not None and row.spent_micros >= row.price_ceiling_micros:
            lifecycle.pause_by_system(session, campaign_id, lifecycle.SPEND, at=at)
