"""An agent leaves: the account ends, and others see the conversations that were theirs."""

from datetime import datetime

from sqlalchemy import update
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
    theirs = update(Conversation).where(Conversation.assignee_id == agent_id)
    changed = {"assignee_id": None, "revision": Conversation.revision + 1, "change_number": change_stamp(session, at)}
    session.execute(theirs.values(changed), execution_options={"synchronize_session": False})
    return agent
