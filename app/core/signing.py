"""Keys derived from the secret key, each for one purpose; keyed hashes; signed and sealed values; random tokens."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import Any, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.orm import Session

from app.db import ReadConnection

_SESSION_KEY = "assent_keys"
_NONCE_BYTES = 12


class Keys:
    """The keys that are derived from the secret key. Without it, stored hashes match nothing any more."""

    def __init__(self, secret_key: str) -> None:
        self._secret = secret_key.encode()
        self._destinations = self.derive("destination")
        self._signers: dict[str, Signer] = {}
        self._sealers: dict[str, Sealer] = {}
        self.check = hmac.digest(self.derive("check"), b"assent", "sha256").hex()

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for this purpose only."""
        return hmac.digest(self._secret, b"assent:" + purpose.encode(), "sha256")

    def destination_hash(self, destination: str) -> str:
        """The keyed hash of a number (E.164) or normalized email address: 32 hex characters."""
        return hmac.digest(self._destinations, destination.encode(), "sha256").hex()[:32]

    def bucket(self, name: str, value: str) -> str:
        """The key of a rate counter. It is hashed, so that it does not reveal ``value``."""
        return name + ":" + hmac.digest(self._destinations, f"{name}:{value}".encode(), "sha256").hex()[:32]

    def signer(self, purpose: str) -> "Signer":
        """The signer for this purpose. Signers of other purposes refuse its values."""
        if purpose not in self._signers:
            self._signers[purpose] = Signer(self.derive("sign:" + purpose))
        return self._signers[purpose]

    def sealer(self, purpose: str) -> "Sealer":
        """The sealer for this purpose. Sealers of other purposes refuse its values."""
        if purpose not in self._sealers:
            self._sealers[purpose] = Sealer(self.derive(purpose))
        return self._sealers[purpose]


class Signer:
    """Signs small JSON values together with the current time."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, value: list[Any]) -> str:
        """The current time, the value and a signature in characters that URLs allow. The value stays readable."""
        payload = _encode(json.dumps([int(time.time()), *value], separators=(",", ":")).encode())
        return (payload + b"." + self._signature(payload)).decode()

    def read(self, signed: str, *, max_age_s: int) -> list[Any] | None:
        """The value; null when the signature is wrong or older than ``max_age_s``."""
        payload, _, signature = signed.encode("utf-8", "replace").partition(b".")
        if not hmac.compare_digest(signature, self._signature(payload)):
            return None
        signed_at_s, *value = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
        return value if time.time() - signed_at_s <= max_age_s else None

    def _signature(self, payload: bytes) -> bytes:
        return _encode(hmac.digest(self._key, payload, "sha256"))


class Sealer:
    """Encrypts with AES-256-GCM: bytes, to store them, and small JSON values for addresses, which proxies log."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def encrypt(self, content: bytes, *, bound_to: bytes | None = None) -> bytes:
        """A random nonce and the encrypted content, which only the same key and the same ``bound_to`` decrypt."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, bound_to)

    def decrypt(self, encrypted: bytes, *, bound_to: bytes | None = None) -> bytes:
        """What ``encrypt`` encrypted.

        :raises InvalidTag: with another key or ``bound_to``, or it was changed
        :raises ValueError: it is shorter than the nonce
        """
        return self._cipher.decrypt(encrypted[:_NONCE_BYTES], encrypted[_NONCE_BYTES:], bound_to)

    def seal(self, value: dict[str, Any]) -> str:
        """The current time and the value in characters that URLs allow. Only the same key opens it."""
        content = json.dumps([int(time.time()), value]).encode()
        return base64.urlsafe_b64encode(self.encrypt(content)).decode()

    def open(self, sealed: str, *, max_age_s: int) -> dict[str, Any] | None:
        """The value; null when it was not sealed with this key, was changed or is older than ``max_age_s``."""
        try:
            opened = self.decrypt(base64.urlsafe_b64decode(sealed.encode("utf-8", "replace")))
        except (ValueError, InvalidTag):
            return None
        sealed_at_s, value = json.loads(opened)
        return cast(dict[str, Any], value) if time.time() - sealed_at_s <= max_age_s else None


def _encode(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def keys_of(session: Session | ReadConnection) -> Keys:
    """The keys of this session's database."""
    return cast(Keys, session.info[_SESSION_KEY])


def attach(info: dict[str, Any], keys: Keys) -> None:
    """Attach the keys to a database, so that each of its sessions has them."""
    info[_SESSION_KEY] = keys


def random_token() -> str:
    """A token of 128 random bits in 22 characters, for URLs that need no sign-in."""
    return secrets.token_urlsafe(16)


def random_short_token() -> str:
    """A token of 96 random bits in 16 characters, for URLs that are sent in texts."""
    return secrets.token_urlsafe(12)


def hash_of_token(text: str) -> str:
    """The SHA-256 of a token in hex, which is stored. A token has 256 random bits, so no slow hash is needed."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def is_short_token(text: str) -> bool:
    """Whether a text has the form of a short token. Other texts need no query."""
    return len(text) == 16 and text.isascii()


def random_public_id() -> str:
    """24 random hex characters, the public id of contacts and segments."""
    return secrets.token_hex(12)


def random_public_ids(count: int) -> list[str]:
    """As ``random_public_id``, from one request to the system."""
    digits = secrets.token_hex(12 * count)
    return [digits[begin : begin + 24] for begin in range(0, 24 * count, 24)]


def is_public_id(text: str) -> bool:
    """Whether a text has the form of a public id. Other texts need no query."""
    return len(text) == 24 and text.isascii() and text.isalnum()
