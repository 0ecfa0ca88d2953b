"""What each agent wants to be mailed about: which conversations that wait for an answer, and after how long."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.core import audit
from app.core.accounts import agents
from app.core.errors import InvalidInput
from app.models import Agent, MailedAbout

AFTER_MINUTES = (5, 15, 60)


def change(session: Session, agent_id: int, about: str, after_minutes: int, *, actor: str, at: datetime) -> Agent:
    """Choose which conversations an agent is mailed about, and after how many minutes.

    :param about: a value of ``MailedAbout``
    :param after_minutes: one of ``AFTER_MINUTES``
    :raises NotFound: no account has this id
    :raises InvalidInput: a value is not offered
    """
    if about not in set(MailedAbout):
        raise InvalidInput("Choose which conversations you want emails about.", field="about")
    if after_minutes not in AFTER_MINUTES:
        raise InvalidInput("Choose how long a conversation waits before you get an email.", field="after_minutes")
    agent = agents.find(session, agent_id)
    if (agent.mailed_about, agent.mailed_after_minutes) != (about, after_minutes):
        agent.mailed_about, agent.mailed_after_minutes = about, after_minutes
        audit.record(session, actor, "agent.waiting_mail_changed", agents.subject_of(agent), {"about": about}, at=at)
        session.flush()
    return agent
