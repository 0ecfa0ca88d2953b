"""Accounts of those who work here: made, invited, disabled; the rules of passwords; the admin who must remain."""

import unicodedata
import uuid
from datetime import datetime
from typing import Any, cast

from argon2 import PasswordHasher
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.core import audit
from app.core import email as addresses
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.models import Agent, Role

PASSWORD_MIN = 12
PASSWORD_MAX = 1000
NAME_MAX = 120
# The second recommendation of RFC 9106: 64 MiB, 3 passes, 4 lanes.
ARGON2 = {"time_cost": 3, "memory_cost": 65536, "parallelism": 4}
_HASHER = PasswordHasher(ARGON2["time_cost"], ARGON2["memory_cost"], ARGON2["parallelism"])


def hash_password(text: str) -> str:
    """Argon2id in the usual ``$argon2id$…`` spelling; Flask-Security verifies it. Takes about 50 ms on purpose."""
    return _HASHER.hash(normal_password(text))


def normal_password(text: str) -> str:
    """The spelling that is hashed, so that an accent typed on another keyboard is the same accent."""
    return unicodedata.normalize("NFKD", text)


def check_password_rules(password: str, email: str) -> None:
    """At least 12 characters, and not the e-mail address.

    :raises InvalidInput: with a sentence that says which rule; field ``password``
    Source: NIST SP 800-63B 5.1.1.2: length, no composition rules
    """
    password = normal_password(password)
    if len(password) < PASSWORD_MIN:
        raise InvalidInput(f"Use at least {PASSWORD_MIN} characters.", field="password")
    if len(password) > PASSWORD_MAX:
        raise InvalidInput(f"Use at most {PASSWORD_MAX} characters.", field="password")
    if password.strip().casefold() == email.strip().casefold():
        raise InvalidInput("Use something other than your e-mail address.", field="password")
    if len(set(password)) < 4:
        raise InvalidInput("Use more than a few different characters.", field="password")


def create_agent(
    session: Session,
    *,
    email: str,
    name: str,
    role: Role,
    password_hash: str | None,
    at: datetime,
    actor: str = "command line",
) -> Agent:
    """Somebody who may sign in at once; without a password, only after following a one-time link.

    :param password_hash: ``hash_password(…)``, checked before by ``check_password_rules``
    :raises InvalidInput: the address is none or already has an account; the name is too long; no such role
    """
    agent = Agent(
        email=_free_address(session, email),
        name=read_name(name),
        role=_role(role).value,
        active=True,
        password=password_hash,
        fs_uniquifier=_uniquifier(),
        created_at=at,
    )
    session.add(agent)
    session.flush()
    audit.record(session, actor, "agent.created", subject_of(agent), {"role": agent.role}, at=at)
    return agent


def invite(session: Session, *, email: str, name: str, role: Role, actor: str, at: datetime) -> Agent:
    """An account without a password; the caller hands out the one-time link that sets one.

    :raises InvalidInput: as for ``create_agent``
    """
    agent = create_agent(session, email=email, name=name, role=role, password_hash=None, at=at, actor=actor)
    agent.invited_at = at
    session.flush()
    return agent


def renew_link(session: Session, agent_id: int, *, actor: str, at: datetime) -> Agent:
    """Make room for a new one-time link: earlier links and every session of this agent end here.

    :raises InvalidState: they are disabled, or it would be the admin's own account
    """
    agent = _another(session, agent_id, actor, "make a link for")
    if not agent.active:
        raise InvalidState(f"{label(agent)} is disabled. Enable the account first.")
    agent.fs_uniquifier = _uniquifier()
    if agent.password is None:
        agent.invited_at = at
    audit.record(session, actor, "agent.link_made", subject_of(agent), {}, at=at)
    session.flush()
    return agent


def disable(session: Session, agent_id: int, *, actor: str, at: datetime) -> Agent:
    """Sign an agent out everywhere and for good; their one-time links stop working too.

    :raises InvalidState: the last admin who can sign in must remain
    """
    agent = _hold(session, agent_id)
    _keep_one_admin(session, agent)
    if agent.active:
        agent.active = False
        agent.fs_uniquifier = _uniquifier()
        audit.record(session, actor, "agent.disabled", subject_of(agent), {}, at=at)
        session.flush()
    return agent


def enable(session: Session, agent_id: int, *, actor: str, at: datetime) -> Agent:
    """Let a disabled agent sign in again, with the password and second factor they had."""
    agent = _hold(session, agent_id)
    if not agent.active:
        agent.active = True
        audit.record(session, actor, "agent.enabled", subject_of(agent), {}, at=at)
        session.flush()
    return agent


def change_role(session: Session, agent_id: int, role: Role, *, actor: str, at: datetime) -> Agent:
    """:raises InvalidState: the last admin who can sign in must remain"""
    agent = _hold(session, agent_id)
    if (wanted := _role(role)) != Role.ADMIN:
        _keep_one_admin(session, agent)
    if agent.role != wanted:
        agent.role = wanted.value
        audit.record(session, actor, "agent.role_changed", subject_of(agent), {"role": agent.role}, at=at)
        session.flush()
    return agent


def reset_second_factor(session: Session, agent_id: int, *, actor: str, at: datetime) -> Agent:
    """Take the second factor and its recovery codes away from somebody who lost them; it ends their sessions.

    :raises InvalidState: one's own is switched off on the account page, with the password
    """
    agent = _another(session, agent_id, actor, "reset the second factor of")
    agent.tf_primary_method = agent.tf_totp_secret = agent.mf_recovery_codes = None
    agent.fs_uniquifier = _uniquifier()
    audit.record(session, actor, "agent.second_factor_reset", subject_of(agent), {}, at=at)
    session.flush()
    return agent


def write_back(session: Session, agent_id: int, uniquifier: str, changed: dict[str, Any]) -> None:
    """Write what an agent changed of their own account, unless somebody ended their sessions in the meantime.

    :param uniquifier: as it was when the account was read; a used one-time link has another one by now
    :raises InvalidState: the account changed meanwhile; nothing is written
    """
    statement = update(Agent).where(Agent.id == agent_id, Agent.fs_uniquifier == uniquifier, Agent.active)
    if not cast(Any, session.execute(statement.values(**changed))).rowcount:
        raise InvalidState("This account was changed in the meantime. Sign in again and retry.")


def signed_in(session: Session, agent_id: int, *, at: datetime) -> None:
    """Note when."""
    session.execute(update(Agent).where(Agent.id == agent_id).values(last_sign_in_at=at))


def spend_recovery_code(session: Session, agent_id: int, code_hash: str) -> bool:
    """Use up one recovery code; false when there is no such code (any more)."""
    agent = _hold(session, agent_id)
    if code_hash not in (agent.mf_recovery_codes or []):
        return False
    agent.mf_recovery_codes = [kept for kept in agent.mf_recovery_codes or [] if kept != code_hash]
    session.flush()
    return True


def find(session: Session, agent_id: int) -> Agent:
    """:raises NotFound: there is no account with this id"""
    agent = find_or_none(session, agent_id)
    if agent is None:
        raise NotFound("There is no such account.")
    return agent


def find_or_none(session: Session, agent_id: int) -> Agent | None:
    """The account with this id, if there is one."""
    return session.get(Agent, agent_id)


def find_all(session: Session) -> list[Agent]:
    """Everybody: those who can sign in first, by name or address."""
    shown = func.lower(func.coalesce(func.nullif(Agent.name, ""), Agent.email))
    return list(session.scalars(select(Agent).order_by(Agent.active.desc(), shown, Agent.id)))


def label(agent: Agent) -> str:
    """What to call them on a page."""
    return agent.name or agent.email


def subject_of(agent: Agent) -> str:
    """As ledger and audit name an agent: ``agent:3``."""
    return f"agent:{agent.id}"


def read_name(typed: str) -> str:
    """A name in one line, of characters that can be seen. :raises InvalidInput: longer than 120 characters"""
    name = "".join(character for character in " ".join(typed.split()) if character.isprintable())
    if len(name) > NAME_MAX:
        raise InvalidInput(f"The name is longer than {NAME_MAX} characters.", field="name")
    return name


def _hold(session: Session, agent_id: int) -> Agent:
    """The account with every admin's row held, always in one order, so that two admins cannot demote each other."""
    held = session.scalars(
        select(Agent)
        .where((Agent.role == Role.ADMIN.value) | (Agent.id == agent_id))
        .order_by(Agent.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    agent = next((each for each in held if each.id == agent_id), None)
    if agent is None:
        raise NotFound("There is no such account.")
    return agent


def _another(session: Session, agent_id: int, actor: str, verb: str) -> Agent:
    agent = _hold(session, agent_id)
    if subject_of(agent) == actor:
        raise InvalidState(f"You cannot {verb} your own account here. Use the account page.")
    return agent


def _keep_one_admin(session: Session, agent: Agent) -> None:
    """Somebody who never set a password cannot sign in, so an invited admin does not count."""
    if agent.role != Role.ADMIN or not agent.active:
        return
    others = select(Agent.id).where(
        Agent.id != agent.id, Agent.role == Role.ADMIN.value, Agent.active, Agent.password.is_not(None)
    )
    if session.scalar(others.limit(1)) is None:
        raise InvalidState(f"{label(agent)} is the last admin. Make somebody else an admin first.")


def _free_address(session: Session, typed: str) -> str:
    address = addresses.read(typed)
    if session.scalar(select(Agent.id).where(Agent.email == address)) is not None:
        raise InvalidInput("Somebody with this e-mail address has an account already.", field="email")
    return address


def _role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise InvalidInput("Choose a role: admin or agent.", field="role") from None


def _uniquifier() -> str:
    return uuid.uuid4().hex
