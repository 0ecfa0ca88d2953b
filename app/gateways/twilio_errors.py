"""What Twilio's error codes mean for us.

Source: https://www.twilio.com/docs/api/errors/ followed by the code.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from app.gateways.base import Effect


class Meaning(NamedTuple):
    """:param sentence: what the code says, for agents"""

    effect: Effect
    sentence: str


_GONE, _NOW = Effect.UNDELIVERABLE, Effect.UNREACHABLE
MEANINGS: Mapping[str, Meaning] = MappingProxyType(
    {
        "20003": Meaning(Effect.STOP, "Twilio refuses the account SID or the auth token."),
        "20429": Meaning(Effect.RETRY, "Twilio asks to send more slowly."),
        "21211": Meaning(_GONE, "The number is not valid."),
        "21408": Meaning(Effect.STOP, "The account may not send to this country."),
        "21606": Meaning(Effect.STOP, "The sender cannot send texts to this number."),
        "21610": Meaning(Effect.SUPPRESS, "The number opted out at the carrier."),
        # about one pair of numbers: the next text may well get through
        "21612": Meaning(Effect.NONE, "The sender cannot reach this number."),
        "21614": Meaning(_GONE, "The number is not a mobile number."),
        "21617": Meaning(Effect.NONE, "The text is too long."),
        "21635": Meaning(_GONE, "The number is a landline."),
        "30001": Meaning(Effect.RETRY, "Twilio's queue is full."),
        "30002": Meaning(Effect.STOP, "The account is suspended."),
        "30003": Meaning(_NOW, "The handset cannot be reached at the moment."),
        "30004": Meaning(Effect.REVIEW, "The carrier or the person blocks texts from us."),
        "30005": Meaning(_NOW, "The carrier does not know the handset."),
        "30006": Meaning(_GONE, "The number is a landline, or its carrier cannot be reached."),
        "30007": Meaning(Effect.STOP, "The carrier filters these texts as unwanted."),
        "30008": Meaning(_NOW, "The carrier gives no reason."),
        "30034": Meaning(Effect.STOP, "The sender is not registered for texts to this country."),
        "30450": Meaning(Effect.STOP, "Twilio blocks texts to this range of numbers against pumping."),
    }
)
# The text was not taken. After another server error (502, 504) it may have been.
_NOT_TAKEN = frozenset({429, 500, 503})


def meaning(code: str | None, status: int | None = None) -> Meaning:
    """What an error code means; without a known code, what the HTTP status means.

    A refusal that is not known is not sent again: the same text would be refused again.
    """
    if code is not None and (known := MEANINGS.get(code)):
        return known
    if status in _NOT_TAKEN:
        return Meaning(Effect.RETRY, "Twilio cannot take texts at the moment.")
    if status in {401, 403}:
        return Meaning(Effect.STOP, "Twilio refuses the account SID or the auth token.")
    return Meaning(Effect.NONE, "Twilio refuses the text.")
