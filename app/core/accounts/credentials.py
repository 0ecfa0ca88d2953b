"""What agents sign in with: password, second factor and recovery codes. Changes and failures go to the audit log."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import InvalidState
from app.models import Agent, AgentSession


class Secret(StrEnum):
    """What a sign-in checks."""

    PASSWORD = "password"  # noqa: S105 - a name
    CODE = "code"
    RECOVERY_CODE = "recovery_code"


def save_changes(
    session: Session, agent_id: int, uniquifier: str, changed: dict[str, Any], *, actor: str, at: datetime
) -> None:
    """Save changes of an account, unless its sessions were ended since it was read. A new uniquifier ends them.

    A new password, second factor or new recovery codes are recorded in the audit log.

    :param uniquifier: the ``fs_uniquifier`` that was read; the use of a one-time link, for example, replaces it
    :param actor: the agent, or ``audit.UNKNOWN`` for the holder of a one-time link
    :raises InvalidState: the account changed in the meantime; nothing is written
    """
    statement = update(Agent).where(Agent.id == agent_id, Agent.fs_uniquifier == uniquifier, Agent.active)
    if not cast(Any, session.execute(statement.values(**changed))).rowcount:
        raise InvalidState("This account was changed in the meantime. Sign in again and retry.")
    if "fs_uniquifier" in changed:
        session.execute(delete(AgentSession).where(AgentSession.agent_id == agent_id))
    for action in _recorded_changes(changed, by_link=actor == audit.UNKNOWN):
        audit.record(session, actor, f"agent.{action}", f"agent:{agent_id}", {}, at=at)


def record_failure(session: Session, agent_id: int | None, checked: Secret, *, actor: str, at: datetime) -> None:
    """Record in the audit log that a password or code was refused, never what was typed.

    :param agent_id: whose account it was; null: no account has the address
    :param actor: the agent who was signed in and had to confirm it, else ``audit.UNKNOWN``
    """
    action = "agent.sign_in_failed" if actor == audit.UNKNOWN else "agent.confirmation_failed"
    subject = f"agent:{agent_id if agent_id is not None else audit.UNKNOWN}"
    audit.record(session, actor, action, subject, {"checked": checked.value}, at=at)


def _recorded_changes(changed: dict[str, Any], *, by_link: bool) -> Iterator[str]:
    """The actions of the audit log for these columns. A password alone was only hashed in a newer way."""
    if {"password", "fs_uniquifier"} <= changed.keys():
        yield "password_reset" if by_link else "password_changed"
    if changed.get("tf_primary_method") or changed.get("tf_totp_secret"):
        yield "second_factor_set_up"
    elif "tf_primary_method" in changed:
        yield "second_factor_removed"
    if changed.get("mf_recovery_codes"):
        yield "recovery_codes_created"
