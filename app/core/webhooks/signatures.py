"""Secrets of endpoints, and what they sign (Standard Webhooks)."""

import base64
import secrets
from collections.abc import Iterable
from datetime import datetime

from standardwebhooks import Webhook

from app.core.signing import Keys

_PURPOSE = "webhook secrets"
_PREFIX = "whsec_"
_SECRET_BYTES, _NONCE_BYTES = 32, 12


def new_secret() -> str:
    """``whsec_`` and 256 random bits, as every Standard Webhooks library takes it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def encrypt(keys: Keys, secret: str) -> bytes:
    """A secret as it is kept: of use only together with the secret key of this installation."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # not for processes that never send

    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(keys.derive(_PURPOSE)).encrypt(nonce, secret.encode(), None)


def decrypt(keys: Keys, kept: bytes) -> str:
    """What ``encrypt`` was given."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(keys.derive(_PURPOSE)).decrypt(kept[:_NONCE_BYTES], kept[_NONCE_BYTES:], None).decode()


def headers(signing_secrets: Iterable[str], message_id: str, body: str, *, at: datetime) -> dict[str, str]:
    """``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, with one signature for each secret.

    :param at: of this attempt; receivers refuse what is older than five minutes
    """
    signed = [Webhook(secret).sign(message_id, at, body) for secret in signing_secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signed),
    }
