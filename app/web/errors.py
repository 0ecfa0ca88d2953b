"""Error pages: each error of core and each HTTP error becomes a page with its status."""

from http import HTTPStatus

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError

from app.core import origins
from app.core.errors import (
    AssentError,
    Forbidden,
    ImmutableField,
    InvalidInput,
    InvalidState,
    NotAvailable,
    NotFound,
    TooMany,
    Unauthorized,
)
from app.core.wording import translatable
from app.db import DatabaseBusy
from app.web import admission
from app.web.i18n import gettext, sentence_of
from app.web.sign_in.setup import without_database

_STATUS: dict[type[AssentError], int] = {
    NotFound: 404,
    Unauthorized: 401,
    Forbidden: 403,
    NotAvailable: 422,
    InvalidState: 409,
    ImmutableField: 422,
    InvalidInput: 422,
    TooMany: 429,
}
_TITLES = {
    400: translatable("That didn’t work"),
    401: translatable("Unauthorized"),
    403: translatable("Not allowed"),
    404: translatable("Page not found"),
    405: translatable("That didn’t work"),
    409: translatable("Conflict"),
    413: translatable("Too large"),
    422: translatable("That didn’t work"),
    429: translatable("Please wait"),
    500: translatable("Something went wrong"),
    503: translatable("Service Unavailable"),
}
_SENTENCES = {
    400: translatable("Go back and try again."),
    404: translatable("The address may be mistyped, or the page was removed."),
    405: translatable("Go back and try again."),
    500: translatable("It is our mistake, and it has been logged. Please try again."),
}
# What visitors read. Whatever they may send a second time counts once.
_NOTHING_RECORDED = translatable("Something went wrong on our side. Nothing was recorded; please try again.")
_MAYBE_RECORDED = translatable(
    "Something went wrong on our side, and we do not know whether this was recorded. Please send it again: it counts "
    "only once."
)


def init_app(app: Flask) -> None:
    app.register_error_handler(AssentError, _refused)
    app.register_error_handler(CSRFError, _stale_page)
    app.register_error_handler(HTTPException, respond)


def status_of(error: AssentError) -> int:
    """The HTTP status of an error."""
    return next((status for error_type, status in _STATUS.items() if isinstance(error, error_type)), 400)


def sentence_for_visitors(error: HTTPException | None) -> str:
    """What an error of ours means for what a visitor has sent. Only a refusal is sure to have recorded nothing."""
    if request.method == "POST" and isinstance(error, InternalServerError | admission.OutcomeUnknown):
        return gettext(_MAYBE_RECORDED)
    return gettext(_NOTHING_RECORDED)


def _refused(error: AssentError) -> ResponseReturnValue:
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, TooMany) else {}
    status = status_of(error)
    return (*_page(status, sentence_of(error)), headers)


def _stale_page(_error: CSRFError) -> ResponseReturnValue:
    return _page(
        400, gettext("This page was open for too long, or you signed in again elsewhere. Go back, reload, try again.")
    )


def respond(error: HTTPException) -> ResponseReturnValue:
    """The page of an HTTP error."""
    if error.response is not None:
        return error.response
    status = error.code or 500
    try:
        page, status = _page(status, _sentence(error, status))
    except (DatabaseBusy, OperationalError):
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        without_database()
        page, status = _page(status, _sentence(error, status), current_agent=None)
    response = error.get_response()
    response.data, response.content_type = page.encode(), "text/html; charset=utf-8"
    return response


def _sentence(error: HTTPException, status: int) -> str:
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return sentence_of(admission.too_large())
    return gettext(_SENTENCES.get(status) or error.description or HTTPStatus(status).phrase)


def _page(status: int, sentence: str, **values: object) -> tuple[str, int]:
    title = gettext(_TITLES.get(status, HTTPStatus(status).phrase))
    shown = {"status": status, "title": title, "sentence": sentence, "path": request.path}
    return render_template("errors/error.html", page_before=_page_before(), **shown | values), status


def _page_before() -> str:
    """The path of the page of ours that a form was sent from, where sign-in leads back to; empty when not known."""
    before = origins.parts_of(request.referrer or "")
    return before.path if before.netloc == request.host else ""
