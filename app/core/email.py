"""Email addresses, for subscription types of the channel email."""

import re
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from app.core import typed_text
from app.core.errors import DestinationRefused
from app.core.wording import translatable

REFUSALS = {
    "email_missing": translatable("Enter your email address."),
    "email_invalid": translatable("This is not an email address. Check it, for example name@example.com."),
}
MAX_TYPED = 254
# To clean a text takes time by its length, and one character can become eighteen.
_READ_MAX = 4 * MAX_TYPED
# A usual address, whose part before the @ is valid as it is.
_PLAIN = re.compile(r"([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)@([A-Za-z0-9.-]+)")
# In octets. Source: RFC 5321 4.5.3.1.1 and its erratum 1690.
_LOCAL_PART_MAX, _ADDRESS_MAX = 64, 254


def read(typed: str) -> str:
    """Parse a typed address and return it in its normal form: NFKC, lower case. It makes no DNS request.

    Invisible characters are dropped: an address that looks the same is the same person. The domain is read by UTS 46.

    :raises DestinationRefused: with a code of ``REFUSALS`` and field ``email``
    """
    text = typed_text.visible(typed) if len(typed) <= _READ_MAX else typed
    if not text:
        raise _refused("email_missing")
    if len(text) > MAX_TYPED:
        raise _refused("email_invalid")
    plain = _PLAIN.fullmatch(text)
    domain = _domain(plain[2]) if plain else None
    address = f"{plain[1].lower()}@{domain}" if plain and domain else _validated(text)
    local_part = address.rpartition("@")[0]
    if len(local_part.encode()) > _LOCAL_PART_MAX or len(address.encode()) > _ADDRESS_MAX:
        raise _refused("email_invalid")
    return address


@lru_cache(maxsize=4096)
def _domain(text: str) -> str | None:
    """The domain in its normal form; null where it is refused. Lists of contacts have few domains for many people."""
    try:
        return _validated(f"a@{text}").removeprefix("a@")
    except DestinationRefused:
        return None


def _validated(text: str) -> str:
    try:
        return validate_email(text, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise _refused("email_invalid") from None


def normalize(text: str) -> str:
    """An address in its normal form; a text that is not an address is returned unchanged."""
    try:
        return read(text)
    except DestinationRefused:
        return text


def is_valid(address: str) -> bool:
    try:
        read(address)
    except DestinationRefused:
        return False
    return True


def masked(address: str) -> str:
    """The address with only its first character and the last part of the domain: ``s•••@•••.com``."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}•••@•••.{domain.rpartition('.')[2]}"


def _refused(code: str) -> DestinationRefused:
    return DestinationRefused(REFUSALS[code], field="email", code=code)
