"""The secrets of endpoints, and the signatures of webhooks (Standard Webhooks)."""

import base64
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

from standardwebhooks import Webhook

from app.core.signing import Keys

_PURPOSE = "webhook secrets"
_PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> str:
    """A new secret: ``whsec_`` and 256 random bits, in the format of Standard Webhooks libraries."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def encrypt(keys: Keys, secret: str) -> bytes:
    """Encrypt a secret with the secret key of this installation."""
    return keys.sealer(_PURPOSE).encrypt(secret.encode())


def decrypt(keys: Keys, encrypted: bytes) -> str:
    """The secret that ``encrypt`` encrypted."""
    return keys.sealer(_PURPOSE).decrypt(encrypted).decode()


def hub_signature(secret: str, body: str) -> dict[str, str]:
    """``X-Hub-Signature``: the HMAC-SHA1 of the body with the endpoint's secret as it was shown, as Intercom signs.

    Beside the other headers only: it protects from no replay, and our own receivers should not use it.
    """
    signed = hmac.new(secret.encode(), body.encode(), "sha1").hexdigest()
    return {"X-Hub-Signature": f"sha1={signed}"}


def headers(signing_secrets: Iterable[str], message_id: str, body: str, *, at: datetime) -> dict[str, str]:
    """``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, with one signature for each secret.

    :param at: the time of this attempt; receivers refuse webhooks older than five minutes
    """
    signed = [Webhook(secret).sign(message_id, at, body) for secret in signing_secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signed),
    }
