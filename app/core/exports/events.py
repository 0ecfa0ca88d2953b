"""The ledger as records of an export: events with their evidence, and the texts that were shown."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from app.db import run
from app.models import ConsentEvent, ConsentEvidence, Contact, Wording

_CONTACT = Contact.__table__
_EVENT = ConsentEvent.__table__
_EVIDENCE = ConsentEvidence.__table__
_WORDING = Wording.__table__
# ``shown_text`` is the hash of a text; an export of texts has the text itself, once.
_OF_EVIDENCE = {"shown_text": "wording_hash"} | {
    name: name for name in ("destination", "ip_address", "user_agent", "origin", "page", "locale", "note", "details")
}
_OF_EVENT = (
    *("id", "action", "source", "actor", "evidence_level", "is_persons_word", "occurred_at", "recorded_at"),
    *("form_version_id", "inserted_form_id", "facts", "evidence_hash"),
)
HEADINGS = ("id", "contact_id", "subscription_type_id", *_OF_EVENT[1:], "evidence_erased_at", *_OF_EVIDENCE)
TEXT_HEADINGS = ("hash", "text")
_IDS = {"id", "subscription_type_id", "form_version_id", "inserted_form_id"}
_QUERY = (
    select(
        _EVENT.c.contact_id.label("contact_key"),
        *(_EVENT.c[name] for name in _OF_EVENT),
        _EVENT.c.subscription_type_id,
        _CONTACT.c.public_id.label("contact_id"),
        _EVIDENCE.c.erased_at.label("evidence_erased_at"),
        *(_EVIDENCE.c[column].label(name) for name, column in _OF_EVIDENCE.items()),
    )
    .join_from(_EVENT, _EVIDENCE, _EVIDENCE.c.event_id == _EVENT.c.id, isouter=True)
    .outerjoin(_CONTACT, _CONTACT.c.id == _EVENT.c.contact_id)
)


def after(session: Session, event_id: int, limit: int) -> tuple[list[dict[str, Any]], int | None]:
    """The next events of the whole ledger as JSON values; times are datetimes.

    Returns the id of the last one, too; null at the end.
    """
    rows = run(session, _QUERY.where(_EVENT.c.id > event_id).order_by(_EVENT.c.id).limit(limit)).all()
    return [_record(row) for row in rows], rows[-1].id if rows else None


def of_contacts(
    session: Session, ids: Sequence[int], last: tuple[int, int], limit: int
) -> tuple[list[dict[str, Any]], tuple[int, int] | None]:
    """The next events of these contacts, and of those that were merged into them, by contact.

    :param last: contact and event after which to go on; (0, 0) at the beginning
    """
    merged = run(session, select(_CONTACT.c.id).where(_CONTACT.c.merged_into_id.in_(ids))).scalars()
    whose = _EVENT.c.contact_id.in_([*ids, *merged])
    query = _QUERY.where(whose, _behind(last)).order_by(_EVENT.c.contact_id, _EVENT.c.id).limit(limit)
    rows = run(session, query).all()
    return [_record(row) for row in rows], (rows[-1].contact_key, rows[-1].id) if len(rows) == limit else None


def texts_after(session: Session, last: str, limit: int) -> tuple[list[dict[str, Any]], str | None]:
    """The next texts that were shown, by their hash; and the last hash, null at the end."""
    query = select(_WORDING.c.hash, _WORDING.c.body).where(_WORDING.c.hash > last).order_by(_WORDING.c.hash)
    rows = run(session, query.limit(limit)).all()
    return [dict(zip(TEXT_HEADINGS, row, strict=True)) for row in rows], rows[-1].hash if rows else None


def _behind(last: tuple[int, int]) -> ColumnElement[bool]:
    contact, event = _EVENT.c.contact_id, _EVENT.c.id
    return and_(contact >= last[0], or_(contact > last[0], event > last[1]))


def _record(row: Any) -> dict[str, Any]:
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's documented name
    return {name: _value(name, values[name]) for name in HEADINGS}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if name in _IDS and value is not None else value
