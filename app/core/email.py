"""E-mail addresses, for subscription types that go by e-mail."""

from email_validator import EmailNotValidError, validate_email

from app.core.errors import DestinationRefused
from app.core.wording import translatable

REFUSALS = {
    "email_missing": translatable("Enter your e-mail address."),
    "email_invalid": translatable("This is not an e-mail address. Check it, for example name@example.com."),
}
MAX_TYPED = 254


def read(typed: str) -> str:
    """What somebody typed, as an address in its normal form: lower case, no look-up in DNS.

    :raises DestinationRefused: with a code of ``REFUSALS`` and field ``email``
    """
    text = typed.strip()
    if not text:
        raise _refused("email_missing")
    if len(text) > MAX_TYPED:
        raise _refused("email_invalid")
    try:
        return validate_email(text, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise _refused("email_invalid") from None


def normalise(given: str) -> str:
    """An address in its normal form; what is none stays as it was given."""
    try:
        return read(given)
    except DestinationRefused:
        return given


def is_valid(address: str) -> bool:
    try:
        read(address)
    except DestinationRefused:
        return False
    return True


def masked(address: str) -> str:
    """First character and last part of the domain: ``s•••@•••.com``."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}•••@•••.{domain.rpartition('.')[2]}"


def _refused(code: str) -> DestinationRefused:
    return DestinationRefused(REFUSALS[code], field="email", code=code)
