"""Sessions of agents: one row for each sign-in. A cookie without its row is worthless in every process.

``core/accounts/agents.py`` deletes the rows of an account when its password changes, when it is disabled, and when a
one-time link is made or used.
"""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import and_, bindparam, delete, select, update
from sqlalchemy.orm import Session

from app.core import audit, signing
from app.core.accounts import agents, credentials
from app.core.errors import NotFound
from app.core.signing import hash_of_token
from app.models import Agent, AgentSession

LASTS = timedelta(days=30)
RECORD_USE_EVERY = timedelta(minutes=5)
# The condition that a session has this token and has not expired, and that its account is as it was then. It has
# parameters, so that a statement with it is built once: every request of an agent runs one.
SIGNS_IN = and_(
    AgentSession.token_hash == bindparam("token_hash"),
    AgentSession.created_at > bindparam("started_after"),
    Agent.fs_uniquifier == bindparam("uniquifier"),
    Agent.active,
)
_USER_AGENT_MAX = 256
_LIST_MAX = 100  # a script may sign in each minute


def start(session: Session, agent: Agent, *, ip_address: str | None, user_agent: str, at: datetime) -> str:
    """Start a session of at most 30 days. Returns its token (128 random bits), which is kept in the cookie alone.

    Stores the time of the sign-in with the account.

    :param user_agent: the browser as it describes itself; shortened to 256 printable characters
    :raises InvalidState: the account was disabled, or its sessions were ended, since it was read
    """
    actor = agents.subject_of(agent)
    credentials.save_changes(session, agent.id, agent.fs_uniquifier, {"last_sign_in_at": at}, actor=actor, at=at)
    audit.record(session, actor, "agent.signed_in", actor, {}, at=at)
    token = signing.random_token()
    session.add(
        AgentSession(
            agent_id=agent.id,
            token_hash=hash_of_token(token),
            ip_address=ip_address,
            user_agent="".join(filter(str.isprintable, user_agent))[:_USER_AGENT_MAX],
            created_at=at,
            last_used_at=at,
        )
    )
    session.flush()
    return token


def signs_in_with(token: str, uniquifier: str, *, at: datetime) -> dict[str, Any]:
    """The parameters of ``SIGNS_IN``.

    The time that a look-up takes reveals nothing about existing tokens, because only hashes are compared.
    """
    return {"token_hash": hash_of_token(token), "uniquifier": uniquifier, "started_after": at - LASTS}


def newest(session: Session, agent_id: int, *, at: datetime) -> list[AgentSession]:
    """The sessions of an agent that have not expired, the one that was used last first; at most 100."""
    is_valid = AgentSession.agent_id == agent_id, AgentSession.created_at > at - LASTS
    newest_first = AgentSession.last_used_at.desc(), AgentSession.id.desc()
    return list(session.scalars(select(AgentSession).where(*is_valid).order_by(*newest_first).limit(_LIST_MAX)))


def is_use_due(used: AgentSession, *, at: datetime) -> bool:
    """Whether ``record_use`` would write: the last recorded use is at least five minutes old."""
    return at - used.last_used_at >= RECORD_USE_EVERY


def record_use(session: Session, session_id: int, *, ip_address: str | None, at: datetime) -> None:
    """Store when and from where a session was last used, at most every five minutes. An ended one stays ended."""
    is_due = AgentSession.id == session_id, AgentSession.last_used_at <= at - RECORD_USE_EVERY
    session.execute(update(AgentSession).where(*is_due).values(last_used_at=at, ip_address=ip_address))


def sign_out(session: Session, token: str, *, at: datetime) -> None:
    """End the session that has this token, because its agent asked for it. Does nothing when it has ended."""
    if (agent_id := end(session, token)) is not None:
        audit.record(session, f"agent:{agent_id}", "agent.signed_out", f"agent:{agent_id}", {}, at=at)


def end(session: Session, token: str) -> int | None:
    """End the session that has this token, immediately and in all processes. Returns the id of its agent.

    Does nothing and returns null when it has ended.
    """
    ending = (
        delete(AgentSession).where(AgentSession.token_hash == hash_of_token(token)).returning(AgentSession.agent_id)
    )
    return session.execute(ending).scalar_one_or_none()


def end_one(session: Session, agent_id: int, session_id: int, *, at: datetime) -> None:
    """End one session of an agent.

    :raises NotFound: the agent has no such session; it may have ended already
    """
    ending = delete(AgentSession).where(AgentSession.id == session_id, AgentSession.agent_id == agent_id)
    if not cast(Any, session.execute(ending)).rowcount:
        raise NotFound("This session has ended already.")
    _record_ended(session, agent_id, 1, at=at)


def end_others(session: Session, agent_id: int, *, keep: int, at: datetime) -> int:
    """End all sessions of an agent but the one with the id ``keep``; returns how many."""
    ending = delete(AgentSession).where(AgentSession.agent_id == agent_id, AgentSession.id != keep)
    ended = int(cast(Any, session.execute(ending)).rowcount)
    if ended:
        _record_ended(session, agent_id, ended, at=at)
    return ended


def end_every(session: Session) -> None:
    """End the sessions of all agents. Otherwise a restore would revive those that ended since the backup."""
    session.execute(delete(AgentSession))


def delete_expired(session: Session, *, at: datetime) -> int:
    """Delete sessions that have expired; returns how many."""
    expired = delete(AgentSession).where(AgentSession.created_at <= at - LASTS)
    return int(cast(Any, session.execute(expired)).rowcount)


def _record_ended(session: Session, agent_id: int, count: int, *, at: datetime) -> None:
    audit.record(session, f"agent:{agent_id}", "agent.sessions_ended", f"agent:{agent_id}", {"count": count}, at=at)
