"""Keys made from the one secret, each for one purpose; keyed hashes; signed values; random tokens."""

import base64
import hmac
import json
import secrets
import time
from typing import Any, cast

from sqlalchemy.orm import Session

from app.db import ReadConnection

_SESSION_KEY = "assent_keys"


class Keys:
    """Everything that is derived from the secret key. Losing the key loses what the hashes stand for."""

    def __init__(self, secret_key: str) -> None:
        self._secret = secret_key.encode()
        self._destinations = self.derive("destination")
        self._signers: dict[str, Signer] = {}
        self.check = hmac.digest(self.derive("check"), b"assent", "sha256").hex()

    def derive(self, purpose: str) -> bytes:
        """32 bytes that are of use for ``purpose`` only."""
        return hmac.digest(self._secret, b"assent:" + purpose.encode(), "sha256")

    def destination_hash(self, destination: str) -> str:
        """The keyed hash of a number (E.164) or normalised e-mail address: 32 hex characters."""
        return hmac.digest(self._destinations, destination.encode(), "sha256").hex()[:32]

    def bucket(self, name: str, value: str) -> str:
        """A rate counter's key that does not tell what it counts."""
        return name + ":" + hmac.digest(self._destinations, f"{name}:{value}".encode(), "sha256").hex()[:32]

    def signer(self, purpose: str) -> "Signer":
        """What signs for ``purpose``; a value that it signed means nothing to any other."""
        if purpose not in self._signers:
            self._signers[purpose] = Signer(self.derive("sign:" + purpose))
        return self._signers[purpose]


class Signer:
    """Signs small JSON values, with the time at which it did."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, value: list[Any]) -> str:
        """The value and the present second, readable, with a signature behind; letters, digits, ``-``, ``_``, ``.``."""
        payload = _encode(json.dumps([int(time.time()), *value], separators=(",", ":")).encode())
        return (payload + b"." + self._signature(payload)).decode()

    def read(self, signed: str, *, max_age_s: int) -> list[Any] | None:
        """The value, or null when it was not signed here or is older than ``max_age_s``."""
        payload, _, signature = signed.encode("utf-8", "replace").partition(b".")
        if not hmac.compare_digest(signature, self._signature(payload)):
            return None
        signed_at_s, *value = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
        return value if time.time() - signed_at_s <= max_age_s else None

    def _signature(self, payload: bytes) -> bytes:
        return _encode(hmac.digest(self._key, payload, "sha256"))


def _encode(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def keys_of(session: Session | ReadConnection) -> Keys:
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


def is_public_id(text: str) -> bool:
    """Whether it looks like one, so that nothing else reaches the database."""
    return len(text) == 24 and text.isascii() and text.isalnum()
