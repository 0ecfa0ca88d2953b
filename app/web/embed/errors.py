"""Error pages of the embed, and sentences about refused answers, in the reader's language."""

from http import HTTPStatus
from math import ceil

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, ServiceUnavailable

from app.core import email, phone, wording
from app.core.errors import NotFound
from app.core.submissions.outcome import Outcome
from app.core.wording import translatable
from app.web.form_page import page as form_page
from app.web.i18n import gettext, ngettext, use_locale

_SENTENCES = {
    404: translatable("There is no form at this address."),
    413: translatable("What you sent is too large."),
}
_UNEXPECTED = translatable("Something went wrong on our side. Nothing was recorded; please try again.")
_REFUSALS = email.REFUSALS | {
    "shown_again": translatable("Something here changed since you opened it. Please check, then press the button."),
    "answered_already": translatable(
        "This page was used for another number already. To sign up this one too, press the button again."
    ),
}
_REFUSAL_STATUS = {"too_many": 429, "shown_again": 409, "answered_already": 409}


def init_app(embed: Flask) -> None:
    """Show an error page for unknown forms, bad requests and unexpected errors."""
    embed.register_error_handler(NotFound, _not_found)
    embed.register_error_handler(HTTPException, _http_error)


def refusal_sentence(outcome: Outcome, locale: str) -> str:
    """The sentence that tells the person what to do about a refusal; empty when there is none."""
    if outcome.refusal in {None, "not_agreed"}:
        return ""
    if outcome.refusal in phone.REFUSALS:
        return phone.refusal_sentence(outcome.refusal, outcome.assumed_country, locale)
    with use_locale(locale):
        if outcome.refusal == "phone_country_code_missing" and outcome.assumed_country is None:
            return gettext("Choose the country, or start with + and the country code.")
        if outcome.refusal in phone.REFUSALS:
            return phone.refusal_sentence(outcome.refusal, outcome.assumed_country, locale)
        if outcome.refusal == "too_many":
            return ngettext(
                "That was tried too often. Please try again in %(num)s minute.",
                "That was tried too often. Please try again in %(num)s minutes.",
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


def _not_found(_error: NotFound) -> Response:
    return _error_page(HTTPStatus.NOT_FOUND)


def _http_error(error: HTTPException) -> Response:
    response = _error_page(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    if isinstance(error, ServiceUnavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return response


def _error_page(status: int) -> Response:
    locale = wording.negotiate(None, request.headers.get("Accept-Language", ""))
    with use_locale(locale):
        sentence = gettext(_SENTENCES.get(status, _UNEXPECTED))
    return form_page.respond_with_error(sentence, locale, status)
