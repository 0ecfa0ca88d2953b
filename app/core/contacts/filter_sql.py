"""A query as a condition on the table ``contacts``, in SQL that the indexes can answer."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, false, func, literal, or_, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.types import Float, String

from app.core import email, phone, phone_text
from app.core.consent import eligibility_sql, rules
from app.core.contacts import text_sql, typed_search
from app.core.contacts.filters import Filter, Group, Kind, Operator, Query, SubscriptionStatus
from app.core.errors import InvalidInput
from app.models import ConsentState, Contact, ContactTag, SubscriptionType, UtcDateTime
from app.models.contact import EMAIL_DOMAINS, ENDING_LENGTH

_CONTACT = Contact.__table__
_TAGGED = ContactTag.__table__
NUMBERS = {"phone", "formatted_phone"}
PARTS = {Operator.CONTAINS, Operator.LACKS, Operator.STARTS, Operator.ENDS}
# Fields of Intercom that have no value here.
_EMPTY_BOOLEANS = {"marked_email_as_spam", "has_hard_bounced"}
COLUMNS: Mapping[str, ColumnElement[Any]] = {
    "id": _CONTACT.c.public_id,
    "role": _CONTACT.c.role,
    "name": _CONTACT.c.name,
    "avatar": _CONTACT.c.avatar,
    "email": _CONTACT.c.email,
    "phone": _CONTACT.c.phone,
    "formatted_phone": _CONTACT.c.phone,
    "phone_country": _CONTACT.c.phone_country,
    "external_id": _CONTACT.c.external_id,
    "language_override": _CONTACT.c.locale,
    "created_at": _CONTACT.c.created_at,
    "updated_at": _CONTACT.c.updated_at,
    "signed_up_at": _CONTACT.c.signed_up_at,
    "last_seen_at": _CONTACT.c.last_seen_at,
    "unsubscribed_from_emails": _CONTACT.c.unsubscribed_from_emails,
}


@dataclass(frozen=True)
class QueryContext:
    """What the SQL of a query depends on: the dialect, the workspace's zone and countries, its types and segments.

    :param region: the country in which numbers without a ``+`` are read; null: in none
    """

    dialect: str
    zone: ZoneInfo
    region: str | None
    allowed_countries: tuple[str, ...]
    types: Mapping[str, SubscriptionType]
    segments: Mapping[str, Query]

    def subscription_type(self, type_id: str) -> SubscriptionType:
        """:raises InvalidInput: there is none with this id"""
        found = self.types.get(type_id)
        if found is None:
            raise InvalidInput("There is no such subscription type.", field=f"subscription_types.{type_id}")
        return found


def condition(query: Query, context: QueryContext) -> ColumnElement[bool]:
    """The query as SQL.

    :raises InvalidInput: it names a subscription type or segment that does not exist
    """
    if isinstance(query, Group):
        parts = [condition(part, context) for part in query.parts]
        return and_(*parts) if query.is_and else or_(*parts)
    return _BY_KIND[query.kind](query, context)


def _text(query: Filter, context: QueryContext) -> ColumnElement[bool]:
    value_of = column(query.name, context)
    if query.operator in PARTS:
        (wanted,) = query.values
        part = wanted if isinstance(wanted, text_sql.Parameter) else stored_part(query.name, str(wanted))
        if query.operator == Operator.STARTS and query.name in NUMBERS:
            return text_sql.begins_with(context.dialect, value_of, part)
        if query.operator == Operator.ENDS and query.name in NUMBERS and is_ending(part):
            return typed_search.ends_with(context.dialect, value_of, part)
        return text_sql.part(value_of, query.operator, part)
    values: list[str | None] = []
    for value in query.values:
        values += [None] if value is None else stored_values(query.name, str(value), context.region)
    return text_sql.equality(value_of, query.operator, values)


def stored_values(name: str, value: str, region: str | None) -> tuple[str, ...]:
    """What the column of a field may hold for a value: numbers in E.164, addresses in their normal form.

    :param region: the country in which numbers without a ``+`` are read; null: in none
    """
    if name in NUMBERS:
        return phone.candidates(value, region=region)
    if name == "email":
        return (email.normalize(value.lower()),)
    return (value.lower() if name == "email_domain" else value,)


def is_ending(part: str) -> bool:
    """Whether an index finds the numbers that end with this part."""
    return part.isascii() and part.isdigit() and len(part) >= ENDING_LENGTH


def stored_part(name: str, value: str) -> str:
    """What the column of a field may hold for a part of a text."""
    if name in NUMBERS:
        return phone_text.part(value)
    return value.lower() if name in {"email", "email_domain"} else value


def column(name: str, context: QueryContext) -> ColumnElement[Any]:
    """What a text field is compared with; null for a field of Intercom that has no value here."""
    if name == "owner_id":
        return sql_cast(_CONTACT.c.owner_id, String)
    if name == "email_domain":
        return EMAIL_DOMAINS[context.dialect]
    return COLUMNS.get(name, literal(None, String))


def _boolean(query: Filter, _context: QueryContext) -> ColumnElement[bool]:
    if query.name in _EMPTY_BOOLEANS:
        column: ColumnElement[Any] = false()
    elif query.name == "archived":
        column = _CONTACT.c.archived_at.is_not(None)
    elif query.name == "blocked":
        column = _CONTACT.c.blocked_at.is_not(None)
    else:
        column = COLUMNS[query.name]
    wanted = {bool(value) for value in query.values if value is not None}
    hit = or_(false(), *(column if each else ~column for each in sorted(wanted)))
    return hit if query.operator in {Operator.EQUALS, Operator.IN} else ~hit


def _date(query: Filter, context: QueryContext) -> ColumnElement[bool]:
    """Dates match by the calendar day in the workspace's time zone, as Intercom's do."""
    column = COLUMNS.get(query.name, literal(None, UtcDateTime()))
    (value,) = query.values
    if value is None:
        return column.is_(None)
    begins, ends = _day(int(value), context.zone)
    match query.operator:
        case Operator.LESS:
            return column < literal(begins, UtcDateTime())
        case Operator.GREATER:
            return column >= literal(ends, UtcDateTime())
        case _:
            return and_(column >= literal(begins, UtcDateTime()), column < literal(ends, UtcDateTime()))


def _day(value_s: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    day = datetime.fromtimestamp(value_s, UTC).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    following = (day + timedelta(days=1)).replace(tzinfo=None)
    return day.astimezone(UTC), following.replace(tzinfo=zone).astimezone(UTC)


def _custom(query: Filter, context: QueryContext) -> ColumnElement[bool]:
    sqlite = context.dialect == "sqlite"
    values = _Attribute(query.name, is_sqlite=sqlite)
    wanted = query.values[0] if query.values else None
    if query.operator in {Operator.LESS, Operator.GREATER, Operator.AT_MOST, Operator.AT_LEAST}:
        number = values.number
        compare: Mapping[Operator, ColumnElement[bool]] = {
            Operator.LESS: number < wanted,
            Operator.GREATER: number > wanted,
            Operator.AT_MOST: number <= wanted,
            Operator.AT_LEAST: number >= wanted,
        }
        return compare[query.operator]
    if query.operator in PARTS:
        return text_sql.part(values.text, query.operator, str(wanted))
    hit = or_(false(), *(values.equals(value) for value in query.values))
    return hit if query.operator in {Operator.EQUALS, Operator.IN} else ~func.coalesce(hit, false())


class _Attribute:
    """One custom attribute: its text, its number, empty where it is of another type."""

    def __init__(self, name: str, *, is_sqlite: bool) -> None:
        column = _CONTACT.c.custom_attributes
        if is_sqlite:
            path = f"$.{json.dumps(name)}"  # as SQLAlchemy writes it
            self._kind: ColumnElement[Any] = func.json_type(column, path)
            self._raw: ColumnElement[Any] = func.json_extract(column, path)
            self._names = {"text": ("text",), "number": ("integer", "real"), True: ("true",), False: ("false",)}
        else:
            self._kind = func.json_typeof(column.op("->")(name))
            self._raw = column.op("->>")(name)
            self._names = {"text": ("string",), "number": ("number",), True: ("boolean",), False: ("boolean",)}

    @property
    def text(self) -> ColumnElement[Any]:
        return self._where("text", sql_cast(self._raw, String))

    @property
    def number(self) -> ColumnElement[Any]:
        return self._where("number", sql_cast(self._raw, Float))

    def equals(self, value: Any) -> ColumnElement[bool]:
        if value is None:
            return or_(self._kind.is_(None), self._kind == "null")
        if isinstance(value, bool):
            spelled = sql_cast(self._raw, String).in_(["true", "1"] if value else ["false", "0"])
            return and_(self._kind.in_(self._names[value]), spelled)
        if isinstance(value, str):
            return self.text == value
        return self.number == float(value)

    def _where(self, kind: str, value: ColumnElement[Any]) -> ColumnElement[Any]:
        return case((self._kind.in_(self._names[kind]), value), else_=None)


def _subscription(query: Filter, context: QueryContext) -> ColumnElement[bool]:
    subscription_type = context.subscription_type(query.name)
    hit = or_(false(), *(_status(subscription_type, SubscriptionStatus(str(value)), context) for value in query.values))
    return hit if query.operator in {Operator.EQUALS, Operator.IN} else ~hit


def _status(
    subscription_type: SubscriptionType, wanted: SubscriptionStatus, context: QueryContext
) -> ColumnElement[bool]:
    query = rules.Query(subscription_type, context.allowed_countries)
    match wanted:
        case SubscriptionStatus.OPTED_IN:
            return eligibility_sql.opted_in(query)
        case SubscriptionStatus.OPTED_OUT:
            return query.has_consent(ConsentState.OPTED_OUT)
        case SubscriptionStatus.NEVER_ASKED:
            return and_(~eligibility_sql.opted_in(query), ~query.has_consent(ConsentState.OPTED_OUT))
        case SubscriptionStatus.SUBSCRIBED:
            return eligibility_sql.subscribed(query)
        case SubscriptionStatus.REACHABLE:
            return eligibility_sql.reachable(query)


def _segment(query: Filter, context: QueryContext) -> ColumnElement[bool]:
    unknown = [str(value) for value in query.values if str(value) not in context.segments]
    if unknown:
        raise InvalidInput("There is no such segment.", field="segment_id")
    hit = or_(false(), *(condition(context.segments[str(value)], context) for value in query.values))
    return hit if query.operator in {Operator.EQUALS, Operator.IN} else ~func.coalesce(hit, false())


def _tag(query: Filter, _context: QueryContext) -> ColumnElement[bool]:
    """Whether the contact has a tag; null asks for any. An id that no tag has matches no one."""
    is_any = query.values[0] is None
    row = _TAGGED.c.contact_id == _CONTACT.c.id if is_any else tagged_row(query)
    has_it = select(_TAGGED.c.tag_id).where(row).correlate(_CONTACT).exists()
    return has_it if is_any != (query.operator == Operator.EQUALS) else ~has_it


def tagged_row(query: Filter) -> ColumnElement[bool]:
    """The row of ``contact_tags`` that a contact with the tag of a filter has."""
    text = str(query.values[0])
    tag_id = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    return and_(_TAGGED.c.tag_id == tag_id, _TAGGED.c.contact_id == _CONTACT.c.id)


def _typed(query: Filter, context: QueryContext) -> ColumnElement[bool]:
    return typed_search.condition(str(query.values[0]), context.dialect, context.region)


_BY_KIND: Mapping[Kind, Callable[[Filter, QueryContext], ColumnElement[bool]]] = {
    Kind.TEXT: _text,
    Kind.BOOLEAN: _boolean,
    Kind.DATE: _date,
    Kind.CUSTOM: _custom,
    Kind.SUBSCRIPTION: _subscription,
    Kind.SEGMENT: _segment,
    Kind.TAG: _tag,
    Kind.TYPED: _typed,
}
