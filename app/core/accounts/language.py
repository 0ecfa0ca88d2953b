"""The language of staff pages, which each agent chooses."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.core import audit
from app.core.accounts import agents
from app.core.errors import InvalidInput
from app.core.wording import LOCALES
from app.models import Agent


def choose(session: Session, agent_id: int, locale: str | None, *, actor: str, at: datetime) -> Agent:
    """Change the language of the pages and mails that this agent gets.

    :param locale: a key of ``wording.LOCALES``; null: the language of the browser
    :raises InvalidInput: there is no such language; field ``locale``
    :raises NotFound: no account has this id
    """
    if locale is not None and locale not in LOCALES:
        raise InvalidInput("Choose one of these languages.", field="locale")
    agent = agents.find(session, agent_id)
    if agent.locale != locale:
        changed = audit.changes({"locale": agent.locale}, {"locale": locale})
        agent.locale = locale
        audit.record(session, actor, "agent.language_changed", agents.subject_of(agent), changed, at=at)
        session.flush()
    return agent
