"""The audit log: who signed in, and who changed which part of the configuration, when and from which address.

Entries are only ever added: triggers refuse every change and deletion.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from app.models import AuditEntry

# The actor of a request without a sign-in.
UNKNOWN = "unknown"
_ADDRESS = "assent_acting_from"
# Their acts are caused by a request, but are not those of the person who sent it. What contacts do is in the ledger.
_WITHOUT_ADDRESS = {"contact", "system"}
_TEXT_MAX = 300


@dataclass(frozen=True)
class Filter:
    """Which entries to find. Null or empty: all.

    :param actions: beginnings of actions: ``agent.`` or ``agent.signed_in``
    :param since, until: a time in UTC; ``until`` itself is not included
    """

    actor: str | None = None
    actions: Collection[str] = ()
    subject: str | None = None
    address: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def acts_from(session: Session, address: str | None) -> None:
    """Note the client's IP address for the entries of this transaction. Null: unknown.

    The web layer calls this when it opens a transaction. So each rule that records an entry need not take an address
    only to pass it on, and core sees no request.
    """
    session.info[_ADDRESS] = address


def record(session: Session, actor: str, action: str, subject: str, details: dict[str, Any], *, at: datetime) -> None:
    """Write one entry, with the address that ``acts_from`` noted.

    ``details`` may have ids, names of fields and values of settings; never numbers or addresses of contacts, nor
    secrets. An entry is never deleted.
    """
    address = None if actor in _WITHOUT_ADDRESS else session.info.get(_ADDRESS)
    session.add(
        AuditEntry(occurred_at=at, actor=actor, action=action, subject=subject, address=address, details=details)
    )


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The details of an entry about a change: ``{"changed": {field: [before, after]}}``, of the fields that differ.

    Values are those of JSON. Texts of more than 300 characters are shortened. Empty when nothing differs.
    """
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    changed = {name: [_shortened(before.get(name)), _shortened(after.get(name))] for name in names}
    return {"changed": changed} if changed else {}


def newest(session: Session, *, subject: str | None = None, limit: int = 50) -> list[AuditEntry]:
    """The newest entries first, of one subject (such as ``form:3``) or of all."""
    return find(session, Filter(subject=subject), limit=limit)


def find(session: Session, only: Filter, *, limit: int, before_id: int | None = None) -> list[AuditEntry]:
    """The newest entries that match, newest first.

    :param before_id: the id of the last entry of the page before
    """
    query = _matching(only)
    if before_id is not None:
        query = query.where(AuditEntry.id < before_id)
    return list(session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)))


def _matching(only: Filter) -> Select[AuditEntry]:
    query = select(AuditEntry)
    for column, value in (
        (AuditEntry.actor, only.actor),
        (AuditEntry.subject, only.subject),
        (AuditEntry.address, only.address),
    ):
        if value is not None:
            query = query.where(column == value)
    if only.actions:
        begins = [AuditEntry.action.startswith(each, autoescape=True) for each in only.actions]
        query = query.where(or_(*begins))
    if only.since is not None:
        query = query.where(AuditEntry.occurred_at >= only.since)
    return query.where(AuditEntry.occurred_at < only.until) if only.until is not None else query


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _TEXT_MAX:
        return f"{value[:_TEXT_MAX]}…"
    if isinstance(value, Mapping):
        return {name: _shortened(each) for name, each in value.items()}
    return [_shortened(each) for each in value] if isinstance(value, list | tuple) else value
