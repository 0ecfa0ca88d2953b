"""Contacts that can neither answer a form nor get a message: the rule in Python and in SQL, and the errors."""

from datetime import datetime
from typing import Literal, Protocol

from sqlalchemy import ColumnElement, and_, bindparam, false, literal_column, select
from sqlalchemy.orm import Session

from app.core.errors import InvalidState, Merged, NotFound
from app.db import CompiledStatement, ReadConnection
from app.models import Contact

_CONTACT = Contact.__table__
_PUBLIC_ID = CompiledStatement(select(_CONTACT.c.public_id).where(_CONTACT.c.id == bindparam("id")))


class Closable(Protocol):
    """The fields that decide whether anything is accepted from a person. Contacts have them, locked ones too."""

    @property
    def blocked_at(self) -> datetime | None: ...
    @property
    def gdpr_optin(self) -> bool | None: ...


class Person(Closable, Protocol):
    """The fields that decide whether a contact is out of reach. A ``Contact`` has them, and a form's ``Respondent``."""

    @property
    def archived_at(self) -> datetime | None: ...


def is_out_of_reach(person: Person) -> bool:
    """Whether this contact is archived or blocked, or its ``gdpr_optin`` is false."""
    return person.archived_at is not None or is_closed(person)


IS_OPEN: ColumnElement[bool] = and_(_CONTACT.c.blocked_at.is_(None), _CONTACT.c.gdpr_optin.is_not(false()))
"""The opposite of ``is_closed``."""
IS_WITHIN_REACH: ColumnElement[bool] = and_(_CONTACT.c.archived_at.is_(None), IS_OPEN)


REFUSED = select(_CONTACT.c.id).where(_CONTACT.c.gdpr_optin.is_(false())).limit(literal_column("1"))
"""Contacts that refused everything. The caller says with which number or address; one is enough."""


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


def is_closed(person: Closable) -> bool:
    """Whether nothing is accepted from this contact or sent to it: it is blocked, or its ``gdpr_optin`` is false."""
    return closed_for(person) is not None


def closed_for(person: Closable) -> Literal["blocked", "gdpr_optout"] | None:
    """Why nothing is accepted from this contact; null: it is not closed."""
    if person.blocked_at is not None:
        return "blocked"
    return "gdpr_optout" if person.gdpr_optin is False else None


def refuse_closed(person: Closable) -> None:
    """Refuse a contact from which nothing is accepted and to which nothing is sent.

    :raises InvalidState: ``blocked``; or ``gdpr_optout``: its ``gdpr_optin`` is false
    """
    reason = closed_for(person)
    if reason == "blocked":
        raise InvalidState("This contact is blocked.", code="blocked")
    if reason == "gdpr_optout":
        raise InvalidState("This person wants no messages, and no data to be collected.", code="gdpr_optout")


def refuse_out_of_reach(contact: Contact) -> None:
    """Refuse a contact that no form and no conversation can be started for.

    :raises InvalidState: as ``refuse_closed``; or the contact is archived
    """
    refuse_closed(contact)
    if contact.archived_at is not None:
        raise InvalidState("This contact is archived. Restore it first.")
