"""Conversations as other systems see them: everything said in one, or a page of all. Reading writes nothing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from app.core.accounts import api_tokens as tokens
from app.core.errors import NotFound
from app.core.forms import cards as form_cards
from app.core.forms.cards import FormCard
from app.models import (
    Agent,
    ConsentEvent,
    Contact,
    Conversation,
    ConversationRead,
    InsertedForm,
    Message,
    OptInFormVersion,
)

PARTS_MAX = 500


@dataclass(frozen=True)
class Author:
    """Who wrote something: ``kind`` is ``user``, ``lead``, ``admin``, or ``bot`` for a token and for Assent itself."""

    kind: str
    id: str
    name: str | None
    email: str | None


@dataclass(frozen=True)
class Part:
    """One line of a conversation, with the form that it carries, if any."""

    message: Message
    author: Author
    form: FormCard | None


@dataclass(frozen=True)
class Record:
    """A conversation with its contact and what was said first; in one that was asked for, the rest too."""

    conversation: Conversation
    contact: Contact
    is_read: bool
    first: Part | None
    parts: tuple[Part, ...] = ()
    parts_total: int = 0


@dataclass(frozen=True)
class Inserted:
    """An inserted form as it stands. ``event_id`` is the newest consent event that its answer wrote."""

    form: InsertedForm
    version: int
    card: FormCard
    contact_id: str | None
    event_id: int | None


def page(session: Session, *, after: int | None, limit: int) -> list[Record]:
    """Conversations in which something was said, those begun last first. Changes meanwhile move none of them."""
    query = (
        select(Conversation).where(Conversation.last_message_number > 0).order_by(Conversation.id.desc()).limit(limit)
    )
    found = list(session.scalars(query.where(Conversation.id < after) if after is not None else query))
    ids = [each.id for each in found]
    first = {
        each.conversation_id: each
        for each in session.scalars(select(Message).where(Message.conversation_id.in_(ids), Message.number == 1))
    }
    contacts = _contacts(session, {each.contact_id for each in found})
    authors = _Authors(session, first.values(), contacts)
    read = _read(session, found)
    return [
        Record(
            each,
            contacts[each.contact_id],
            each.id in read,
            Part(first[each.id], authors.of(first[each.id], each.contact_id), None) if each.id in first else None,
        )
        for each in found
    ]


def count(session: Session, *, most: int) -> int:
    """How many conversations there are, counted up to ``most``."""
    some = select(literal(1)).where(Conversation.last_message_number > 0).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def find(session: Session, conversation_id: int, *, at: datetime) -> Record:
    """One conversation with everything in it, the newest ``PARTS_MAX`` lines of a longer one.

    :raises NotFound: there is no such conversation
    """
    conversation = session.get(Conversation, conversation_id)
    if conversation is None:
        raise NotFound("Resource Not Found")
    whole = select(Message).where(Message.conversation_id == conversation_id)
    newest = session.scalars(whole.where(Message.number > 1).order_by(Message.number.desc()).limit(PARTS_MAX))
    first = session.scalars(whole.where(Message.number == 1)).one_or_none()
    said = [*([first] if first else []), *reversed(newest.all())]
    contacts = _contacts(session, {conversation.contact_id})
    authors = _Authors(session, said, contacts)
    cards = cards_of(session, [each.inserted_form_id for each in said if each.inserted_form_id], at=at)
    parts = [
        Part(each, authors.of(each, conversation.contact_id), cards.get(each.inserted_form_id or 0)) for each in said
    ]
    return Record(
        conversation,
        contacts[conversation.contact_id],
        conversation.id in _read(session, [conversation]),
        parts[0] if first else None,
        tuple(parts[1:] if first else parts),
        max(0, conversation.last_number - 1),
    )


def newest_of(session: Session, contact_id: int | None) -> int:
    """The id of the conversation that a contact began last; of all, the one in which something happened last.

    :raises NotFound: there is none
    """
    query = select(Conversation.id).where(Conversation.last_message_number > 0).limit(1)
    if contact_id is not None:
        query = query.where(Conversation.contact_id == contact_id).order_by(Conversation.id.desc())
    else:
        query = query.order_by(Conversation.updated_at.desc(), Conversation.id.desc())
    found = session.scalar(query)
    if found is None:
        raise NotFound("Resource Not Found")
    return found


def cards_of(session: Session, inserted_form_ids: Sequence[int], *, at: datetime) -> dict[int, FormCard]:
    """Each of these inserted forms as a card, by its id."""
    if not inserted_form_ids:
        return {}
    wanted = select(InsertedForm.id.label("wanted")).where(InsertedForm.id.in_(inserted_form_ids)).subquery()
    rows = session.execute(select(*form_cards.COLUMNS).select_from(form_cards.joined_to(wanted, wanted.c.wanted)))
    cards = [form_cards.of_row(row, at=at) for row in rows]
    return {card.inserted_form_id: card for card in cards if card is not None}


def inserted(session: Session, inserted_form_id: int, *, at: datetime) -> Inserted:
    """One inserted form. :raises NotFound: there is none with this id"""
    row = session.execute(
        select(InsertedForm, OptInFormVersion.number, Contact.public_id)
        .join(OptInFormVersion, OptInFormVersion.id == InsertedForm.version_id)
        .outerjoin(Contact, Contact.id == InsertedForm.contact_id)
        .where(InsertedForm.id == inserted_form_id)
    ).one_or_none()
    if row is None:
        raise NotFound("Resource Not Found")
    newest = select(func.max(ConsentEvent.id)).where(ConsentEvent.inserted_form_id == inserted_form_id)
    card = cards_of(session, [inserted_form_id], at=at)[inserted_form_id]
    return Inserted(row[0], row[1], card, row[2], session.scalar(newest))


def _contacts(session: Session, ids: Collection[int]) -> dict[int, Contact]:
    return {contact.id: contact for contact in session.scalars(select(Contact).where(Contact.id.in_(ids)))}


def _read(session: Session, conversations: Sequence[Conversation]) -> set[int]:
    """Which of them somebody who works here has read up to what the contact did last."""
    query = (
        select(ConversationRead.conversation_id)
        .join(Conversation, Conversation.id == ConversationRead.conversation_id)
        .where(Conversation.id.in_([each.id for each in conversations]))
        .where(ConversationRead.revision >= Conversation.last_contact_revision)
    )
    return set(session.scalars(query)) | {each.id for each in conversations if each.last_contact_revision == 0}


class _Authors:
    """Who wrote what, looked up once for many lines."""

    def __init__(self, session: Session, messages: Collection[Message], contacts: dict[int, Contact]) -> None:
        codes = {message.author.partition(":")[::2] for message in messages}
        agents = {int(number) for kind, number in codes if kind == "agent" and number.isdigit()}
        self._contacts = contacts
        self._agents = {each.id: each for each in session.scalars(select(Agent).where(Agent.id.in_(agents)))}
        self._tokens = tokens.names(session) if any(kind == "api" for kind, _ in codes) else {}

    def of(self, message: Message, contact_id: int) -> Author:
        kind, _, number = message.author.partition(":")
        if kind == "contact":
            contact = self._contacts[contact_id]
            return Author(contact.role, contact.public_id, contact.name, contact.email)
        if kind == "agent" and number.isdigit() and int(number) in self._agents:
            agent = self._agents[int(number)]
            return Author("admin", number, agent.name, agent.email)
        return Author("bot", number or "0", self._tokens.get(message.author), None)
