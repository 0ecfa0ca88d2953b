"""Contacts as other systems see them, with their subscriptions: one in one statement, any number of them in two."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.core import contact_lists
from app.core.consent import attached, current_destination, reach
from app.core.errors import NotFound
from app.core.signing import is_public_id
from app.db import CompiledStatement, ReadConnection, is_in_few, run
from app.models import Consent, Contact, SubscriptionType, Suppression

_CONTACT = Contact.__table__
_CONSENT = Consent.__table__
_TYPE = SubscriptionType.__table__
_SUPPRESSED = (
    select(Suppression.phone_hash).where(Suppression.phone_hash == _CONTACT.c.phone_hash).correlate(_CONTACT).exists()
)


class Row(NamedTuple):
    """The columns of one contact, whether its number is suppressed, and the ids of its tags and notes."""

    id: int
    public_id: str
    role: str
    external_id: str | None
    name: str | None
    email: str | None
    email_hash: str | None
    phone: str | None
    phone_hash: str | None
    avatar: str | None
    owner_id: int | None
    unsubscribed_from_emails: bool
    gdpr_optin: bool | None
    locale: str | None
    time_zone: str | None
    custom_attributes: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    signed_up_at: datetime | None
    last_seen_at: datetime | None
    archived_at: datetime | None
    blocked_at: datetime | None
    merged_into_id: int | None
    erased_at: datetime | None
    is_suppressed: bool
    tag_ids: str | None
    note_ids: str | None


# What ``of_rows`` reads of a contact.
COLUMNS = [
    *(_CONTACT.c[name] for name in Row._fields[:-3]),
    _SUPPRESSED.label("is_suppressed"),
    contact_lists.TAG_IDS,
    contact_lists.NOTE_IDS,
]
# One row for each consent, or one without. SQLite would read a join of two tables inside the outer join whole.
_ONE = (
    select(*COLUMNS, *attached.COLUMNS)
    .select_from(
        _CONTACT.outerjoin(_CONSENT, _CONSENT.c.contact_id == _CONTACT.c.id).outerjoin(
            _TYPE, _TYPE.c.id == _CONSENT.c.subscription_type_id
        )
    )
    .order_by(_CONSENT.c.subscription_type_id)
)
_BY_PUBLIC_ID = CompiledStatement(_ONE.where(_CONTACT.c.public_id == bindparam("public_id")))
_BY_EXTERNAL_ID = CompiledStatement(_ONE.where(_CONTACT.c.external_id == bindparam("external_id")))
_BY_IDS = CompiledStatement(lambda dialect: select(*COLUMNS).where(is_in_few(dialect, _CONTACT.c.id, "ids")))
_OF_MANY = CompiledStatement(
    lambda dialect: (
        select(*attached.COLUMNS)
        .select_from(attached.SOURCE)
        .where(is_in_few(dialect, _CONSENT.c.contact_id, "ids"))
        .order_by(_CONSENT.c.subscription_type_id)
    )
)


class View(NamedTuple):
    """A contact with the ids of the subscription types that ``consent.attached`` returns for it."""

    row: Row
    opted_in: tuple[int, ...]
    opted_out: tuple[int, ...]
    has_sms_consent: bool


def find(session: Session | ReadConnection, public_id: str) -> View:
    """One contact.

    :raises Merged: it was merged into another contact
    :raises NotFound: there is no such contact, or it was erased
    """
    return _one(session, _BY_PUBLIC_ID.all(session, public_id=public_id) if is_public_id(public_id) else [])


def find_by_external_id(session: Session | ReadConnection, external_id: str) -> View:
    """One user. :raises NotFound: no user has this id"""
    known = _BY_EXTERNAL_ID.all(session, external_id=external_id) if "\0" not in external_id else []
    return _one(session, [each for each in known if each[2] == "user"])


def of_ids(session: Session | ReadConnection, ids: Sequence[int]) -> list[View]:
    """The contacts with these ids, in the order of ``ids``. Ids without a contact are left out."""
    if not ids:
        return []
    rows = {row[0]: row for row in _BY_IDS.all(session, ids=ids)}
    return of_rows(session, [rows[contact_id] for contact_id in ids if contact_id in rows])


def of_rows(session: Session | ReadConnection, rows: Sequence[Any]) -> list[View]:
    """The contacts of rows with ``COLUMNS``."""
    consents: dict[int, list[Any]] = {}
    for each in _OF_MANY.all(session, ids=[row[0] for row in rows]) if rows else ():
        consents.setdefault(each[0], []).append(each)
    return [_view(Row._make(row), consents.get(row[0], ())) for row in rows]


def _one(session: Session | ReadConnection, rows: Sequence[Any]) -> View:
    if not rows:
        raise NotFound("User Not Found")
    width = len(Row._fields)
    row = Row._make(rows[0][:width])
    reach.refuse_gone(session, merged_into_id=row.merged_into_id, erased_at=row.erased_at)
    return _view(row, [each[width:] for each in rows if each[width] is not None])


def _view(row: Row, rows: Iterable[Any]) -> View:
    found = attached.attached(rows, lambda channel: current_destination.hash_of(row, channel))
    return View(row, *found)


def merged_into(
    session: Session | ReadConnection, ids: Sequence[int]
) -> dict[int, list[tuple[str, str, datetime | None]]]:
    """The contacts that were merged into each of these: public id, role and when, the oldest first."""
    columns = (Contact.merged_into_id, Contact.public_id, Contact.role, Contact.archived_at)
    merged: dict[int, list[tuple[str, str, datetime | None]]] = {each: [] for each in ids}
    found: Iterable[Any] = run(session, select(*columns).where(Contact.merged_into_id.in_(ids)).order_by(Contact.id))
    for into, *contact in found:
        merged[into].append(tuple(contact))
    return merged
