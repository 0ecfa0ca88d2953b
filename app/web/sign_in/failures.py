"""Records passwords and codes that were refused in the audit log."""

from flask_security import current_user

from app.core import audit, clock
from app.core.accounts import agents, credentials
from app.core.accounts.credentials import Secret
from app.models import Agent
from app.web.services import unit_of_work


def record(agent: Agent | None, checked: Secret) -> None:
    """Record a failure, at a sign-in or where a signed-in agent must confirm the password.

    An unknown address is recorded like a known one, so that the time of a response does not tell them apart.
    """
    actor = agents.subject_of(current_user) if current_user.is_authenticated else audit.UNKNOWN
    with unit_of_work() as session:
        credentials.record_failure(session, agent.id if agent else None, checked, actor=actor, at=clock.now())
