"""Conversations as the API shows them: one with its messages, or a page of all of them. Nothing here writes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from app.core import public_urls
from app.core.conversations.api_authors import Author, Authors
from app.core.errors import NotFound
from app.core.forms import cards as form_cards
from app.core.forms.cards import FormCard
from app.models import (
    ConsentEvent,
    Contact,
    Conversation,
    ConversationRead,
    ConversationState,
    InsertedForm,
    Message,
    MessageKind,
    OptInFormVersion,
    SmsMessage,
)

PARTS_MAX = 500
_EVENT_TYPES = {"closed": "close", "reopened": "open", "unassigned": "assignment"}
_ASSIGNED = "assigned:"


@dataclass(frozen=True)
class Presentation:
    """How the API shows conversations.

    :param public_url: the address of this server, for the addresses of forms
    :param is_plain: message bodies as they were written, instead of as HTML
    """

    public_url: str
    is_plain: bool = False


@dataclass(frozen=True)
class Assignee:
    """The agent that a conversation is assigned to."""

    id: str


@dataclass(frozen=True)
class PlacedForm:
    """An inserted form of a conversation, with its address."""

    card: FormCard
    embed_url: str


@dataclass(frozen=True)
class Part:
    """One message of a conversation, with its form, if any. ``state`` is the conversation's."""

    message: Message
    author: Author
    state: str
    is_plain: bool
    form: PlacedForm | None = None

    @property
    def is_event(self) -> bool:
        return self.message.kind == MessageKind.EVENT

    @property
    def part_type(self) -> str:
        """Intercom's name for the kind of the message."""
        if self.is_event:
            return _EVENT_TYPES.get(self.message.body, "assignment")
        return "note" if self.message.kind == MessageKind.NOTE else "comment"

    @property
    def text(self) -> str | None:
        return None if self.is_event else self.message.body

    @property
    def assigned_to(self) -> Assignee | None:
        """The agent that this event assigned the conversation to."""
        is_assignment = self.is_event and self.message.body.startswith(_ASSIGNED)
        return Assignee(self.message.body.removeprefix(_ASSIGNED)) if is_assignment else None

    @property
    def delivered_as(self) -> str:
        return "customer_initiated" if self.author.kind in {"user", "lead"} else "admin_initiated"


@dataclass(frozen=True)
class Thread:
    """The messages of a conversation after the first one. ``total_count`` counts those beyond ``PARTS_MAX`` too."""

    parts: tuple[Part, ...]
    total_count: int


@dataclass(frozen=True)
class Record:
    """A conversation with its contact and first message. ``thread`` is null in lists."""

    conversation: Conversation
    contact: Contact
    is_read: bool
    first: Part | None
    thread: Thread | None = None

    @property
    def is_open(self) -> bool:
        return self.conversation.state == ConversationState.OPEN

    @property
    def state(self) -> str:
        return state_of(self.conversation)

    @property
    def contacts(self) -> list[Contact]:
        return [self.contact]

    @property
    def teammates(self) -> list[Assignee]:
        assignee_id = self.conversation.assignee_id
        return [Assignee(str(assignee_id))] if assignee_id is not None else []


@dataclass(frozen=True)
class Posted:
    """A message that was just posted, or a text that was queued. ``type``: ``user_message`` or ``admin_message``."""

    type: str
    message: Message | SmsMessage
    message_type: str = "inapp"


@dataclass(frozen=True)
class Inserted:
    """An inserted form in its current state. ``event_id``: the newest consent event that its answer wrote."""

    form: InsertedForm
    version: int
    card: FormCard
    contact_id: str | None
    event_id: int | None
    embed_url: str


def page(session: Session, presentation: Presentation, *, after: int | None, limit: int) -> list[Record]:
    """Conversations with at least one message, the newest first, without their threads.

    New messages do not change their order, so a page by key misses none.
    """
    query = (
        select(Conversation).where(Conversation.last_message_number > 0).order_by(Conversation.id.desc()).limit(limit)
    )
    found = list(session.scalars(query.where(Conversation.id < after) if after is not None else query))
    return records(session, presentation, found)


def state_of(conversation: Conversation) -> str:
    """``open`` or ``closed``: an outbound chat that no one answered is not open."""
    is_open = conversation.state == ConversationState.OPEN
    return (ConversationState.OPEN if is_open else ConversationState.CLOSED).value


def records(session: Session, presentation: Presentation, found: Sequence[Conversation]) -> list[Record]:
    """These conversations in their order, without their threads. Five statements at most."""
    ids = [each.id for each in found]
    first = {
        each.conversation_id: each
        for each in session.scalars(select(Message).where(Message.conversation_id.in_(ids), Message.number == 1))
    }
    contacts = _contacts(session, {each.contact_id for each in found})
    authors = Authors(session, first.values(), contacts)
    read = _read(session, found)
    return [
        Record(
            each,
            contacts[each.contact_id],
            each.id in read,
            Part(first[each.id], authors.of(first[each.id], each.contact_id), state_of(each), presentation.is_plain)
            if each.id in first
            else None,
        )
        for each in found
    ]


def count(session: Session, *, most: int) -> int:
    """How many conversations there are, counted up to ``most``."""
    some = select(literal(1)).where(Conversation.last_message_number > 0).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def find(session: Session, presentation: Presentation, conversation_id: int, *, at: datetime) -> Record:
    """One conversation with its messages, the newest ``PARTS_MAX`` of a longer one.

    :raises NotFound: there is no such conversation
    """
    conversation = session.get(Conversation, conversation_id)
    if conversation is None:
        raise NotFound("Resource Not Found")
    whole = select(Message).where(Message.conversation_id == conversation_id)
    newest = session.scalars(whole.where(Message.number > 1).order_by(Message.number.desc()).limit(PARTS_MAX))
    first = session.scalars(whole.where(Message.number == 1)).one_or_none()
    messages = [*([first] if first else []), *reversed(newest.all())]
    contacts = _contacts(session, {conversation.contact_id})
    authors = Authors(session, messages, contacts)
    cards = form_cards.of_forms(session, [each.inserted_form_id for each in messages if each.inserted_form_id], at=at)
    forms = {
        card_id: PlacedForm(card, public_urls.inserted_form(card.token, base=presentation.public_url))
        for card_id, card in cards.items()
    }
    parts = [
        Part(
            each,
            authors.of(each, conversation.contact_id),
            state_of(conversation),
            presentation.is_plain,
            forms.get(each.inserted_form_id or 0),
        )
        for each in messages
    ]
    return Record(
        conversation,
        contacts[conversation.contact_id],
        conversation.id in _read(session, [conversation]),
        parts[0] if first else None,
        Thread(tuple(parts[1:] if first else parts), max(0, conversation.last_number - 1)),
    )


def newest_of(session: Session, contact_id: int | None) -> int:
    """The id of the conversation that the contact began last; without a contact, of the one that changed last.

    :raises NotFound: there is none
    """
    query = select(Conversation.id).where(Conversation.last_message_number > 0).limit(1)
    if contact_id is not None:
        of_contact = query.where(Conversation.contact_id == contact_id)
        query = of_contact.order_by(Conversation.created_at.desc(), Conversation.id.desc())
    else:
        query = query.order_by(Conversation.updated_at.desc(), Conversation.id.desc())
    found = session.scalar(query)
    if found is None:
        raise NotFound("Resource Not Found")
    return found


def inserted(session: Session, inserted_form_id: int, *, public_url: str, at: datetime) -> Inserted:
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
    card = form_cards.of_forms(session, [inserted_form_id], at=at)[inserted_form_id]
    embed_url = public_urls.inserted_form(row[0].token, base=public_url)
    return Inserted(row[0], row[1], card, row[2], session.scalar(newest), embed_url)


def _contacts(session: Session, ids: Collection[int]) -> dict[int, Contact]:
    return {contact.id: contact for contact in session.scalars(select(Contact).where(Contact.id.in_(ids)))}


def _read(session: Session, conversations: Sequence[Conversation]) -> set[int]:
    """The ids of those that an agent has read up to the contact's newest message."""
    query = (
        select(ConversationRead.conversation_id)
        .join(Conversation, Conversation.id == ConversationRead.conversation_id)
        .where(Conversation.id.in_([each.id for each in conversations]))
        .where(ConversationRead.revision >= Conversation.last_contact_revision)
    )
    return set(session.scalars(query)) | {each.id for each in conversations if each.last_contact_revision == 0}
