"""The audience of a campaign in SQL over sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, true
from sqlalchemy.orm import Session

from app.core.campaigns import audience_counts
from app.core.campaigns.audience_counts import OWN, is_own
from app.core.consent import eligibility_sql
from app.core.consent.rules import Query as RulesQuery
from app.core.contacts import audiences
from app.core.errors import InvalidInput, NotFound
from app.core.workspace import settings
from app.db import dialect_of, is_in, run
from app.models import Channel, Contact, SubscriptionType

DUPLICATE_NUMBER = "duplicate_number"
_CONTACT = Contact.__table__


@dataclass(frozen=True)
class Scope:
    """The contacts that a campaign is about: those of ``where``, and the type with what its rules are built from."""

    subscription_type: SubscriptionType
    rules: RulesQuery
    where: ColumnElement[bool]
    is_filtered: bool


def scope_of(session: Session, subscription_type_id: int, query: Mapping[str, Any] | None) -> Scope:
    """:raises NotFound: there is no such type
    :raises InvalidInput: the type is for emails, or the filter cannot be read, or names what does not exist
    """
    subscription_type = session.get(SubscriptionType, subscription_type_id)
    if subscription_type is None:
        raise NotFound("Resource Not Found", field="subscription_type_id")
    if subscription_type.channel != Channel.SMS:
        raise InvalidInput("Choose a subscription type for texts.", field="subscription_type_id")
    rules = RulesQuery(subscription_type, tuple(settings.get(session).allowed_countries))
    where = audiences.condition(session, query)
    return Scope(subscription_type, rules, where, is_filtered=query is not None)


def counts(session: Session, scope: Scope) -> dict[str | None, int]:
    """How many contacts have each first reason; under null those who have none, with duplicate numbers."""
    return audience_counts.by_reason(session, scope.rules, scope.where)


def eligible_by_country(session: Session, scope: Scope) -> dict[str | None, int]:
    """How many contacts would be texted in each country."""
    eligible = select(_CONTACT.c.phone_country, func.count()).where(
        scope.where, eligibility_sql.reachable(scope.rules), _CONTACT.c.id.not_in(_losing(scope))
    )
    rows: Any = run(session, eligible.group_by(_CONTACT.c.phone_country))
    return {row[0]: int(row[1]) for row in rows}


def count_duplicates(session: Session, scope: Scope) -> int:
    """How many contacts are eligible but for their number, which another one keeps."""
    ranked = _ranked(scope, _shared_numbers()).subquery()
    return int(run(session, select(func.count()).where(ranked.c.place > 1)).scalar_one())


def duplicates(session: Session, scope: Scope, phone_hashes: Sequence[str]) -> set[int]:
    """The eligible contacts with one of these numbers that another one keeps."""
    among = is_in(dialect_of(session), _OTHER.c.phone_hash, "phone_hashes")
    shared = run(session, _shared_numbers().where(among), {"phone_hashes": list(phone_hashes)}).scalars().all()
    if not shared:
        return set()
    ranked = _ranked(scope, shared).subquery()
    return set(run(session, select(ranked.c.id).where(ranked.c.place > 1)).scalars())


def sample(scope: Scope, limit: int) -> Select[Any]:
    """Ids of some contacts that no rule is against, the newest first, with duplicate numbers."""
    newest = select(_CONTACT.c.id).order_by(_CONTACT.c.id.desc()).limit(limit)
    return newest.where(scope.where, eligibility_sql.reachable(scope.rules))


def page(scope: Scope, reason: str | None, after: int | None, limit: int) -> Select[Any]:
    """Ids of contacts with this first reason, newest first; null: those who are eligible."""
    behind = _CONTACT.c.id < after if after is not None else true()
    newest = select(_CONTACT.c.id).where(behind).order_by(_CONTACT.c.id.desc()).limit(limit)
    losing = _losing(scope)
    if reason == DUPLICATE_NUMBER:
        return newest.where(_CONTACT.c.id.in_(losing))
    if reason is None:
        return newest.where(scope.where, eligibility_sql.reachable(scope.rules), _CONTACT.c.id.not_in(losing))
    return newest.where(scope.where, eligibility_sql.first_reason(scope.rules) == reason)


def eligible_after(scope: Scope, after: int, limit: int) -> Select[Any]:
    """The next eligible contacts in the order of their ids, with duplicate numbers."""
    names = ("id", "phone", "phone_hash", "phone_country", "time_zone")
    found = select(*(_CONTACT.c[name] for name in names))
    ordered = found.where(_CONTACT.c.id > after).order_by(_CONTACT.c.id).limit(limit)
    eligible = ordered.where(scope.where, eligibility_sql.reachable(scope.rules))
    return audiences.in_order_of_rows(eligible) if scope.is_filtered else eligible


def row_of(scope: Scope, contact_id: int) -> Select[Any]:
    """A row where the contact is part of the audience, eligible or not."""
    return select(_CONTACT.c.id).where(_CONTACT.c.id == contact_id, scope.where)


_OTHER = _CONTACT.alias("other")


def _shared_numbers() -> Select[Any]:
    """The numbers that several contacts have, read from the index of numbers."""
    shared = select(_OTHER.c.phone_hash).where(_OTHER.c.phone_hash.is_not(None))
    return shared.group_by(_OTHER.c.phone_hash).having(func.count() > 1)


def _ranked(scope: Scope, numbers: Select[Any] | Sequence[str]) -> Select[Any]:
    """Eligible contacts with one of these numbers, each with its place: the newest opt-in is first and keeps it."""
    order = (OWN.c.changed_at.is_(None), OWN.c.changed_at.desc(), _CONTACT.c.id.desc())
    place = func.row_number().over(partition_by=_CONTACT.c.phone_hash, order_by=order)
    chosen = select(_CONTACT.c.id, place.label("place")).select_from(
        _CONTACT.outerjoin(OWN, is_own(scope.subscription_type))
    )
    return chosen.where(
        _CONTACT.c.phone_hash.in_(numbers), scope.where, eligibility_sql.first_reason(scope.rules).is_(None)
    )


def _losing(scope: Scope) -> Select[Any]:
    ranked = _ranked(scope, _shared_numbers()).subquery()
    return select(ranked.c.id).where(ranked.c.place > 1)
