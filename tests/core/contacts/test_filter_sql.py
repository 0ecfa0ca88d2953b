"""Every query finds what a plain Python loop over all contacts finds, in every order, and counts as many."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from app.core.consent import eligibility, suppressions
from app.core.contacts import exact_counts, filters, records, search, tags
from app.core.contacts.filters import Filter, Group, Kind, Operator, Query
from app.core.contacts.search_walks import Order
from app.core.workspace import settings as workspace
from app.db import Database
from app.models import Channel, ConsentType, Contact
from tests import make

ZONE = ZoneInfo("America/New_York")
NAMES = [None, "Sam", "sam 100%", "Élan", "Bo_b", ""]
PLANS = [None, "pro", "free", 30, 7.5, 0, True, False, "30"]
NUMBERS = ["+12025550123", "+12025550199", "+447400123456", None]
DAYS = [datetime(2026, 3, day, hour, tzinfo=UTC) for day in (7, 8, 9) for hour in (3, 5, 17)]
FIELDS: dict[str, list[Any]] = {
    "name": NAMES,
    "email": [None, "sam@example.com", "BO@example.org", "example"],
    "email_domain": [None, "example.com", "example.org"],
    "external_id": [None, "u1", "U1", "u"],
    "phone": [*NUMBERS, "+1202", "0123", "55501", "123"],
    "phone_country": [None, "US", "GB"],
    "role": ["user", "lead"],
    "browser": [None, "chrome"],
    "blocked": [True, False],
    "archived": [True, False],
    "unsubscribed_from_emails": [True, False],
    "created_at": [int(day.timestamp()) for day in DAYS],
    "last_seen_at": [None, *(int(day.timestamp()) for day in DAYS)],
    "custom_attributes.plan": PLANS,
    "subscription_types.1": [*filters.SubscriptionStatus],
    "subscription_types.2": [*filters.SubscriptionStatus],
    "tag_id": [None, "1", "2", "9"],
}


def is_valid(raw: Any) -> bool:
    try:
        filters.read(raw)
    except filters.InvalidInput:
        return False
    return True


CONDITIONS = st.sampled_from(
    [
        raw
        for name, values in FIELDS.items()
        for operator in Operator
        for value in ([values[:2], values[-2:], []] if operator in {"IN", "NIN"} else values)
        if is_valid(raw := {"field": name, "operator": operator.value, "value": value})
    ]
)


def groups(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"operator": st.sampled_from(["AND", "OR"]), "value": st.lists(parts, min_size=1, max_size=3)}
    )


QUERIES = (CONDITIONS | groups(CONDITIONS | groups(CONDITIONS))).map(filters.read)
ORDERS = st.sampled_from([Order(), Order("name"), Order("last_seen_at", is_descending=False), Order("created_at")])


@dataclass
class Person:
    """What the loop reads of a contact."""

    contact: Contact
    tags: set[str] = field(default_factory=set)
    statuses: dict[str, set[str]] = field(default_factory=dict)


def test_every_query_finds_what_a_loop_over_all_contacts_finds(database: Database) -> None:
    with database.unit_of_work() as session:
        people = prepared(session)
    with database.read_only() as session:

        @settings(max_examples=80)
        @given(query=QUERIES, order=ORDERS)
        def agrees(query: Query, order: Order) -> None:
            shows_archived = filters.names_archived(query, {})
            expected = {
                each.contact.id
                for each in people
                if matches(query, each) and (shows_archived or each.contact.archived_at is None)
            }
            assert set(search.window(session, query, order, limit=100).ids) == expected
            assert exact_counts.count(session, query).number == len(expected)

        agrees()


def prepared(session: Session) -> list[Person]:
    """Forty people at random: the same ones in each run."""
    chance = random.Random(7)
    workspace.change(session, {"time_zone": str(ZONE)}, actor="agent:1", at=make.NOON)
    types = [make.live_type(session), make.live_type(session, channel=Channel.EMAIL, consent_type=ConsentType.OPT_OUT)]
    labels = [tags.create(session, name, actor="agent:1", at=make.NOON) for name in ("VIP", "Old")]
    assert [each.id for each in (*types, *labels)] == [1, 2, 1, 2]
    people = []
    for number in range(40):
        contact = make.contact(
            session,
            name=chance.choice(NAMES),
            role=chance.choice(["user", "lead"]),
            external_id=chance.choice([f"u{number}", f"U{number}", None]),
            email_address=chance.choice([None, f"sam{number}@example.com", f"bo{number}@Example.org", "no address"]),
            phone_number=chance.choice(NUMBERS),
            at=chance.choice(DAYS),
        )
        contact.last_seen_at = chance.choice([None, *DAYS])
        contact.unsubscribed_from_emails = chance.random() < 0.2
        contact.custom_attributes = {} if (plan := chance.choice(PLANS)) is None else {"plan": plan}
        person = Person(contact)
        for each in types:
            if eligibility.destination_of(contact, each) and contact.email != "no address":
                chance.choice([make.opt_in, make.opt_out, _nothing])(session, contact, each)
        if chance.random() < 0.2:
            records.change_phone(session, contact, chance.choice(NUMBERS), at=make.NOON)
        if chance.random() < 0.1:
            records.block(session, contact, at=make.NOON)
        if chance.random() < 0.15:
            contact.archived_at = make.NOON
        contact.sms_block = eligibility.sms_block_of(contact)
        for label in labels:
            if chance.random() < 0.3:
                tags.attach(session, contact.public_id, label.id, actor="agent:1", at=make.NOON)
                person.tags.add(str(label.id))
        people.append(person)
    suppressions.add(session, make.EVES_NUMBER, note="x", actor="agent:1", at=make.NOON)
    session.flush()
    for person in people:
        for each in types:
            status = eligibility.status(session, person.contact, each)
            flags = {"subscribed": status.is_subscribed, "reachable": status.is_reachable}
            person.statuses[str(each.id)] = {status.state.value, *(name for name, value in flags.items() if value)}
    return people


def _nothing(*_: object) -> None:
    """Never asked."""


def matches(query: Query, person: Person) -> bool:
    if isinstance(query, Group):
        return (all if query.is_and else any)(matches(part, person) for part in query.parts)
    return MATCHES[query.kind](query, person)


def _text(query: Filter, person: Person) -> bool:
    contact = person.contact
    value = contact.email.partition("@")[2] if query.name == "email_domain" and contact.email else None
    if query.name != "email_domain":
        value = getattr(contact, query.name, None)
    wanted = [None if each is None else _stored(query, str(each)) for each in query.values]
    return _of_text(query.operator, value, wanted)


def _stored(query: Filter, value: str) -> str:
    is_address = query.name in {"email", "email_domain"} and query.operator in {"=", "!=", "IN", "NIN"}
    return value.lower() if is_address else value


def _of_text(operator: Operator, value: Any, wanted: list[Any]) -> bool:
    if operator in {Operator.EQUALS, Operator.IN}:
        return value in wanted
    if operator in {Operator.DIFFERS, Operator.NOT_IN}:
        return value not in wanted
    here, part = (value or "").lower(), str(wanted[0]).lower()
    found = {
        Operator.CONTAINS: part in here,
        Operator.LACKS: part not in here,
        Operator.STARTS: here.startswith(part),
        Operator.ENDS: here.endswith(part),
    }[operator]
    return operator == Operator.LACKS if value is None else found


def _boolean(query: Filter, person: Person) -> bool:
    contact = person.contact
    value = {
        "blocked": contact.blocked_at is not None,
        "archived": contact.archived_at is not None,
        "unsubscribed_from_emails": contact.unsubscribed_from_emails,
    }[query.name]
    return (value in query.values) == (query.operator in {Operator.EQUALS, Operator.IN})


def _date(query: Filter, person: Person) -> bool:
    value, (wanted,) = getattr(person.contact, query.name), query.values
    if value is None or wanted is None:
        return value is None and wanted is None
    here = value.astimezone(ZONE).date()
    there = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(wanted))).astimezone(ZONE).date()
    return bool(
        {Operator.EQUALS: here == there, Operator.LESS: here < there, Operator.GREATER: here > there}[query.operator]
    )


def _custom(query: Filter, person: Person) -> bool:
    value = person.contact.custom_attributes.get(query.name)
    if query.operator in {"=", "!=", "IN", "NIN"}:
        hit = any(_is_same(value, each) for each in query.values)
        return hit == (query.operator in {"=", "IN"})
    (wanted,) = query.values
    if query.operator in {"~", "!~", "^", "$"}:
        return _of_text(query.operator, value if isinstance(value, str) else None, [wanted])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    compared = {"<": value < wanted, ">": value > wanted, "<=": value <= wanted, ">=": value >= wanted}  # type: ignore[operator]
    return compared[query.operator.value]


def _is_same(value: Any, wanted: Any) -> bool:
    """Equal and of one type; all numbers are one type."""
    kinds = [float if type(each) is int else type(each) for each in (value, wanted)]
    return bool(kinds[0] is kinds[1] and value == wanted)


def _subscription(query: Filter, person: Person) -> bool:
    hit = any(str(each) in person.statuses[query.name] for each in query.values)
    return hit == (query.operator in {Operator.EQUALS, Operator.IN})


def _tag(query: Filter, person: Person) -> bool:
    (wanted,) = query.values
    hit = not person.tags if wanted is None else str(wanted) in person.tags
    return hit == (query.operator == Operator.EQUALS)


MATCHES: Mapping[Kind, Callable[[Filter, Person], bool]] = {
    Kind.TEXT: _text,
    Kind.BOOLEAN: _boolean,
    Kind.DATE: _date,
    Kind.CUSTOM: _custom,
    Kind.SUBSCRIPTION: _subscription,
    Kind.TAG: _tag,
}
