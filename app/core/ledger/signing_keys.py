"""The Ed25519 keys that sign seals and receipts. One is active; retired ones stay for verifying."""

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app import logs
from app.core import audit, clock
from app.core.ledger.canonical import canonical_json, microseconds
from app.core.signing import Keys, Sealer, keys_of
from app.db import dialect_of
from app.models import LedgerSeal, SigningKey

# PostgreSQL's advisory lock, so that two processes make one key. On SQLite writers take turns anyway.
_LOCK = text("SELECT pg_advisory_xact_lock(4273)")
_ACTIVE = select(SigningKey).where(SigningKey.retired_at.is_(None))
_log = logs.get_logger()


def active(session: Session) -> SigningKey | None:
    """The key that signs now; null before the first seal, and after its row was lost."""
    newest_first = _ACTIVE.order_by(SigningKey.created_at.desc(), SigningKey.id)
    return session.scalars(newest_first.limit(1)).one_or_none()


def ensure(session: Session) -> SigningKey:
    """The key that signs now. The first one is made when it is needed, and another when it can no longer sign.

    Keys do not change before this transaction ends, so a seal is never signed by a key that was retired meanwhile.
    Flushes, does not commit.
    """
    _lock(session)
    key = active(session)
    if key is None:
        return _make(session)
    if can_sign(session, key):
        return key
    _log.error("the signing key can no longer sign, a new one replaces it", extra={"key_id": key.id})
    return rotate(session)


def rotate(session: Session) -> SigningKey:
    """Make a new key and retire the active one. What the old one signed can still be verified. Returns the new key.

    The private part of the retired key is deleted, so it cannot sign again. Flushes, does not commit.
    """
    _lock(session)
    now, retired = clock.now(), active(session)
    for old in session.scalars(_ACTIVE).all():
        last_use = session.scalar(select(func.max(LedgerSeal.sealed_at)).where(LedgerSeal.key_id == old.id))
        old.retired_at, old.private_key = max(now, last_use or now), None  # the clock may have been set back since
    session.flush()
    made = _make(session)
    details = {"key": made.id, "retired": retired.id if retired else None}
    audit.record(session, "system", "signing_key.rotated", f"signing_key:{made.id}", details, at=now)
    return made


def all_keys(session: Session) -> list[SigningKey]:
    """Every key, the oldest first."""
    return list(session.scalars(select(SigningKey).order_by(SigningKey.created_at, SigningKey.id)))


def can_sign(session: Session, key: SigningKey) -> bool:
    """Whether this installation made the key and its private part is still there."""
    try:
        return is_ours(session, key) and bool(_private(session, key))
    except (InvalidTag, ValueError, TypeError):
        return False


def sign(session: Session, key: SigningKey, content: bytes) -> bytes:
    """The signature of the active key over ``content``, 64 bytes."""
    return Ed25519PrivateKey.from_private_bytes(_private(session, key)).sign(content)


def is_signed(public_key: bytes, signature: bytes, content: bytes) -> bool:
    """Whether the owner of this public key signed ``content``."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def is_ours(session: Session, key: SigningKey) -> bool:
    """Whether this installation made the key: only who knows the secret key can compute its proof."""
    if not (isinstance(key.public_key, bytes) and isinstance(key.proof, bytes)):
        return False  # SQLite keeps text in these columns, too
    expected = _proof(keys_of(session), key.public_key, key.created_at)
    return hmac.compare_digest(key.proof, expected) and key.id == thumbprint(key.public_key)


def jwk(key: SigningKey) -> dict[str, Any]:
    """The public key as a JWK (RFC 8037), with the times (Unix seconds) since and until it signed."""
    return {
        **_required_members(key.public_key),
        "kid": key.id,
        "alg": "EdDSA",
        "use": "sig",
        "created_at": int(key.created_at.timestamp()),
        "retired_at": int(key.retired_at.timestamp()) if key.retired_at else None,
    }


def thumbprint(public_key: bytes) -> str:
    """The id of a key: the SHA-256 thumbprint of its JWK, 43 characters.

    Source: RFC 7638, RFC 8037 section 2
    """
    return _base64url(hashlib.sha256(canonical_json(_required_members(public_key))).digest())


def _private(session: Session, key: SigningKey) -> bytes:
    return _sealer(keys_of(session)).decrypt(key.private_key or b"", bound_to=key.id.encode())


def _make(session: Session) -> SigningKey:
    keys, private, at = keys_of(session), Ed25519PrivateKey.generate(), clock.now()
    public_key = private.public_key().public_bytes_raw()
    key_id, proof = thumbprint(public_key), _proof(keys, public_key, at)
    encrypted = _sealer(keys).encrypt(private.private_bytes_raw(), bound_to=key_id.encode())
    made = SigningKey(id=key_id, public_key=public_key, private_key=encrypted, proof=proof, created_at=at)
    session.add(made)
    session.flush()
    return made


def _lock(session: Session) -> None:
    if dialect_of(session) == "postgresql":
        session.execute(_LOCK)


def _sealer(keys: Keys) -> Sealer:
    return keys.sealer("signing_keys")


def _proof(keys: Keys, public_key: bytes, created_at: datetime) -> bytes:
    content = public_key + str(microseconds(created_at)).encode()
    return hmac.digest(keys.derive("proof of signing_keys"), content, "sha256")


def _required_members(public_key: bytes) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64url(public_key)}


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
