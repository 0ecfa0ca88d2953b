"""Texts in and out as records of an export. The words of codes are left out: only their person sees them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, case, or_, select
from sqlalchemy.orm import Session

from app.db import run
from app.models import Contact, Purpose, SmsMessage

_CONTACT = Contact.__table__
_MESSAGE = SmsMessage.__table__
_PLAIN = (
    *("direction", "purpose", "state", "reason", "error_code", "subscription_type_id", "campaign_id", "phone"),
    *("sender", "body", "segments", "keyword", "details", "gateway", "gateway_id", "created_by", "created_at"),
    *("sent_at", "ended_at"),
)
HEADINGS = ("id", "contact_id", *_PLAIN)
_IDS = {"id", "subscription_type_id", "campaign_id"}
_WORDS = case((_MESSAGE.c.purpose == Purpose.CODE.value, None), else_=_MESSAGE.c.body).label("body")
_QUERY = select(
    _MESSAGE.c.id,
    _MESSAGE.c.contact_id.label("contact_key"),
    _CONTACT.c.public_id.label("contact_id"),
    *(_WORDS if name == "body" else _MESSAGE.c[name] for name in _PLAIN),
).join_from(_MESSAGE, _CONTACT, _CONTACT.c.id == _MESSAGE.c.contact_id, isouter=True)


def after(session: Session, message_id: int, limit: int) -> tuple[list[dict[str, Any]], int | None]:
    """The next texts of everyone as JSON values; times are datetimes.

    Returns the id of the last one, too; null at the end.
    """
    rows = run(session, _QUERY.where(_MESSAGE.c.id > message_id).order_by(_MESSAGE.c.id).limit(limit)).all()
    return [_record(row) for row in rows], rows[-1].id if rows else None


def of_contacts(
    session: Session, ids: Sequence[int], last: tuple[int, int], limit: int
) -> tuple[list[dict[str, Any]], tuple[int, int] | None]:
    """The next texts of these contacts, and of those that were merged into them, by contact.

    :param last: contact and text after which to go on; (0, 0) at the beginning
    """
    merged = run(session, select(_CONTACT.c.id).where(_CONTACT.c.merged_into_id.in_(ids))).scalars()
    contact, message = _MESSAGE.c.contact_id, _MESSAGE.c.id
    behind = and_(contact >= last[0], or_(contact > last[0], message > last[1]))
    query = _QUERY.where(contact.in_([*ids, *merged]), behind).order_by(contact, message).limit(limit)
    rows = run(session, query).all()
    return [_record(row) for row in rows], (rows[-1].contact_key, rows[-1].id) if len(rows) == limit else None


def _record(row: Any) -> dict[str, Any]:
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's documented name
    return {name: _value(name, values[name]) for name in HEADINGS}


def _value(name: str, value: Any) -> Any:
    return str(value) if name in _IDS and value is not None else value
