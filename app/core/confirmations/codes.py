"""Codes of six digits, and nonces of texts that people send. Only their keyed hashes and random values are stored."""

import hmac
import re
import secrets
import unicodedata

from app.core.signing import Keys
from app.core.typed_text import visible

DIGITS = 6
# Without letters and digits that look alike. Ten of them are 50 bits.
_ALPHABET = "ABCDEFGHJKLMNPQRTUVWXYZ234679"
_NONCE_LENGTH = 10
_NONCE = re.compile(rf"(?<![A-Z0-9])[{_ALPHABET}]{{{_NONCE_LENGTH}}}(?![A-Z0-9])")


def new_code() -> str:
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


def code_hash(keys: Keys, token: str, code: str) -> bytes:
    """The keyed hash of a code. It is about one confirmation, so that equal codes have different hashes."""
    return hmac.digest(keys.derive("confirmation-code"), f"{token}:{code}".encode(), "sha256")


def is_code(keys: Keys, token: str, typed: str, stored: bytes | None) -> bool:
    """Whether this is the code. Spaces, dashes and digits of other scripts are read as people mean them."""
    code = read_code(typed)
    return stored is not None and code is not None and hmac.compare_digest(code_hash(keys, token, code), stored)


def read_code(typed: str) -> str | None:
    """The six digits that were typed; null when it is something else."""
    digits = (unicodedata.decimal(each, None) for each in visible(typed))
    code = "".join(str(each) for each in digits if each is not None)
    return code if len(code) == DIGITS else None


def new_nonce() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_NONCE_LENGTH))


def nonces_in(text: str) -> list[str]:
    """What in a text may be a nonce, in the order of the text; at most five."""
    return _NONCE.findall(text.upper())[:5]
