"""The signed token of one render of a form: which wording and which destination the page showed, and when.

An answer carries it, so that the evidence holds what was on the screen, not what would be there now.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.core.signing import Signer

MAX_AGE_S = 24 * 60 * 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class RenderToken:
    """What one render showed. ``destination_hash`` is null where the page asked for a number or address.

    :param place: the form's key or the inserted form's token
    :param region: the country that the page preselected; an answer that names none is read in it
    :param origin: the site that framed the page, if it is an allowed one
    :param nonce: makes all answers to one render count as one
    :param at: to the microsecond, because an opt-out may come a moment before the page
    """

    place: str
    version_id: int
    locale: str
    wording_hash: str
    destination_hash: str | None
    region: str | None
    origin: str | None
    nonce: str
    at: datetime

    def signed(self, signer: Signer) -> str:
        """The token as text for a hidden field."""
        at_us = (self.at - _EPOCH) // timedelta(microseconds=1)
        return signer.sign(
            [
                self.place,
                self.version_id,
                self.locale,
                self.wording_hash,
                self.destination_hash,
                self.region,
                self.origin,
                self.nonce,
                at_us,
            ]
        )

    @classmethod
    def read(cls, signer: Signer, signed: str, *, place: str) -> "RenderToken | None":
        """The token; null when it was not signed here, belongs to another place or is too old."""
        value = signer.read(signed, max_age_s=MAX_AGE_S)
        if value is None or len(value) != 9 or value[0] != place:
            return None
        *shown, at_us = value
        return cls(*[*shown, _EPOCH + timedelta(microseconds=at_us)])
