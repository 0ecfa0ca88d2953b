"""Starting, finding, closing, reopening and assigning conversations."""

from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from app.core import idempotency
from app.core.consent import locking
from app.core.conversations.appending import (
    ID_MAX,
    LockedConversation,
    NewMessage,
    append,
    change_stamp,
    check_client_key,
    lock,
    touch,
)
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.models import (
    Agent,
    Contact,
    ContactRole,
    Conversation,
    ConversationChannel,
    ConversationState,
    InsertedForm,
    Message,
    MessageKind,
    MessengerToken,
)

_CONTACT = Contact.__table__
_TOKEN = MessengerToken.__table__
HAS_MESSENGER: ColumnElement[bool] = or_(
    _CONTACT.c.role != ContactRole.LEAD.value,
    select(_TOKEN.c.contact_id)
    .where(_TOKEN.c.contact_id == _CONTACT.c.id, _TOKEN.c.ended_at.is_(None))
    .correlate(_CONTACT)
    .exists(),
)
"""``has_messenger`` as a condition of the table ``contacts``."""


def start(
    session: Session,
    contact_id: int,
    *,
    at: datetime,
    assignee_id: int | None = None,
    client_key: str | None = None,
    channel: ConversationChannel = ConversationChannel.MESSENGER,
) -> LockedConversation:
    """Create an empty, open conversation. Lists show it once it has a message: add one in the same transaction.

    :param client_key: of the page that starts it; the database accepts one conversation per contact and key
    """
    idempotency.add_subject(session, contact_id)
    conversation = Conversation(
        contact_id=contact_id,
        channel=channel,
        client_key=client_key,
        state=ConversationState.OPEN,
        assignee_id=assignee_id,
        change_number=cast(Any, change_stamp(session, at)),
        created_at=at,
        updated_at=at,
    )
    session.add(conversation)
    session.flush()
    return LockedConversation(conversation)  # other transactions do not see it yet


def find_or_start(
    session: Session,
    contact_id: int,
    *,
    at: datetime,
    client_key: str | None = None,
    channel: ConversationChannel = ConversationChannel.MESSENGER,
) -> Conversation:
    """The contact's newest conversation of a channel that is not closed, or a new one. Locks the contact's row.

    :param client_key: of the message that follows; a conversation that has a message with this key comes first
    :raises NotFound: there is no such contact
    """
    locking.lock_contact(session, contact_id)
    of_contact = select(Conversation).where(
        Conversation.contact_id == contact_id, Conversation.channel == channel.value
    )
    if client_key is not None:
        sent = select(Message.conversation_id).where(
            Message.conversation_id == Conversation.id, Message.client_key == client_key
        )
        if found := session.scalars(of_contact.where(sent.exists()).limit(1)).first():
            return found
    newest = of_contact.where(Conversation.state != ConversationState.CLOSED.value).order_by(
        Conversation.updated_at.desc(), Conversation.id.desc()
    )
    return session.scalars(newest.limit(1)).first() or start(session, contact_id, at=at, channel=channel)


def find_started(session: Session, contact_id: int, client_key: str) -> Conversation | None:
    """The contact's conversation that was started with this key. Locks the contact's row.

    :raises InvalidInput: the key is malformed
    :raises NotFound: there is no such contact
    """
    check_client_key(client_key)
    locking.lock_contact(session, contact_id)
    query = select(Conversation).where(Conversation.contact_id == contact_id, Conversation.client_key == client_key)
    return session.scalars(query).one_or_none()


def list_once_answered(session: Session, conversation_id: int) -> None:
    """Keep a conversation that an agent started out of the inbox until its contact writes, or an agent once more."""
    find(session, conversation_id).state = ConversationState.OUTBOUND
    session.flush()


def has_messenger(session: Session, contact: Contact) -> bool:
    """Whether the contact can read messages: a user signs in to the messenger, a lead needs a token of it."""
    if contact.role != ContactRole.LEAD:
        return True
    token = select(MessengerToken.contact_id).where(
        MessengerToken.contact_id == contact.id, MessengerToken.ended_at.is_(None)
    )
    return session.execute(token.limit(1)).first() is not None


def refuse_without_messenger(session: Session, contact: Contact) -> None:
    """:raises InvalidState: ``no_messenger``: the contact would never see a conversation"""
    if not has_messenger(session, contact):
        raise InvalidState(
            "This lead has no messenger and would never see it. Insert a form and send the personal link.",
            code="no_messenger",
        )


def find(session: Session, conversation_id: int) -> Conversation:
    """:raises NotFound: there is no conversation with this id"""
    conversation = session.get(Conversation, conversation_id) if 0 < conversation_id <= ID_MAX else None
    if conversation is None:
        raise NotFound("There is no such conversation.")
    return conversation


def contact_of(session: Session, conversation: Conversation) -> Contact:
    return session.get_one(Contact, conversation.contact_id)


def close(session: Session, conversation_id: int, *, actor: str, at: datetime) -> Conversation:
    """Close a conversation. Closing a closed one changes nothing."""
    conversation = lock(session, conversation_id)
    if conversation.state != ConversationState.CLOSED:
        conversation.state, conversation.closed_at = ConversationState.CLOSED, at
        append(session, conversation, _event(actor, "closed"), at=at)
    return conversation


def close_all_of(session: Session, contact_id: int, *, actor: str, at: datetime) -> None:
    """Close every open conversation of a contact. The caller has locked the contact's row."""
    for conversation_id in _open_ids(session, contact_id):
        close(session, conversation_id, actor=actor, at=at)


def reopen(session: Session, conversation_id: int, *, actor: str, at: datetime) -> Conversation:
    """Reopen a conversation, or open one of an outbound chat. Reopening an open one changes nothing."""
    conversation = lock(session, conversation_id)
    if conversation.state == ConversationState.OUTBOUND:
        append(session, conversation, _event(actor, "reopened"), at=at)  # what a person does opens it
    reopen_locked(session, conversation, actor=actor, at=at)
    return conversation


def reopen_locked(
    session: Session, conversation: LockedConversation, *, actor: str, at: datetime, written_at: datetime | None = None
) -> None:
    """Reopen a conversation if it is closed.

    :param written_at: of the message that reopens it (``NewMessage``)
    """
    if conversation.state == ConversationState.CLOSED:
        conversation.state, conversation.closed_at = ConversationState.OPEN, None
        append(session, conversation, replace(_event(actor, "reopened"), written_at=written_at), at=at)


def assign(session: Session, conversation_id: int, agent_id: int | None, *, actor: str, at: datetime) -> Conversation:
    """Assign a conversation to an agent, or to no one (null).

    :raises InvalidInput: there is no active agent with this id
    """
    conversation = lock(session, conversation_id)
    if agent_id is not None:
        agent = session.get(Agent, agent_id)
        if agent is None or not agent.active:
            raise InvalidInput("Choose a teammate.", field="assignee")
    if conversation.assignee_id != agent_id:
        conversation.assignee_id = agent_id
        body = f"assigned:{agent_id}" if agent_id is not None else "unassigned"
        append(session, conversation, _event(actor, body), at=at)
    return conversation


def reassign_to_contact(session: Session, lead_id: int, contact_id: int, *, at: datetime) -> list[int]:
    """Move a lead's conversations in the messenger to the user that the lead turned out to be. Returns their ids.

    Forms in them that are not answered yet move too. Conversations by text stay with the number. The caller has locked
    the rows of both contacts.
    """
    own = select(Conversation.id).where(
        Conversation.contact_id == lead_id, Conversation.channel == ConversationChannel.MESSENGER.value
    )
    ids = list(session.scalars(own.order_by(Conversation.id)))
    for conversation_id in ids:
        conversation = lock(session, conversation_id)
        forms = update(InsertedForm).where(
            InsertedForm.conversation_id == conversation_id, InsertedForm.answered_at.is_(None)
        )
        session.execute(forms.values(contact_id=contact_id), execution_options={"synchronize_session": False})
        conversation.contact_id = contact_id
        touch(session, conversation, at=at)
    session.flush()
    return ids


def _event(actor: str, code: str) -> NewMessage:
    return NewMessage(actor, code, MessageKind.EVENT)


def _open_ids(session: Session, contact_id: int) -> list[int]:
    query = select(Conversation.id).where(
        Conversation.contact_id == contact_id, Conversation.state != ConversationState.CLOSED.value
    )
    return list(session.scalars(query.order_by(Conversation.id)))
