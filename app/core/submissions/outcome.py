"""The values of an answer: what the person entered, and the outcome."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.core.destinations import Destination
from app.core.errors import DestinationRefused
from app.core.forms.form_view import State


@dataclass(frozen=True)
class Typed:
    """What the person entered: by channel the number or address, or why it was refused; whether they ticked the box."""

    destinations: Mapping[str, Destination | DestinationRefused]
    has_agreed: bool = False


@dataclass(frozen=True)
class Outcome:
    """The outcome of an answer.

    ``refusal`` is a code of ``phone.REFUSALS`` or ``email.REFUSALS``, or one of ``shown_again`` (the form changed since
    it was rendered, so show it again), ``answered_already`` (another number was sent from this render), ``too_many``,
    ``not_agreed`` (the box is not ticked). ``has_agreed`` is false where the form's box is not ticked.
    ``assumed_country`` is the country that a refused number was read in; see ``DestinationRefused``.
    ``is_claim``: the answer of an unverified person changed no consent. What they see must be true for that, too.
    ``event_id``: the event that this form's answer wrote, now or before; it can be undone. Null where the consent was
    given in another way.
    """

    state: State
    refusal: str | None = None
    destination: Destination | None = None
    event_id: int | None = None
    retry_after_s: int | None = None
    has_agreed: bool = True
    assumed_country: str | None = None
    is_claim: bool = False
