"""API tokens: shown once, stored as a hash, checked with each call. A revoked token stops working immediately."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import InvalidInput, NotFound, Unauthorized
from app.core.signing import hash_of_token
from app.db import CompiledStatement, ReadConnection
from app.models import Agent, ApiToken, Role, Workspace

SCOPES = ("read", "write", "admin")
DEFAULT_SCOPES = ("read", "write")
NAME_MAX = 120
RECORD_USE_EVERY = timedelta(minutes=1)
_PREFIX = "assent_"
_AGENT = "agent:"
# The scopes that each scope includes.
_IMPLIED = {"admin": {"admin", "write", "read"}, "write": {"write", "read"}, "read": {"read"}}
_TOKEN = ApiToken.__table__
_WORKSPACE = Workspace.__table__
_CHECK = CompiledStatement(
    select(
        _TOKEN.c.id,
        _TOKEN.c.name,
        _TOKEN.c.scopes,
        _TOKEN.c.created_by,
        _TOKEN.c.expires_at,
        _TOKEN.c.revoked_at,
        _TOKEN.c.last_used_at,
        _WORKSPACE.c.api_calls_per_minute,
        _WORKSPACE.c.messenger_key,
    ).where(_TOKEN.c.token_hash == bindparam("token_hash"), _WORKSPACE.c.id == 1)
)


@dataclass(frozen=True)
class Caller:
    """The token that a call was made with, and the limit of calls that the workspace sets for each token.

    :param scopes: with the scopes that they include
    :param workspace_key: the public key of the workspace, which identifies it in responses
    """

    token_id: int
    name: str
    scopes: frozenset[str]
    created_by: str
    last_used_at: datetime | None
    calls_per_minute: int
    workspace_key: str

    @property
    def actor(self) -> str:
        """How ledger and audit log name the token: ``api:4``."""
        return f"api:{self.token_id}"


def create(
    session: Session,
    name: str,
    scopes: Sequence[str],
    *,
    at: datetime,
    expires_at: datetime | None = None,
    actor: str = "command line",
) -> tuple[ApiToken, str]:
    """Create a token. Returns it with its text, ``assent_`` and 256 random bits, which cannot be read again later.

    :param scopes: of ``SCOPES``; empty means ``DEFAULT_SCOPES``
    :raises InvalidInput: the name is missing or too long, a scope does not exist, or ``expires_at`` is not after ``at``
    """
    if not (name := " ".join(name.split())) or len(name) > NAME_MAX:
        raise InvalidInput("Give the token a name of at most %(most)s characters.", field="name", most=NAME_MAX)
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        raise InvalidInput(
            "There is no scope “%(scope)s”. The scopes are %(scopes)s.",
            field="scopes",
            scope=unknown[0][:20],
            scopes=", ".join(SCOPES),
        )
    if expires_at is not None and expires_at <= at:
        raise InvalidInput("A token cannot end before it begins.", field="expires_at")
    text = _PREFIX + secrets.token_urlsafe(32)
    chosen = [scope for scope in SCOPES if scope in (scopes or DEFAULT_SCOPES)]
    token = ApiToken(
        name=name, token_hash=hash_of_token(text), scopes=chosen, created_by=actor, created_at=at, expires_at=expires_at
    )
    session.add(token)
    session.flush()
    audit.record(session, actor, "token.created", f"token:{token.id}", {"scopes": chosen}, at=at)
    return token, text


def give_to(session: Session, token: ApiToken, address: str, *, actor: str, at: datetime) -> None:
    """Let an admin own a token that the command line made: ``owner_of`` then returns this admin.

    :raises InvalidInput: no enabled admin has this address
    """
    is_admin = (Agent.email == address.strip().lower(), Agent.role == Role.ADMIN.value, Agent.active)
    agent_id = session.scalar(select(Agent.id).where(*is_admin))
    if agent_id is None:
        raise InvalidInput("There is no admin with this email address.", field="admin")
    token.created_by = f"{_AGENT}{agent_id}"
    audit.record(session, actor, "token.given", f"token:{token.id}", {"to": token.created_by}, at=at)
    session.flush()


def owner_of(session: Session, created_by: str) -> Agent | None:
    """The agent in whose name a token acts: who made it, else the oldest admin; null where neither is enabled.

    :param created_by: of the token
    """
    number = created_by.removeprefix(_AGENT)
    made_it = session.get(Agent, int(number)) if created_by.startswith(_AGENT) and number.isdigit() else None
    if made_it is not None and made_it.active:
        return made_it
    admins = select(Agent).where(Agent.role == Role.ADMIN.value, Agent.active).order_by(Agent.id)
    return session.scalars(admins.limit(1)).first()


def authenticate(session: Session | ReadConnection, text: str, *, at: datetime) -> Caller:
    """The caller that this token belongs to. Each call reads the database, so a revoked token stops immediately.

    The time that this takes reveals nothing about existing tokens, because only hashes are compared.

    :raises Unauthorized: the token does not exist, was revoked or has expired; the message is the same
    """
    row = _CHECK.one(session, token_hash=hash_of_token(text))
    if row is None or row[5] is not None or (row[4] is not None and row[4] <= at):
        raise Unauthorized("Access Token Invalid")
    token_id, name, scopes, created_by, _, _, last_used_at, calls_per_minute, workspace_key = row
    granted = frozenset[str]().union(*(_IMPLIED.get(scope, set()) for scope in scopes))
    return Caller(token_id, name, granted, created_by, last_used_at, calls_per_minute, workspace_key)


def is_use_due(caller: Caller, *, at: datetime) -> bool:
    """Whether ``record_use`` would write: the last recorded use is at least a minute old."""
    return caller.last_used_at is None or at - caller.last_used_at >= RECORD_USE_EVERY


def record_use(session: Session, token_id: int, *, at: datetime) -> None:
    """Store when a token was last used, at most once a minute.

    A row that another transaction has locked is skipped, so this never waits.
    """
    is_due = or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= at - RECORD_USE_EVERY)
    unlocked = select(ApiToken.id).where(ApiToken.id == token_id, is_due).with_for_update(skip_locked=True)
    session.execute(update(ApiToken).where(ApiToken.id.in_(unlocked)).values(last_used_at=at))


def revoke(session: Session, token_id: int, *, actor: str, at: datetime) -> ApiToken:
    """Revoke a token permanently, from the next call on. Revoking it again changes nothing.

    :raises NotFound: no token has this id
    """
    token = session.get(ApiToken, token_id)
    if token is None:
        raise NotFound("There is no such token.")
    if token.revoked_at is None:
        token.revoked_at = at
        audit.record(session, actor, "token.revoked", f"token:{token.id}", {}, at=at)
        session.flush()
    return token


def find_all(session: Session) -> list[ApiToken]:
    """Every token: those not revoked first, then the newest first."""
    return list(session.scalars(select(ApiToken).order_by(ApiToken.revoked_at.is_not(None), ApiToken.id.desc())))


def names(session: Session) -> dict[str, str]:
    """The name of each token, by actor (``api:4``)."""
    return {f"api:{row.id}": row.name for row in session.execute(select(ApiToken.id, ApiToken.name))}
