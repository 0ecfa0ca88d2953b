"""The accounts of the demo, and what the audit log says about their sign-ins."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.core import audit
from app.core.accounts import agents as accounts
from app.core.accounts import credentials
from app.core.accounts.agents import NewAgent
from app.core.accounts.credentials import Secret
from app.models import Agent, Role

DEMO_PASSWORD = "demo-password-1234"  # noqa: S105 - shown on the start page
ADMIN, MARKETER, AGENT = "max@example.com", "mia@example.com", "ana@example.com"
SIGN_INS = ((ADMIN, "admin"), (MARKETER, "marketer"), (AGENT, "agent"))
ACTOR = "demo"
_NAMES = {ADMIN: "Max Harbour", MARKETER: "Mia Harbour", AGENT: "Ana Harbour"}
_OFFICE, _ELSEWHERE = "203.0.113.20", "198.51.100.77"


def create(session: Session, password_hash: str, *, at: datetime) -> dict[str, int]:
    """Create the accounts. Returns their ids by first name: ``max``, ``mia``, ``ana``."""
    made = (
        accounts.create_agent(session, NewAgent(email, _NAMES[email], Role(role), password_hash), at=at, actor=ACTOR)
        for email, role in SIGN_INS
    )
    return {agent.email.partition("@")[0]: agent.id for agent in made}


def sign_in(session: Session, agents: dict[str, int], *, at: datetime) -> None:
    """Record a sign-in of each, an hour apart, and one that failed from elsewhere, half a day later."""
    audit.acts_from(session, _OFFICE)
    for hours, name in enumerate(agents):
        actor = f"agent:{agents[name]}"
        session.get_one(Agent, agents[name]).last_sign_in_at = moment = at + timedelta(hours=hours)
        audit.record(session, actor, "agent.signed_in", actor, {}, at=moment)
    audit.acts_from(session, _ELSEWHERE)
    failed_at = at + timedelta(hours=17)
    credentials.record_failure(session, agents["max"], Secret.PASSWORD, actor=audit.UNKNOWN, at=failed_at)
    audit.acts_from(session, None)
