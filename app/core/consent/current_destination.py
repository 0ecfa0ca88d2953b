"""An opt-in counts only for the number or address that it was given for: the rule in Python and in SQL."""

from typing import Protocol

from sqlalchemy import ColumnElement, case

from app.models import Channel, Consent, ConsentState, Contact

_CONTACT = Contact.__table__
_CONSENT = Consent.__table__


class Destinations(Protocol):
    """The hashes of a contact's number and address. A ``Contact`` has them, and a row with these columns."""

    @property
    def phone_hash(self) -> str | None: ...
    @property
    def email_hash(self) -> str | None: ...


def hash_of(contact: Destinations, channel: str) -> str | None:
    """The hash of the number or address that messages of this channel go to.

    Null when the contact has none, or a text that is no email address.
    """
    return contact.phone_hash if channel == Channel.SMS else contact.email_hash


def is_opted_in(state: str | None, given_for: str | None, destination_hash: str | None) -> bool:
    """Whether a consent is an opt-in for this destination.

    :param state: of the consent; null when there is none
    :param given_for: the hash of the destination that the consent was given for
    """
    return state == ConsentState.OPTED_IN and given_for == destination_hash


def is_given_for_current(channel: str | ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a row of ``consents`` was given for the number or address that its contact has now."""
    is_for_number = _CONSENT.c.destination_hash == _CONTACT.c.phone_hash
    is_for_address = _CONSENT.c.destination_hash == _CONTACT.c.email_hash
    if isinstance(channel, str):
        return is_for_number if channel == Channel.SMS else is_for_address
    return case((channel == Channel.SMS.value, is_for_number), else_=is_for_address)
