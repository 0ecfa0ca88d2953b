"""The values of an answer: what the person entered, and the outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.core.destinations import Destination
from app.core.errors import DestinationRefused
from app.core.forms.form_view import FormView, State
from app.core.forms.render_token import RenderToken
from app.core.ledger.evidence import Evidence


@dataclass(frozen=True)
class Typed:
    """What the person entered: by channel the number or address, or why it was refused; whether they ticked the box."""

    destinations: Mapping[str, Destination | DestinationRefused]
    has_agreed: bool = False


@dataclass(frozen=True)
class Answer:
    """One answer with the destination that the person agreed to, and everything that is needed to record it."""

    view: FormView
    shown: RenderToken
    destination: Destination
    evidence: Evidence
    at: datetime


@dataclass(frozen=True)
class Outcome:
    """The outcome of an answer.

    ``refusal`` is a code of ``phone.REFUSALS`` or ``email.REFUSALS``, or one of ``shown_again`` (the form changed since
    it was rendered, so show it again), ``answered_already`` (another number was sent from this render), ``too_many``,
    ``try_later`` (no more codes may be sent now), ``not_agreed`` (the box is not ticked). ``has_agreed`` is false where
    the form's box is not ticked.
    ``assumed_country`` is the country that a refused number was read in or is of; see ``DestinationRefused``.
    ``is_claim``: the answer of an unverified person changed no consent. What they see must be true for that, too.
    ``event_id``: the event that this form's answer wrote, now or before; it can be undone. Null where the consent was
    given in another way.
    ``confirmation``: in the state ``confirm``, the token of what waits to be confirmed.
    """

    state: State
    refusal: str | None = None
    destination: Destination | None = None
    event_id: int | None = None
    retry_after_s: int | None = None
    has_agreed: bool = True
    assumed_country: str | None = None
    is_claim: bool = False
    confirmation: str | None = None
