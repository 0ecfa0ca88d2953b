"""What the gate asks the database about a batch of texts, in a constant number of statements."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Executable, Select, func, literal, select
from sqlalchemy.orm import Session

from app.core.consent import eligibility_sql
from app.core.consent.rules import Query
from app.core.sms.claiming import ClaimedText
from app.core.sms.purposes import CONFIRMS_STOP, MARKETING
from app.db import dialect_of, is_in, run
from app.models import (
    Campaign,
    Contact,
    Direction,
    NumberFact,
    Purpose,
    SmsMessage,
    SmsState,
    SubscriptionType,
    Suppression,
    TypeState,
    Workspace,
)

# A text in one of these states was sent, or may have been.
ATTEMPTED = (SmsState.SENT, SmsState.DELIVERED, SmsState.FAILED, SmsState.UNKNOWN)
# How long after a STOP its confirmation may be sent. Source: 47 CFR 64.1200(a)(12)
CONFIRM_STOP_WITHIN = timedelta(minutes=5)
_CONTACT, _MESSAGE, _WORKSPACE = (each.__table__ for each in (Contact, SmsMessage, Workspace))
_SUPPRESSION, _NUMBER = Suppression.__table__, NumberFact.__table__
_CAMPAIGN = Campaign.__table__
_POLICY = select(
    _WORKSPACE.c.sending_stopped_at,
    _WORKSPACE.c.quiet_hours,
    _WORKSPACE.c.frequency_cap,
    _WORKSPACE.c.allowed_countries,
)
_TYPE = SubscriptionType.__table__
_PERSON = (_CONTACT.c.id, _CONTACT.c.phone_hash, _CONTACT.c.time_zone, _CONTACT.c.blocked_at, _CONTACT.c.gdpr_optin)


class _Type(NamedTuple):
    """What the rules ask of a subscription type."""

    id: int
    channel: str
    consent_type: str
    state: str


@dataclass(frozen=True)
class _Statements:
    """Made once for each database. Lists are one parameter, so that PostgreSQL plans each statement once."""

    suppressed: Select[Any]
    undeliverable: Select[Any]
    types: Select[Any]
    campaigns: Select[Any]
    earlier: Select[Any]


@cache
def _statements(dialect: str) -> _Statements:
    earlier = select(
        _MESSAGE.c.phone_hash,
        _MESSAGE.c.id,
        _MESSAGE.c.purpose,
        _MESSAGE.c.state,
        func.coalesce(_MESSAGE.c.sent_at, _MESSAGE.c.claimed_at, _MESSAGE.c.created_at),
        _MESSAGE.c.claimed_at,
        _MESSAGE.c.created_at,
    ).where(
        is_in(dialect, _MESSAGE.c.phone_hash, "values"),
        is_in(dialect, _MESSAGE.c.purpose, "purposes"),
        _MESSAGE.c.direction == Direction.OUTBOUND.value,
        _MESSAGE.c.state.in_((SmsState.QUEUED.value, SmsState.SENDING.value, *ATTEMPTED)),
    )
    suppressed = select(_SUPPRESSION.c.phone_hash, _SUPPRESSION.c.created_at)
    undeliverable = select(_NUMBER.c.phone_hash).where(_NUMBER.c.undeliverable_at.is_not(None))
    return _Statements(
        suppressed.where(is_in(dialect, _SUPPRESSION.c.phone_hash, "values")),
        undeliverable.where(is_in(dialect, _NUMBER.c.phone_hash, "values")),
        select(_TYPE.c.id, _TYPE.c.channel, _TYPE.c.consent_type, _TYPE.c.state).where(
            is_in(dialect, _TYPE.c.id, "values")
        ),
        select(_CAMPAIGN.c.id, _CAMPAIGN.c.state).where(is_in(dialect, _CAMPAIGN.c.id, "values")),
        earlier,
    )


@lru_cache(maxsize=256)
def _people(dialect: str, of_type: _Type | None, allowed_countries: tuple[str, ...]) -> Select[Any]:
    """Contacts, with the first rule that is against a marketing text of a type to each of them; null: of no type."""
    reason: ColumnElement[str | None] = literal(None)
    if of_type is not None:
        kind = SubscriptionType(**of_type._asdict())
        reason = eligibility_sql.first_reason(Query(kind, allowed_countries))
    return select(*_PERSON, reason).where(is_in(dialect, _CONTACT.c.id, "values"))


class Person(NamedTuple):
    """The contact of a text. ``reason``: the first rule against a marketing text of its type to the contact."""

    phone_hash: str | None
    time_zone: str | None
    is_blocked: bool
    is_gdpr_out: bool
    reason: str | None


class Earlier(NamedTuple):
    """Another text to the same number. ``at``: when it was sent, claimed or created."""

    id: int
    purpose: str
    state: str
    at: datetime
    claimed_at: datetime | None
    created_at: datetime


@dataclass(frozen=True)
class Policy:
    """:param frequency_cap: the most marketing texts to one number in so many hours; null: no cap"""

    is_stopped: bool
    quiet_hours: dict[str, Any] | None
    frequency_cap: tuple[int, timedelta] | None
    allowed_countries: frozenset[str]


@dataclass
class GateFacts:
    """:param people: by contact and type; :param suppressed: since when, by the hash of the number
    :param live_types: the ids of the types of these texts that are live
    """

    policy: Policy
    people: dict[tuple[int, int | None], Person] = field(default_factory=dict)
    suppressed: dict[str, datetime] = field(default_factory=dict)
    undeliverable: frozenset[str] = frozenset()
    campaigns: dict[int, str] = field(default_factory=dict)
    live_types: frozenset[int] = frozenset()
    earlier: dict[str, list[Earlier]] = field(default_factory=lambda: defaultdict(list))


def read(session: Session, texts: Sequence[ClaimedText], *, at: datetime) -> GateFacts:
    """The facts about these texts as the database has them now."""
    facts, hashes = GateFacts(_policy(session)), list({each.phone_hash for each in texts})
    statements = _statements(dialect_of(session))
    _read_people(session, facts, texts)
    facts.suppressed = {row[0]: row[1] for row in _rows(session, statements.suppressed, values=hashes)}
    facts.undeliverable = frozenset(row[0] for row in _rows(session, statements.undeliverable, values=hashes))
    if campaign_ids := list({each.campaign_id for each in texts if each.campaign_id is not None}):
        facts.campaigns = {row[0]: row[1] for row in _rows(session, statements.campaigns, values=campaign_ids)}
    _read_earlier(session, facts, texts, at)
    return facts


def _policy(session: Session) -> Policy:
    row = run(session, _POLICY).one()
    cap = row.frequency_cap
    limit = (int(cap["messages"]), timedelta(hours=float(cap["hours"]))) if cap else None
    return Policy(row.sending_stopped_at is not None, row.quiet_hours, limit, frozenset(row.allowed_countries))


def _rows(session: Session, statement: Executable, **values: Any) -> list[Any]:
    return list(run(session, statement, values))


def _read_people(session: Session, facts: GateFacts, texts: Sequence[ClaimedText]) -> None:
    """The people of the texts, by the type that a marketing text is of."""
    dialect, by_type = dialect_of(session), defaultdict[int | None, set[int]](set)
    for each in texts:
        if each.contact_id is not None:
            by_type[each.subscription_type_id if each.purpose in MARKETING else None].add(each.contact_id)
    wanted = list({each.subscription_type_id for each in texts if each.subscription_type_id is not None})
    types = {}
    if wanted:
        types = {row[0]: _Type(*row) for row in _rows(session, _statements(dialect).types, values=wanted)}
    facts.live_types = frozenset(key for key, each in types.items() if each.state == TypeState.LIVE)
    allowed = tuple(sorted(facts.policy.allowed_countries))
    for type_id, contact_ids in by_type.items():
        query = _people(dialect, types[type_id] if type_id is not None else None, allowed)
        for row in _rows(session, query, values=list(contact_ids)):
            person = Person(row[1], row[2], row[3] is not None, row[4] is False, row[5])
            facts.people[row[0], type_id] = person


def _read_earlier(session: Session, facts: GateFacts, texts: Sequence[ClaimedText], at: datetime) -> None:
    """Other texts to the same numbers, for the frequency cap and for the one confirmation of a STOP."""
    of_stop = {each.phone_hash for each in texts if each.purpose in CONFIRMS_STOP}
    _add_earlier(session, facts, of_stop, CONFIRMS_STOP, since=None)
    if (cap := facts.policy.frequency_cap) is not None:
        capped = {each.phone_hash for each in texts if each.purpose in MARKETING}
        _add_earlier(session, facts, capped, MARKETING, since=at - cap[1])


def _add_earlier(
    session: Session, facts: GateFacts, hashes: set[str], purposes: Iterable[Purpose], *, since: datetime | None
) -> None:
    if not hashes:
        return
    for row in _rows(session, _statements(dialect_of(session)).earlier, values=list(hashes), purposes=sorted(purposes)):
        phone_hash, found = row[0], Earlier(*row[1:])
        if since is None or found.at > since:
            facts.earlier[phone_hash].append(found)
