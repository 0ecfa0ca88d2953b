"""Contacts as records of an export, with their tags, custom attributes and subscriptions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.bulk import contact_columns, csv_cells
from app.core.consent import current_destination
from app.db import run
from app.models import Consent, ConsentState, Contact, ContactTag, SubscriptionType, Tag

_CONTACT = Contact.__table__
_CONSENT = Consent.__table__
_TYPE = SubscriptionType.__table__
_TAG = Tag.__table__
_TAGGED = ContactTag.__table__


class _Row(NamedTuple):
    id: int
    public_id: str
    external_id: str | None
    role: str
    name: str | None
    phone: str | None
    phone_hash: str | None
    email: str | None
    email_hash: str | None
    phone_country: str | None
    locale: str | None
    time_zone: str | None
    gdpr_optin: bool | None
    custom_attributes: dict[str, Any]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Subscription:
    """A contact's consent for one type. ``never_asked`` without the rest where it was given for an earlier number."""

    state: str
    destination: str | None = None
    since: datetime | None = None


_NEVER_ASKED = Subscription(ConsentState.NEVER_ASKED.value)


@dataclass(frozen=True)
class Record:
    """One contact; ``subscriptions`` are by the id of the type, without those that it was never asked about."""

    row: _Row
    tags: Sequence[str]
    subscriptions: Mapping[int, Subscription]


def read(session: Session, ids: Sequence[int]) -> list[Record]:
    """The contacts with these ids, in the order of the ids. Three statements."""
    columns = [_CONTACT.c[name] for name in _Row._fields]
    query = select(*columns).where(_CONTACT.c.id.in_(ids)).order_by(_CONTACT.c.id)
    rows = [_Row._make(row) for row in run(session, query)]
    tags, subscriptions = _tags(session, ids), _subscriptions(session, {row.id: row for row in rows})
    return [Record(row, tags.get(row.id, ()), subscriptions.get(row.id, {})) for row in rows]


def attribute_names(session: Session, ids: Sequence[int]) -> set[str]:
    """The names of the custom attributes that these contacts have."""
    attributes = run(session, select(_CONTACT.c.custom_attributes).where(_CONTACT.c.id.in_(ids))).scalars()
    return {name for values in attributes for name in values}


def type_ids(session: Session) -> list[int]:
    """The subscription types, in the order of their creation."""
    return list(run(session, select(_TYPE.c.id).order_by(_TYPE.c.id)).scalars())


def headings(names: Sequence[str], types: Sequence[int]) -> list[str]:
    """The headings of a CSV file.

    :param names: of the custom attributes that get a column
    :param types: ids of the subscription types that get three columns
    """
    return [
        *contact_columns.FIXED,
        *(contact_columns.custom(name) for name in names),
        *(contact_columns.subscription(each, part) for each in types for part in contact_columns.SUBSCRIPTION_PARTS),
    ]


def cells(record: Record, names: Sequence[str], types: Sequence[int]) -> Iterator[str]:
    """The cells of one contact, under ``headings``."""
    row, write = record.row, csv_cells.write_cell
    yield from map(write, (row.public_id, row.external_id, row.role, row.name, row.phone, row.email))
    yield from map(write, (row.phone_country, row.locale, row.time_zone))
    yield csv_cells.write_list(record.tags)
    yield from map(write, (row.gdpr_optin, row.created_at, row.updated_at))
    for name in names:
        yield csv_cells.write_value(row.custom_attributes.get(name))
    for each in types:
        found = record.subscriptions.get(each, _NEVER_ASKED)
        yield found.state
        yield from map(write, (found.destination, found.since))


def fields(record: Record) -> dict[str, Any]:
    """One contact as JSON values; times are datetimes."""
    row = record.row
    subscriptions = [
        {
            "subscription_type_id": str(type_id),
            contact_columns.STATE: found.state,
            contact_columns.DESTINATION: found.destination,
            contact_columns.SINCE: found.since,
        }
        for type_id, found in record.subscriptions.items()
    ]
    return {
        contact_columns.ID: row.public_id,
        contact_columns.EXTERNAL_ID: row.external_id,
        contact_columns.ROLE: row.role,
        contact_columns.NAME: row.name,
        contact_columns.PHONE: row.phone,
        contact_columns.EMAIL: row.email,
        contact_columns.COUNTRY: row.phone_country,
        contact_columns.LANGUAGE: row.locale,
        contact_columns.TIME_ZONE: row.time_zone,
        contact_columns.TAGS: list(record.tags),
        contact_columns.GDPR_OPTIN: row.gdpr_optin,
        "custom_attributes": row.custom_attributes,
        "subscriptions": subscriptions,
        contact_columns.CREATED_AT: row.created_at,
        contact_columns.UPDATED_AT: row.updated_at,
    }


def _tags(session: Session, ids: Sequence[int]) -> dict[int, list[str]]:
    query = select(_TAGGED.c.contact_id, _TAG.c.name).join_from(_TAGGED, _TAG, _TAG.c.id == _TAGGED.c.tag_id)
    found: dict[int, list[str]] = {}
    for row in run(session, query.where(_TAGGED.c.contact_id.in_(ids)).order_by(_TAG.c.name_key)):
        found.setdefault(row.contact_id, []).append(row.name)
    return found


def _subscriptions(session: Session, rows: Mapping[int, _Row]) -> dict[int, dict[int, Subscription]]:
    columns = (_CONSENT.c.contact_id, _CONSENT.c.subscription_type_id, _TYPE.c.channel, _CONSENT.c.state)
    query = (
        select(*columns, _CONSENT.c.destination, _CONSENT.c.destination_hash, _CONSENT.c.changed_at)
        .join_from(_CONSENT, _TYPE, _TYPE.c.id == _CONSENT.c.subscription_type_id)
        .where(_CONSENT.c.contact_id.in_(rows))
        .order_by(_CONSENT.c.contact_id, _CONSENT.c.subscription_type_id)
    )
    found: dict[int, dict[int, Subscription]] = {}
    for row in run(session, query):
        current = current_destination.hash_of(rows[row.contact_id], row.channel)
        if row.state == ConsentState.OPTED_OUT or current_destination.is_opted_in(
            row.state, row.destination_hash, current
        ):
            of_contact = found.setdefault(row.contact_id, {})
            of_contact[row.subscription_type_id] = Subscription(row.state, row.destination, row.changed_at)
    return found
