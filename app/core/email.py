"""Email addresses, for subscription types of the channel email."""

from email_validator import EmailNotValidError, validate_email

from app.core.errors import DestinationRefused
from app.core.wording import translatable

REFUSALS = {
    "email_missing": translatable("Enter your e-mail address."),
    "email_invalid": translatable("This is not an e-mail address. Check it, for example name@example.com."),
}
MAX_TYPED = 254


def read(typed: str) -> str:
    """Parse a typed address and return it in its normal form: lower case. It makes no DNS request.

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
