"""What each agent has read, and which agents have a conversation on their screens."""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.core.conversations import appending, lifecycle
from app.db import insert_into, run
from app.models import Agent, ConversationPresence, ConversationRead

PRESENT_FOR = timedelta(seconds=40)


def mark_read(session: Session, conversation_id: int, agent_id: int, revision: int) -> None:
    """Record that this agent has read everything up to this revision. Never moves back."""
    statement = insert_into(session, ConversationRead).values(
        conversation_id=conversation_id, agent_id=agent_id, revision=revision
    )
    newer = statement.excluded.revision
    run(
        session,
        statement.on_conflict_do_update(
            index_elements=[ConversationRead.conversation_id, ConversationRead.agent_id],
            set_={"revision": newer},
            where=ConversationRead.revision < newer,
        ),
    )


def mark_read_up_to(session: Session, conversation_id: int, agent_id: int, revision: int) -> None:
    """Like ``mark_read``, for a revision that a page sent: limited to the conversation's current revision.

    :raises NotFound: there is no such conversation
    """
    conversation = lifecycle.find(session, conversation_id)
    mark_read(session, conversation_id, agent_id, max(0, min(revision, conversation.revision)))


def mark_viewing(session: Session, conversation_id: int, agent_id: int, revision: int, *, at: datetime) -> None:
    """Record that this agent has the conversation on the screen and has read it up to this revision.

    :raises NotFound: there is no such conversation
    """
    lifecycle.find(session, conversation_id)
    mark_present(session, conversation_id, agent_id, at=at)
    mark_read_up_to(session, conversation_id, agent_id, revision)


def mark_present(session: Session, conversation_id: int, agent_id: int, *, at: datetime) -> None:
    """Record that this agent has the conversation on the screen.

    The conversation gets a new revision if an agent came, or if one has not been seen for ``PRESENT_FOR``.
    """
    gone = delete(ConversationPresence).where(
        ConversationPresence.conversation_id == conversation_id, ConversationPresence.seen_at < at - PRESENT_FOR
    )
    is_changed = bool(cast(Any, session.execute(gone)).rowcount)
    is_changed |= session.get(ConversationPresence, (conversation_id, agent_id), populate_existing=True) is None
    statement = insert_into(session, ConversationPresence).values(
        conversation_id=conversation_id, agent_id=agent_id, seen_at=at
    )
    columns = [ConversationPresence.conversation_id, ConversationPresence.agent_id]
    run(session, statement.on_conflict_do_update(index_elements=columns, set_={"seen_at": at}))
    if is_changed:
        appending.touch(session, appending.lock(session, conversation_id), at=at)


def leave(session: Session, conversation_id: int, agent_id: int, *, at: datetime) -> None:
    """Record that this agent no longer has the conversation on the screen."""
    gone = delete(ConversationPresence).where(
        ConversationPresence.conversation_id == conversation_id, ConversationPresence.agent_id == agent_id
    )
    if cast(Any, session.execute(gone)).rowcount:
        appending.touch(session, appending.lock(session, conversation_id), at=at)


def other_viewers(session: Session, conversation_id: int, agent_id: int, *, at: datetime) -> list[Agent]:
    """The other agents who have the conversation on their screens."""
    query = (
        select(Agent)
        .join(ConversationPresence, ConversationPresence.agent_id == Agent.id)
        .where(ConversationPresence.conversation_id == conversation_id, Agent.id != agent_id)
        .where(ConversationPresence.seen_at >= at - PRESENT_FOR)
        .order_by(Agent.id)
    )
    return list(session.scalars(query))
