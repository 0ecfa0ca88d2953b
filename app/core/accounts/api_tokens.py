"""API tokens: shown once, kept as a hash, checked with each call, revoked at once."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Table, bindparam, or_, select, update
from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import InvalidInput, NotFound, Unauthorized
from app.db import CompiledStatement, ReadConnection
from app.models import ApiToken, Workspace

SCOPES = ("read", "write", "admin")
DEFAULT_SCOPES = ("read", "write")
NAME_MAX = 120
USE_NOTED_EVERY = timedelta(minutes=1)
_PREFIX = "assent_"
# What a scope lets its holder do beside what it names.
_IMPLIED = {"admin": {"admin", "write", "read"}, "write": {"write", "read"}, "read": {"read"}}
_TOKEN = cast(Table, ApiToken.__table__)
_WORKSPACE = cast(Table, Workspace.__table__)
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
    """Who calls, as far as the token tells, and what the workspace lets one token do.

    :param workspace_key: the workspace's public key, which names it in answers
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
        """As the ledger and the audit log name the token: ``api:4``."""
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
    """A new token, and its text: 256 random bits after ``assent_``, which nobody can read again later.

    :param scopes: of ``SCOPES``; none given means ``DEFAULT_SCOPES``
    :raises InvalidInput: the name, a scope, or a time of expiry that is over
    """
    if not (name := " ".join(name.split())) or len(name) > NAME_MAX:
        raise InvalidInput(f"Give the token a name of at most {NAME_MAX} characters.", field="name")
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        raise InvalidInput(f"There is no scope “{unknown[0][:20]}”; choose of {', '.join(SCOPES)}.", field="scopes")
    if expires_at is not None and expires_at <= at:
        raise InvalidInput("A token cannot end before it begins.", field="expires_at")
    text = _PREFIX + secrets.token_urlsafe(32)
    chosen = [scope for scope in SCOPES if scope in (scopes or DEFAULT_SCOPES)]
    token = ApiToken(
        name=name, token_hash=hash_of(text), scopes=chosen, created_by=actor, created_at=at, expires_at=expires_at
    )
    session.add(token)
    session.flush()
    audit.record(session, actor, "token.created", f"token:{token.id}", {"scopes": chosen}, at=at)
    return token, text


def check(session: Session | ReadConnection, text: str, *, at: datetime) -> Caller:
    """Who comes with this token. One look-up by the hash, so a token that was revoked anywhere is nothing here at once.

    The time it takes tells nothing about a token: what is compared is the hash of what came.

    :raises Unauthorized: nobody has this token, or it was revoked, or it has expired; the answer is the same
    """
    row = _CHECK.one(session, token_hash=hash_of(text))
    if row is None or row[5] is not None or (row[4] is not None and row[4] <= at):
        raise Unauthorized("Access Token Invalid")
    token_id, name, scopes, created_by, _, _, last_used_at, calls_per_minute, workspace_key = row
    granted = frozenset[str]().union(*(_IMPLIED.get(scope, set()) for scope in scopes))
    return Caller(token_id, name, granted, created_by, last_used_at, calls_per_minute, workspace_key)


def is_use_due(caller: Caller, *, at: datetime) -> bool:
    """Whether it is time to write down that the token is in use."""
    return caller.last_used_at is None or at - caller.last_used_at >= USE_NOTED_EVERY


def note_use(session: Session, token_id: int, *, at: datetime) -> None:
    """Keep when a token was last used; nothing is written when somebody did so less than a minute ago, or does so now.

    It waits for nobody who holds the token's row.
    """
    is_due = or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= at - USE_NOTED_EVERY)
    free = select(ApiToken.id).where(ApiToken.id == token_id, is_due).with_for_update(skip_locked=True)
    session.execute(update(ApiToken).where(ApiToken.id.in_(free)).values(last_used_at=at))


def revoke(session: Session, token_id: int, *, actor: str, at: datetime) -> ApiToken:
    """End a token for good, from the next call on. Revoking it again changes nothing.

    :raises NotFound: there is no token with this id
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
    """Every token: those that work first, newest first."""
    return list(session.scalars(select(ApiToken).order_by(ApiToken.revoked_at.is_not(None), ApiToken.id.desc())))


def names(session: Session) -> dict[str, str]:
    """What to call each token where it acted, by ``api:4``."""
    return {f"api:{row.id}": row.name for row in session.execute(select(ApiToken.id, ApiToken.name))}


def hash_of(text: str) -> str:
    """What is kept of a token: its SHA-256 in hex. It has 256 random bits, so no slow hash is needed."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
