"""Renames or removes one identifier of a user. A consent never moves to another number."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.core.connectors.insider import matching
from app.core.connectors.insider.record import COLUMNS, Identifiers, Refusal
from app.core.contacts import profile
from app.core.contacts import records as contacts
from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.ledger.evidence import Evidence
from app.models import Contact


def change(session: Session, old: Identifiers, new: Identifiers, evidence: Evidence, *, at: datetime) -> Contact:
    """Give the user of ``old`` the identifier ``new`` instead. Again changes nothing. Returns the user.

    A new number is a ``number_change`` event: opt-ins with the old one do not count for it.

    :raises InvalidInput: the two are of different kinds
    :raises NotFound: no user has the old one
    :raises Conflict: another user has the new one, or several have the old one
    """
    (name, value), (other, now) = *old.given.items(), *new.given.items()
    if name != other:
        raise InvalidInput("old_identifier and new_identifier must be of one kind")
    holder = _find(session, new)
    user = _find(session, old)
    if user is None and holder is not None:
        return holder  # the change was made before
    if user is None:
        raise NotFound("no user has the old_identifier")
    if holder is not None and holder.id != user.id:
        raise Conflict("another user has the new_identifier")
    if value != now:
        _set(session, user, name, now, evidence, at=at)
    return user


def remove(session: Session, identifier: Identifiers, evidence: Evidence, *, at: datetime) -> Contact:
    """Remove an identifier of a user, who must keep another one: ``uuid`` or ``email``. Returns the user.

    :raises NotFound: no user has it
    :raises Conflict: it is the only one, or several have it
    """
    ((name, _value),) = identifier.given.items()
    user = _find(session, identifier)
    if user is None:
        raise NotFound("no user has this identifier")
    kept = [column for column in ("external_id", "email") if column != COLUMNS[name] and getattr(user, column)]
    if not kept:
        raise Conflict("the only identifier of a user cannot be removed")
    _set(session, user, name, None, evidence, at=at)
    return user


def _find(session: Session, identifier: Identifiers) -> Contact | None:
    try:
        return matching.find_user(session, identifier)
    except Refusal as problem:
        raise Conflict("several users have this identifier") from problem


def _set(session: Session, user: Contact, name: str, value: str | None, evidence: Evidence, *, at: datetime) -> None:
    if name == "phone_number":
        contacts.change_phone(session, user, value, evidence=evidence, at=at)
    profile.change(session, user, {COLUMNS[name]: value}, actor=evidence.actor, at=at)
