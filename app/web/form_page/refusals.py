"""Sentences about refused answers, in the reader's language, and their HTTP status."""

from math import ceil

from app.core import email, phone
from app.core.submissions.outcome import Outcome
from app.core.wording import translatable
from app.web.i18n import gettext, ngettext, sentence_of, use_locale

_REFUSALS = email.REFUSALS | {
    "shown_again": translatable("Something here changed since you opened it. Please check, then press the button."),
    "try_later": translatable(
        "We cannot send a text to this number now. Nothing was recorded; please try again later."
    ),
    "answered_already": translatable(
        "This page was used for another number already. To sign up this one too, press the button again."
    ),
}
_REFUSAL_STATUS = {"too_many": 429, "try_later": 429, "shown_again": 409, "answered_already": 409}


def refusal_sentence(outcome: Outcome, locale: str) -> str:
    """The sentence that tells the person what to do about a refusal; empty when there is none."""
    if outcome.refusal in {None, "not_agreed"}:
        return ""
    with use_locale(locale):
        if outcome.refusal == "phone_country_code_missing" and outcome.assumed_country is None:
            return gettext("Choose the country, or start with + and the country code.")
        if outcome.refusal in phone.REFUSALS:
            return sentence_of(phone.refused(outcome.refusal, outcome.assumed_country))
        if outcome.refusal == "too_many":
            return ngettext(
                "Too many attempts. Please try again in %(num)s minute.",
                "Too many attempts. Please try again in %(num)s minutes.",
                ceil((outcome.retry_after_s or 60) / 60),
            )
        return gettext(_REFUSALS[outcome.refusal])


def tick_sentence(locale: str) -> str:
    """The sentence beside a box that is not ticked."""
    with use_locale(locale):
        return gettext("Tick this box to sign up.")


def refusal_status(outcome: Outcome) -> int:
    """The HTTP status of a refusal."""
    return _REFUSAL_STATUS.get(outcome.refusal or "", 422)
