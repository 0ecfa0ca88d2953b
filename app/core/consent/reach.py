"""Contacts that can neither answer a form nor get a message: the rule in Python and in SQL, and the errors."""

from datetime import datetime
from typing import Protocol, cast

from sqlalchemy import ColumnElement, Table, and_, bindparam, false, select
from sqlalchemy.orm import Session

from app.core.errors import InvalidState, Merged, NotFound
from app.db import CompiledStatement, ReadConnection
from app.models import Contact

_CONTACT = cast(Table, Contact.__table__)
_PUBLIC_ID = CompiledStatement(select(_CONTACT.c.public_id).where(_CONTACT.c.id == bindparam("id")))


class Person(Protocol):
    """The fields that decide whether a contact is out of reach. A ``Contact`` has them, and a form's ``Respondent``."""

    @property
    def archived_at(self) -> datetime | None: ...
    @property
    def blocked_at(self) -> datetime | None: ...
    @property
    def gdpr_optin(self) -> bool | None: ...


def is_out_of_reach(person: Person) -> bool:
    """Whether this contact is archived or blocked, or its ``gdpr_optin`` is false."""
    return person.archived_at is not None or person.blocked_at is not None or person.gdpr_optin is False


IS_WITHIN_REACH: ColumnElement[bool] = and_(
    _CONTACT.c.archived_at.is_(None), _CONTACT.c.blocked_at.is_(None), _CONTACT.c.gdpr_optin.is_not(false())
)


def refuse_gone(session: Session | ReadConnection, *, merged_into_id: int | None, erased_at: datetime | None) -> None:
    """Refuse a contact of which only the row remains.

    :raises Merged: it was merged into another contact
    :raises NotFound: it was erased
    """
    if erased_at is not None:
        raise NotFound("User Not Found")
    if merged_into_id is not None:
        (into,) = _PUBLIC_ID.one(session, id=merged_into_id)
        raise Merged("This contact was merged into another one.", into=into)


def refuse_blocked(contact: Contact) -> None:
    """:raises InvalidState: the contact is blocked (code ``blocked``): nothing is accepted from it or sent to it"""
    if contact.blocked_at is not None:
        raise InvalidState("This contact is blocked.", code="blocked")
