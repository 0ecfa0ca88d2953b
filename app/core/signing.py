"""Keys made from the one secret, each for one purpose; keyed hashes; signed values; random tokens."""

import hashlib
import hmac
import secrets
from typing import Any, cast

from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy.orm import Session

_SESSION_KEY = "assent_keys"


class Keys:
    """Everything that is derived from the secret key. Losing the key loses what the hashes stand for."""

    def __init__(self, secret_key: str) -> None:
        self._secret = secret_key.encode()
        self._destinations = self.derive("destination")
        self.check = hmac.new(self.derive("check"), b"assent", hashlib.sha256).hexdigest()

    def derive(self, purpose: str) -> bytes:
        """32 bytes that are of use for ``purpose`` only."""
        return hmac.new(self._secret, b"assent:" + purpose.encode(), hashlib.sha256).digest()

    def destination_hash(self, destination: str) -> str:
        """The keyed hash of a number (E.164) or normalised e-mail address: 32 hex characters."""
        return hmac.new(self._destinations, destination.encode(), hashlib.sha256).hexdigest()[:32]

    def bucket(self, name: str, value: str) -> str:
        """A rate counter's key that does not tell what it counts."""
        return name + ":" + hmac.new(self._destinations, f"{name}:{value}".encode(), hashlib.sha256).hexdigest()[:32]

    def signer(self, purpose: str) -> "Signer":
        return Signer(self.derive(purpose))


class Signer:
    """Signs small JSON values, with the time at which it did."""

    def __init__(self, key: bytes) -> None:
        self._serializer = URLSafeTimedSerializer(key, signer_kwargs={"digest_method": hashlib.sha256})

    def sign(self, value: list[Any]) -> str:
        signed: str = self._serializer.dumps(value)
        return signed

    def read(self, signed: str, *, max_age_s: int) -> list[Any] | None:
        """The value, or null when it was not signed here or is older than ``max_age_s``."""
        try:
            value = self._serializer.loads(signed, max_age=max_age_s)
        except BadData:
            return None
        return value if isinstance(value, list) else None


def keys_of(session: Session) -> Keys:
    """The keys that this session's database works with."""
    return cast(Keys, session.info[_SESSION_KEY])


def equip(info: dict[str, Any], keys: Keys) -> None:
    """Give every session of a database its keys."""
    info[_SESSION_KEY] = keys


def random_token() -> str:
    """22 characters of 128 random bits, for addresses that work without sign-in."""
    return secrets.token_urlsafe(16)


def random_public_id() -> str:
    """24 hex characters, as contacts and segments carry on the wire."""
    return secrets.token_hex(12)
