"""An agent leaves, and may come back: the account ends, and others see the conversations that were theirs."""

from datetime import datetime

from sqlalchemy import ColumnElement, update
from sqlalchemy.orm import Session

from app.core.accounts import agents
from app.core.conversations.appending import change_stamp
from app.models import Agent, Conversation


def disable(session: Session, agent_id: int, *, actor: str, at: datetime) -> Agent:
    """Disable an account, and unassign its conversations.

    Only the assignee is announced and mailed what people write. Closed conversations are unassigned, too: they open
    again when the person writes. It is one statement, because an agent may have thousands.

    :raises InvalidState: as ``agents.disable``
    """
    agent = agents.disable(session, agent_id, actor=actor, at=at)
    change = _assign(session, Conversation.assignee_id == agent_id, None, at=at)
    agent.unassigned_change = change or agent.unassigned_change
    session.flush()
    return agent


def enable(session: Session, agent_id: int, *, actor: str, at: datetime) -> Agent:
    """Enable a disabled account. Conversations in which nothing happened since are assigned to it again."""
    agent = agents.enable(session, agent_id, actor=actor, at=at)
    if agent.unassigned_change is not None:
        is_untouched = Conversation.change_number == agent.unassigned_change
        _assign(session, is_untouched & Conversation.assignee_id.is_(None), agent_id, at=at)
        agent.unassigned_change = None
        session.flush()
    return agent


def _assign(session: Session, which: ColumnElement[bool], assignee_id: int | None, *, at: datetime) -> int | None:
    """Assign many conversations. Returns the change number that all of them have now; null when there are none."""
    changed = {
        "assignee_id": assignee_id,
        "revision": Conversation.revision + 1,
        "change_number": change_stamp(session, at),
    }
    assigned = update(Conversation).where(which).values(changed).returning(Conversation.change_number)
    return session.scalars(assigned, execution_options={"synchronize_session": False}).first()
