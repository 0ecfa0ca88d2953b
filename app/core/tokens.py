"""API tokens: shown once, kept as a hash."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import InvalidInput
from app.models import ApiToken

SCOPES = ("read", "write", "admin")
DEFAULT_SCOPES = ("read", "write")
NAME_MAX = 120
_PREFIX = "assent_"


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
    token = ApiToken(name=name, token_hash=hash_of(text), scopes=chosen, created_at=at, expires_at=expires_at)
    session.add(token)
    session.flush()
    audit.record(session, actor, "token.created", f"token:{token.id}", {"scopes": chosen}, at=at)
    return token, text


def hash_of(text: str) -> str:
    """What is kept of a token: its SHA-256 in hex. It has 256 random bits, so no slow hash is needed."""
    return hashlib.sha256(text.encode()).hexdigest()
