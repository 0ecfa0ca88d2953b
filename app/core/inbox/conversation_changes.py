"""Changes that the API makes to a conversation: read or unread, and its custom attributes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.core.contacts.profile import merge_attributes
from app.core.conversations import appending
from app.core.errors import InvalidState
from app.core.inbox import presence
from app.db import run
from app.models import Agent, ConversationRead

_READ = ConversationRead.__table__


def mark_read(session: Session, conversation_id: int, agent: Agent | None, *, at: datetime) -> None:
    """Record that an agent has read everything. Repeating it changes nothing.

    :raises NotFound: there is no such conversation
    :raises InvalidState: there is no agent
    """
    if agent is None:
        raise InvalidState("There is no admin yet who could have read it.", field="read")
    conversation = appending.lock(session, conversation_id)
    presence.mark_read(session, conversation.id, agent.id, conversation.revision)
    appending.touch(session, conversation, at=at)
    session.flush()


def mark_unread(session: Session, conversation_id: int, *, at: datetime) -> None:
    """Let every agent see the contact's newest message as unread. Where the contact said nothing, nothing changes.

    :raises NotFound: there is no such conversation
    """
    conversation = appending.lock(session, conversation_id)
    before = conversation.last_contact_revision - 1
    if before < 0:
        return
    is_read = (_READ.c.conversation_id == conversation.id, _READ.c.revision > before)
    run(session, update(_READ).where(*is_read).values(revision=before))
    appending.touch(session, conversation, at=at)
    session.flush()


def set_attributes(session: Session, conversation_id: int, given: Mapping[str, Any], *, at: datetime) -> None:
    """Merge custom attributes into those of the conversation; null removes one.

    :raises NotFound: there is no such conversation
    :raises InvalidInput: there are too many
    """
    conversation = appending.lock(session, conversation_id)
    merged = merge_attributes(conversation.custom_attributes, given)
    if merged != conversation.custom_attributes:
        conversation.custom_attributes, conversation.updated_at = merged, at
        appending.touch(session, conversation, at=at)
        session.flush()
