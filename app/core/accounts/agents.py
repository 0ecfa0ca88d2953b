"""Accounts of agents: create, invite, change and disable them; rules for passwords; one admin must always remain."""

import unicodedata
import uuid
from dataclasses import dataclass, field
from datetime import datetime

from argon2 import PasswordHasher
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.core import audit
from app.core import email as core_email
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.models import Agent, AgentSession, Role

PASSWORD_MIN = 12
PASSWORD_MAX = 1000
NAME_MAX = 120
# The second recommended option of RFC 9106: 64 MiB of memory, 3 passes, 4 lanes.
ARGON2 = {"time_cost": 3, "memory_cost": 65536, "parallelism": 4}
_HASHER = PasswordHasher(ARGON2["time_cost"], ARGON2["memory_cost"], ARGON2["parallelism"])


def hash_password(text: str) -> str:
    """The Argon2id hash in the usual format (``$argon2id$…``), which Flask-Security verifies. Takes about 50 ms."""
    return _HASHER.hash(normalize_password(text))


def normalize_password(text: str) -> str:
    """The password in Unicode form NFKD, which is hashed. The same accent typed on two keyboards becomes equal.

    Cut where it is longer than any password may be: the hash has a limit, too, and what is cut equals no password.
    """
    return unicodedata.normalize("NFKD", text[: PASSWORD_MAX + 1])[: PASSWORD_MAX + 1]


def check_password_rules(password: str, email: str) -> None:
    """Require at least 12 characters, not the email address, and more than 3 different characters.

    :raises InvalidInput: a rule is broken; field ``password``
    Source: NIST SP 800-63B 5.1.1.2 (length, no rules of composition)
    """
    password = normalize_password(password)
    if len(password) < PASSWORD_MIN:
        raise InvalidInput("Use at least %(least)s characters.", field="password", least=PASSWORD_MIN)
    if len(password) > PASSWORD_MAX:
        raise InvalidInput("Use at most %(most)s characters.", field="password", most=str(PASSWORD_MAX))
    if password.strip().casefold() == email.strip().casefold():
        raise InvalidInput("Use something other than your email address.", field="password")
    if len(set(password)) < 4:
        raise InvalidInput("Use more than a few different characters.", field="password")


@dataclass(frozen=True)
class NewAgent:
    """Who gets an account.

    :param password_hash: from ``hash_password``; the caller checks the password with ``check_password_rules``
    """

    email: str
    name: str
    role: Role
    password_hash: str | None = field(default=None, repr=False)


def create_agent(session: Session, new: NewAgent, *, at: datetime, actor: str = "command line") -> Agent:
    """Create an account. With a password the agent can sign in immediately, without one only through a one-time link.

    :raises InvalidInput: the address is invalid or has an account; the name is too long; the role does not exist
    """
    agent = Agent(
        email=_unused_address(session, new.email),
        name=read_name(new.name),
        role=_role(new.role).value,
        active=True,
        password=new.password_hash,
        fs_uniquifier=uuid.uuid4().hex,
        created_at=at,
    )
    session.add(agent)
    session.flush()
    audit.record(session, actor, "agent.created", subject_of(agent), {"role": agent.role}, at=at)
    return agent


def invite(session: Session, *, email: str, name: str, role: Role, actor: str, at: datetime) -> Agent:
    """Create an account without a password. The caller delivers the one-time link that sets one.

    :raises InvalidInput: as for ``create_agent``
    """
    agent = create_agent(session, NewAgent(email, name, role), at=at, actor=actor)
    agent.invited_at = at
    session.flush()
    return agent


def renew_link(session: Session, agent_id: int, *, actor: str, at: datetime) -> Agent:
    """Invalidate earlier one-time links and all sessions of this agent, so that the caller can make a new link.

    :raises InvalidState: the account is disabled, or it is the account of the actor
    """
    agent = _lock(session, agent_id)
    if subject_of(agent) == actor:
        raise InvalidState("You cannot make a link for your own account here. Use the account page.")
    if not agent.active:
        raise InvalidState("%(name)s is disabled. Enable the account first.", name=label(agent))
    _end_sessions_and_links(session, agent)
    if agent.password is None:
        agent.invited_at = at
    audit.record(session, actor, "agent.link_made", subject_of(agent), {}, at=at)
    session.flush()
    return agent


def disable(session: Session, agent_id: int, *, actor: str, at: datetime) -> Agent:
    """Disable an account: its sessions and one-time links stop working.

    :raises InvalidState: it is the last admin who can sign in
    """
    agent = _lock(session, agent_id)
    _refuse_last_admin(session, agent)
    if agent.active:
        agent.active = False
        _end_sessions_and_links(session, agent)
        audit.record(session, actor, "agent.disabled", subject_of(agent), {}, at=at)
        session.flush()
    return agent


def enable(session: Session, agent_id: int, *, actor: str, at: datetime) -> Agent:
    """Enable a disabled account, with the same password and second factor as before."""
    agent = _lock(session, agent_id)
    if not agent.active:
        agent.active = True
        audit.record(session, actor, "agent.enabled", subject_of(agent), {}, at=at)
        session.flush()
    return agent


def change_role(session: Session, agent_id: int, role: str, *, actor: str, at: datetime) -> Agent:
    """Change the role of an agent.

    :raises InvalidInput: the role does not exist
    :raises InvalidState: it is the last admin who can sign in
    """
    agent = _lock(session, agent_id)
    if (new_role := _role(role)) != Role.ADMIN:
        _refuse_last_admin(session, agent)
    if agent.role != new_role:
        changed = audit.changes({"role": agent.role}, {"role": new_role.value})
        agent.role = new_role.value
        audit.record(session, actor, "agent.role_changed", subject_of(agent), changed, at=at)
        session.flush()
    return agent


def rename(session: Session, agent_id: int, name: str, *, actor: str, at: datetime) -> Agent:
    """Change the name that pages and contacts see. Empty: pages show the address, contacts the name of the office.

    :raises InvalidInput: longer than 120 characters
    """
    agent = _lock(session, agent_id)
    if agent.name != (new_name := read_name(name)):
        changed = audit.changes({"name": agent.name}, {"name": new_name})
        agent.name = new_name
        audit.record(session, actor, "agent.renamed", subject_of(agent), changed, at=at)
        session.flush()
    return agent


def reset_second_factor(session: Session, agent_id: int, *, actor: str, at: datetime) -> Agent:
    """Remove the second factor and the recovery codes of an agent who lost them, and end their sessions.

    :raises InvalidState: it is the account of the actor, who uses the account page with the password instead
    """
    agent = _lock(session, agent_id)
    if subject_of(agent) == actor:
        raise InvalidState("You cannot reset the second factor of your own account here. Use the account page.")
    agent.tf_primary_method = agent.tf_totp_secret = agent.mf_recovery_codes = None
    _end_sessions_and_links(session, agent)
    audit.record(session, actor, "agent.second_factor_reset", subject_of(agent), {}, at=at)
    session.flush()
    return agent


def use_recovery_code(session: Session, agent_id: int, code_hash: str, *, at: datetime) -> bool:
    """Use a recovery code once; false when the agent has no such code."""
    agent = _lock(session, agent_id)
    if code_hash not in (agent.mf_recovery_codes or []):
        return False
    agent.mf_recovery_codes = [each for each in agent.mf_recovery_codes or [] if each != code_hash]
    left = {"left": len(agent.mf_recovery_codes)}
    audit.record(session, subject_of(agent), "agent.recovery_code_used", subject_of(agent), left, at=at)
    session.flush()
    return True


def find(session: Session, agent_id: int) -> Agent:
    """:raises NotFound: no account has this id"""
    agent = find_or_none(session, agent_id)
    if agent is None:
        raise NotFound("There is no such account.")
    return agent


def find_or_none(session: Session, agent_id: int) -> Agent | None:
    """The account with this id; null when there is none."""
    return session.get(Agent, agent_id)


def find_all(session: Session) -> list[Agent]:
    """Every account: enabled ones first, then by name or address."""
    label = func.lower(func.coalesce(func.nullif(Agent.name, ""), Agent.email))
    return list(session.scalars(select(Agent).order_by(Agent.active.desc(), label, Agent.id)))


def label(agent: Agent) -> str:
    """The name that pages show: the agent's name, else the address."""
    return agent.name or agent.email


def subject_of(agent: Agent) -> str:
    """How ledger and audit log name this agent: ``agent:3``."""
    return f"agent:{agent.id}"


def read_name(typed: str) -> str:
    """The name in one line, without invisible characters.

    :raises InvalidInput: longer than 120 characters
    """
    name = "".join(character for character in " ".join(typed.split()) if character.isprintable())
    if len(name) > NAME_MAX:
        raise InvalidInput("The name is longer than %(most)s characters.", field="name", most=NAME_MAX)
    return name


def _lock(session: Session, agent_id: int) -> Agent:
    """The account, locked together with the rows of all admins, so that two admins cannot demote each other.

    Rows are locked in the order of their ids, so that no deadlock is possible.

    :raises NotFound: no account has this id
    """
    locked = session.scalars(
        select(Agent)
        .where((Agent.role == Role.ADMIN.value) | (Agent.id == agent_id))
        .order_by(Agent.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    agent = next((each for each in locked if each.id == agent_id), None)
    if agent is None:
        raise NotFound("There is no such account.")
    return agent


def _refuse_last_admin(session: Session, agent: Agent) -> None:
    """:raises InvalidState: no other admin could sign in; an admin without a password does not count"""
    if agent.role != Role.ADMIN or not agent.active:
        return
    others = select(Agent.id).where(
        Agent.id != agent.id, Agent.role == Role.ADMIN.value, Agent.active, Agent.password.is_not(None)
    )
    if session.scalar(others.limit(1)) is None:
        raise InvalidState("%(name)s is the last admin. Make another teammate an admin first.", name=label(agent))


def _unused_address(session: Session, typed: str) -> str:
    address = core_email.read(typed)
    if session.scalar(select(Agent.id).where(Agent.email == address)) is not None:
        raise InvalidInput("A teammate with this email address already has an account.", field="email")
    return address


def _role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise InvalidInput("Choose a role: admin, marketer or agent.", field="role") from None


def _end_sessions_and_links(session: Session, agent: Agent) -> None:
    agent.fs_uniquifier = uuid.uuid4().hex
    _end_sessions(session, agent.id)


def _end_sessions(session: Session, agent_id: int) -> None:
    session.execute(delete(AgentSession).where(AgentSession.agent_id == agent_id))
