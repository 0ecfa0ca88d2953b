"""Notes that agents write about contacts. Erasing the person deletes them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from app.core import audit
from app.core.consent import locking
from app.core.contacts import records as contacts
from app.core.errors import InvalidInput, NotFound
from app.models import Agent, Contact, ContactNote

BODY_MAX = 5000
_OPTIONS: dict[str, Any] = {"synchronize_session": False}


@dataclass(frozen=True)
class SignedNote:
    """A note with its contact and with the agent who wrote it; null where no agent did."""

    note: ContactNote
    contact: Contact
    author: Agent | None


def add(session: Session, public_id: str, body: str, agent: Agent | None, *, actor: str, at: datetime) -> SignedNote:
    """Write a note about a contact. Writes ``contact.updated``.

    :param agent: its author; null for the API before there is any admin
    :raises NotFound: there is no such contact
    :raises Merged: it was merged into another one
    :raises InvalidInput: the note is empty or too long
    """
    contact = locking.lock_contact_by_public_id(session, public_id)
    if not (body := body.strip()) or len(body) > BODY_MAX:
        raise InvalidInput("Write a note of at most %(most)s characters.", field="body", most=BODY_MAX)
    note = ContactNote(contact_id=contact.id, agent_id=agent.id if agent else None, body=body, created_at=at)
    session.add(note)
    audit.record(session, actor, "contact.note_added", f"contact:{contact.id}", {}, at=at)
    contacts.mark_updated(session, contact, at=at)
    return SignedNote(note, contact, agent)


def find(session: Session, note_id: int) -> SignedNote:
    """:raises NotFound: there is no such note"""
    found = _signed(session, ContactNote.id == note_id, limit=1)
    if not found:
        raise NotFound("Resource Not Found")
    return found[0]


def of_contact(
    session: Session, contact_id: int, *, before: int | None = None, skip: int = 0, limit: int
) -> list[SignedNote]:
    """The notes about a contact, the newest first.

    :param before: the id of the last note of the page before
    :param skip: how many notes to leave out first
    """
    is_older = (ContactNote.id < before,) if before is not None else ()
    return _signed(session, ContactNote.contact_id == contact_id, *is_older, skip=skip, limit=limit)


def count_of_contact(session: Session, contact_id: int) -> int:
    """How many notes there are about a contact."""
    return session.scalar(select(func.count()).where(ContactNote.contact_id == contact_id)) or 0


def move(session: Session, from_contact_id: int, to_contact_id: int) -> None:
    """Give the notes about one contact to another, in a merge."""
    moved = update(ContactNote).where(ContactNote.contact_id == from_contact_id).values(contact_id=to_contact_id)
    session.execute(moved, execution_options=_OPTIONS)


def delete_for_contacts(session: Session, contact_ids: Collection[int]) -> None:
    """Delete every note about these contacts, for their erasure."""
    session.execute(delete(ContactNote).where(ContactNote.contact_id.in_(contact_ids)), execution_options=_OPTIONS)


def _signed(session: Session, *which: ColumnElement[bool], skip: int = 0, limit: int) -> list[SignedNote]:
    query = (
        select(ContactNote, Contact, Agent)
        .join(Contact, Contact.id == ContactNote.contact_id)
        .outerjoin(Agent, Agent.id == ContactNote.agent_id)
        .where(*which)
        .order_by(ContactNote.id.desc())
        .offset(skip)
        .limit(limit)
    )
    return [SignedNote(*row) for row in session.execute(query)]
