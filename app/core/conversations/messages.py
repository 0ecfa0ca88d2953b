"""Conversations: started, written in, closed, handed over.

Whoever writes holds the conversation's row, so within one conversation numbers and revisions are given out, and become
visible, in order: a poll by revision loses nothing. Reading is in ``core/conversation_views.py``; agents' lists and
marks are in ``core/inbox.py``.
"""

import hashlib
import re
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, func, literal, literal_column, select, update
from sqlalchemy.orm import Session

from app.core.consent import reach
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.db import dialect_of, run
from app.models import Agent, Contact, Conversation, ConversationState, InsertedForm, Message, MessageKind

CONTACT, SYSTEM = "contact", "system"
BODY_MAX = 5000
_CLIENT_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ID_MAX = 2**63 - 1
_CONVERSATION = cast(Table, Conversation.__table__)
_MESSAGE = cast(Table, Message.__table__)
_OTHERS = _CONVERSATION.alias("others")  # under its own name, so that an UPDATE does not correlate it


def start(
    session: Session, contact_id: int, *, at: datetime, assignee_id: int | None = None, client_key: str | None = None
) -> Conversation:
    """A new, empty, open conversation. Nobody sees it before something is said in it: do so in the same transaction.

    :param client_key: of the page that begins it; the database takes one conversation of a contact for each
    """
    conversation = Conversation(
        contact_id=contact_id,
        client_key=client_key,
        state=ConversationState.OPEN,
        assignee_id=assignee_id,
        change_number=cast(Any, change_stamp(session, at)),
        created_at=at,
        updated_at=at,
    )
    session.add(conversation)
    session.flush()
    return conversation


def open_for(session: Session, contact_id: int, *, at: datetime, client_key: str | None = None) -> Conversation:
    """The contact's open conversation in which something happened last, made when there is none. The contact's row is
    held meanwhile.

    :param client_key: of the message that is about to be said: where it was said before, that conversation comes back
    :raises NotFound: there is no such contact
    """
    _hold_contact(session, contact_id)
    theirs = select(Conversation).where(Conversation.contact_id == contact_id)
    if client_key is not None:
        said_in = select(Message.conversation_id).where(
            Message.conversation_id == Conversation.id, Message.client_key == client_key
        )
        if found := session.scalars(theirs.where(said_in.exists()).limit(1)).first():
            return found
    latest = theirs.where(Conversation.state == ConversationState.OPEN.value).order_by(
        Conversation.updated_at.desc(), Conversation.id.desc()
    )
    return session.scalars(latest.limit(1)).first() or start(session, contact_id, at=at)


def begun_before(session: Session, contact_id: int, client_key: str) -> Conversation | None:
    """The contact's conversation that was begun with this key. The contact's row is held until the transaction ends.

    :raises InvalidInput: it is no key
    :raises NotFound: there is no such contact
    """
    refuse_odd_key(client_key)
    _hold_contact(session, contact_id)
    query = select(Conversation).where(Conversation.contact_id == contact_id, Conversation.client_key == client_key)
    return session.scalars(query).one_or_none()


def find(session: Session, conversation_id: int) -> Conversation:
    """:raises NotFound: there is no conversation with this id"""
    conversation = session.get(Conversation, conversation_id) if 0 < conversation_id <= _ID_MAX else None
    if conversation is None:
        raise NotFound("There is no such conversation.")
    return conversation


def contact_of(session: Session, conversation: Conversation) -> Contact:
    return session.get_one(Contact, conversation.contact_id)


def say(
    session: Session,
    conversation_id: int,
    *,
    author: str,
    body: str,
    kind: MessageKind = MessageKind.MESSAGE,
    client_key: str | None = None,
    at: datetime,
) -> Message:
    """Write a message or a note. When the contact writes into a closed conversation, it is open again.

    :param author: ``contact``, ``agent:3`` or ``system``
    :param client_key: random (1 to 64 letters, digits, ``_``, ``-``), made by whoever sends: said again, the message
        that stands comes back and nothing changes. Another text, kind or author under the same key is another message
    :raises InvalidInput: ``body`` is empty or longer than ``BODY_MAX``; ``client_key`` is no key
    :raises InvalidState: the contact is blocked, and this is no note
    :raises NotFound: there is no conversation with this id
    """
    if kind not in {MessageKind.MESSAGE, MessageKind.NOTE} or (kind == MessageKind.NOTE and author == CONTACT):
        raise InvalidInput("Only messages and notes are written.", field="kind")
    body = checked_body(body)
    conversation = hold(session, conversation_id)
    if client_key is not None:
        said = said_before(session, conversation_id, client_key)
        if said and (said.author, said.kind, said.body) != (author, kind, body):
            client_key = key_of(client_key, author, kind, body)
            said = said_before(session, conversation_id, client_key)
        if said:
            return said
    if kind == MessageKind.MESSAGE:
        reach.refuse_blocked(contact_of(session, conversation))
    if author == CONTACT and conversation.state == ConversationState.CLOSED:
        _open(session, conversation, SYSTEM, at=at)
    return _append(session, conversation, kind, author, body, at=at, client_key=client_key)


def said_before(session: Session, conversation_id: int, client_key: str) -> Message | None:
    """The line with this key in a held conversation: whoever asks for the same again gets it.

    :raises InvalidInput: it is no key
    """
    refuse_odd_key(client_key)
    query = select(Message).where(Message.conversation_id == conversation_id, Message.client_key == client_key)
    return session.scalars(query).one_or_none()


def key_of(client_key: str, *what: object) -> str:
    """The key under which this, sent from a page with that key, stands once, and something else from it beside it.

    A page whose answer was lost keeps its key, and so does one that was gone back to; what it sends may be changed.

    :raises InvalidInput: it is no key
    """
    refuse_odd_key(client_key)
    return hashlib.sha256(repr((client_key, *map(str, what))).encode()).hexdigest()[:40]


def post_form(
    session: Session,
    conversation_id: int,
    inserted: InsertedForm,
    *,
    author: str,
    at: datetime,
    client_key: str | None = None,
) -> Message:
    """Place an inserted form (``optin_forms.insert_for``) in a conversation; a closed one is open again.

    :param client_key: as for ``say``; the caller has asked ``said_before``
    :raises InvalidState: it was inserted for somebody else, or elsewhere already; the contact is blocked
    :raises NotFound: there is no conversation with this id
    """
    conversation = hold(session, conversation_id)
    if inserted.conversation_id is not None or inserted.contact_id != conversation.contact_id:
        raise InvalidState("This form was inserted for somebody else.")
    reach.refuse_blocked(contact_of(session, conversation))
    inserted.conversation_id = conversation_id
    if conversation.state == ConversationState.CLOSED:
        _open(session, conversation, author, at=at)
    return _append(
        session,
        conversation,
        MessageKind.FORM,
        author,
        "",
        at=at,
        client_key=client_key,
        inserted_form_id=inserted.id,
    )


def form_changed(
    session: Session, conversation_id: int, inserted_form_id: int, *, is_answered: bool, at: datetime
) -> None:
    """A form's card looks different now: polls of both sides take notice. Two statements.

    An answer is news from the contact: unread for agents, and the conversation moves to the top.
    """
    values: dict[str, Any] = {"revision": _CONVERSATION.c.revision + 1, "change_number": change_stamp(session, at)}
    if is_answered:
        values |= {"last_contact_revision": _CONVERSATION.c.revision + 1, "updated_at": at}
    changed = update(_CONVERSATION).where(_CONVERSATION.c.id == conversation_id).values(**values)
    revision = run(session, changed.returning(_CONVERSATION.c.revision)).scalar_one_or_none()
    card = update(_MESSAGE).where(_MESSAGE.c.inserted_form_id == inserted_form_id).values(revision=revision)
    if revision is not None:
        run(session, card)


def close(session: Session, conversation_id: int, *, actor: str, at: datetime) -> Conversation:
    """Nothing is left to do in it. Closing a closed one changes nothing."""
    conversation = hold(session, conversation_id)
    if conversation.state == ConversationState.OPEN:
        conversation.state, conversation.closed_at = ConversationState.CLOSED, at
        _append(session, conversation, MessageKind.EVENT, actor, "closed", at=at)
    return conversation


def close_all_of(session: Session, contact_id: int, *, actor: str, at: datetime) -> None:
    """Close every open conversation of a contact whose row is held."""
    theirs = select(Conversation.id).where(
        Conversation.contact_id == contact_id, Conversation.state == ConversationState.OPEN.value
    )
    for conversation_id in session.scalars(theirs.order_by(Conversation.id)).all():
        close(session, conversation_id, actor=actor, at=at)


def reopen(session: Session, conversation_id: int, *, actor: str, at: datetime) -> Conversation:
    """Opening an open one changes nothing."""
    conversation = hold(session, conversation_id)
    if conversation.state == ConversationState.CLOSED:
        _open(session, conversation, actor, at=at)
    return conversation


def assign(session: Session, conversation_id: int, agent_id: int | None, *, actor: str, at: datetime) -> Conversation:
    """Make it one agent's, or nobody's.

    :raises InvalidInput: nobody who works here has this id, or they were disabled
    """
    conversation = hold(session, conversation_id)
    if agent_id is not None:
        agent = session.get(Agent, agent_id)
        if agent is None or not agent.active:
            raise InvalidInput("Choose somebody who works here.", field="assignee")
    if conversation.assignee_id != agent_id:
        conversation.assignee_id = agent_id
        body = f"assigned:{agent_id}" if agent_id is not None else "unassigned"
        _append(session, conversation, MessageKind.EVENT, actor, body, at=at)
    return conversation


def hand_over(session: Session, lead_id: int, contact_id: int, *, at: datetime) -> list[int]:
    """Carry a lead's open conversations over to the user that it turned out to be; their ids come back.

    Forms in them that were not answered yet are for that user from now on. Callers hold both contacts' rows.
    """
    query = (
        select(Conversation.id)
        .where(Conversation.contact_id == lead_id, Conversation.state == ConversationState.OPEN.value)
        .order_by(Conversation.id)
    )
    ids = list(session.scalars(query))
    for conversation_id in ids:
        conversation = hold(session, conversation_id)
        forms = update(InsertedForm).where(
            InsertedForm.conversation_id == conversation_id, InsertedForm.answered_at.is_(None)
        )
        session.execute(forms.values(contact_id=contact_id), execution_options={"synchronize_session": False})
        conversation.contact_id = contact_id
        touch(session, conversation, at=at)
    session.flush()
    return ids


def contact_has_seen(session: Session, conversation_id: int, number: int, *, at: datetime) -> None:
    """Its contact has everything up to this line on the screen. Never moves back, or beyond what was said."""
    seen = (
        update(_CONVERSATION)
        .where(_CONVERSATION.c.id == conversation_id)
        .where(_CONVERSATION.c.contact_seen_number < number, _CONVERSATION.c.last_number >= number)
        .values(
            contact_seen_number=number, revision=_CONVERSATION.c.revision + 1, change_number=change_stamp(session, at)
        )
    )
    run(session, seen)


def hold(session: Session, conversation_id: int) -> Conversation:
    """The conversation, fresh, with its row held until the transaction ends. :raises NotFound: there is none"""
    if not 0 < conversation_id <= _ID_MAX:
        raise NotFound("There is no such conversation.")
    query = select(Conversation).where(Conversation.id == conversation_id).with_for_update()
    conversation = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if conversation is None:
        raise NotFound("There is no such conversation.")
    return conversation


def touch(session: Session, conversation: Conversation, *, at: datetime) -> int:
    """Let polls take notice of a change of a held conversation; its new revision comes back."""
    conversation.revision += 1
    conversation.change_number = cast(Any, change_stamp(session, at))
    return conversation.revision


def change_stamp(session: Session, at: datetime) -> ColumnElement[int]:
    """What ``conversations.change_number`` is set to."""
    return change_stamp_of(dialect_of(session), literal(microseconds(at)))


def change_stamp_of(dialect: str, now_us: ColumnElement[int]) -> ColumnElement[int]:
    """The same for a statement that is prepared. PostgreSQL: the transaction's number. SQLite, where writers come one
    after the other: a number that grows, of microseconds, so that it does not go back when the newest row is deleted.
    """
    if dialect == "postgresql":
        return literal_column("pg_current_xact_id()::text::bigint")
    newest = select(func.max(_OTHERS.c.change_number)).scalar_subquery()
    return func.max(now_us, func.coalesce(newest, 0) + 1)


def microseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


def refuse_odd_key(client_key: str) -> None:
    """:raises InvalidInput: it is no key"""
    if not _CLIENT_KEY.fullmatch(client_key):
        raise InvalidInput("A key is 1 to 64 letters, digits, hyphens and underscores.", field="client_key")


def checked_body(typed: str) -> str:
    """What was typed, as it is kept. :raises InvalidInput: it is empty or longer than ``BODY_MAX``"""
    whole = typed.encode("utf-8", "replace").decode()  # half of a surrogate pair can be typed, but not stored
    body = whole.replace("\0", "").replace("\r\n", "\n").strip()
    if not body:
        raise InvalidInput("Write something first.", field="body")
    if len(body) > BODY_MAX:
        raise InvalidInput(f"Write at most {BODY_MAX:,} characters.", field="body")
    return body


def _open(session: Session, conversation: Conversation, actor: str, *, at: datetime) -> None:
    conversation.state, conversation.closed_at = ConversationState.OPEN, None
    _append(session, conversation, MessageKind.EVENT, actor, "reopened", at=at)


def _append(
    session: Session,
    conversation: Conversation,
    kind: MessageKind,
    author: str,
    body: str,
    *,
    at: datetime,
    client_key: str | None = None,
    inserted_form_id: int | None = None,
) -> Message:
    """Write the next line of a held conversation."""
    conversation.last_number += 1
    revision = touch(session, conversation, at=at)
    conversation.updated_at = at
    if kind != MessageKind.EVENT:
        conversation.last_message_number = conversation.last_number
    if author == CONTACT:
        conversation.last_contact_revision = revision
    message = Message(
        conversation_id=conversation.id,
        number=conversation.last_number,
        revision=revision,
        kind=kind,
        author=author,
        body=body,
        client_key=client_key,
        inserted_form_id=inserted_form_id,
        created_at=at,
    )
    session.add(message)
    session.flush()
    return message


def _hold_contact(session: Session, contact_id: int) -> None:
    held = session.execute(select(Contact.id).where(Contact.id == contact_id).with_for_update()).first()
    if held is None:
        raise NotFound("There is no such contact.")
