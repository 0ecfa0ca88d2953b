"""A phone number or an email address that may be opted in, with its keyed hash."""

from dataclasses import dataclass, field

from app.core import email, phone
from app.core.phone import SmsNumber
from app.core.signing import Keys
from app.models import Channel


@dataclass(frozen=True)
class Destination:
    """A number (with its country) or an address that may be opted in, and its keyed hash.

    :param number: what was read here; null of what was read before
    """

    value: str
    hash: str
    country: str | None
    number: SmsNumber | None = field(default=None, compare=False, repr=False)

    @property
    def formatted(self) -> str:
        """A number for people, as ``phone.formatted`` writes it."""
        return self.number.formatted if self.number else phone.formatted(self.value)


def read(
    keys: Keys, typed: str, channel: str, *, region: str | None, allowed_countries: frozenset[str] = frozenset()
) -> Destination:
    """Parse a typed or saved number or address. Reads no database.

    :param region: the country of numbers that are written without a country code
    :raises DestinationRefused: it cannot be opted in; see ``core/phone.py`` and ``core/email.py``
    """
    if channel == Channel.SMS:
        number: SmsNumber = phone.read(typed, region=region, allowed_countries=allowed_countries)
        return Destination(number.e164, keys.destination_hash(number.e164), number.country, number)
    address = email.read(typed)
    return Destination(address, keys.destination_hash(address), None)


def normalize(value: str, channel: str) -> str:
    """A stored number or address as the current rules spell it; a text that is neither is returned unchanged."""
    return phone.normalize(value)[0] if channel == Channel.SMS else email.normalize(value)


def masked(value: str, channel: str) -> str:
    """A stored number or address as a reader may see it who holds only a link: its owner can recognize it."""
    return phone.masked(value) if channel == Channel.SMS else email.masked(value)
