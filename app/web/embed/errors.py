"""Error pages of the embed, in the reader's language."""

from http import HTTPStatus

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, ServiceUnavailable

from app.core.errors import InvalidState, NotFound
from app.core.forms import wording as form_wording
from app.core.wording import translatable
from app.core.workspace import settings
from app.web import errors
from app.web.embed import pages
from app.web.form_page import page as form_page
from app.web.form_page.page import ErrorPage
from app.web.i18n import gettext, use_locale
from app.web.services import read_only

_SENTENCES = {
    404: translatable("There is no form at this address."),
    413: translatable("That’s too long."),
}
_UNDO_REFUSALS = {
    "undo_too_late": translatable("This can no longer be undone here."),
    "changed_since": translatable("This cannot be undone here, because it changed since then."),
}
_FORMS = {"key": "embed.public_form", "token": "embed.inserted_form"}
_NEXT_STEPS = {
    404: translatable("Check the address, or ask for a new link where you got this one."),
    409: translatable("You can withdraw your consent at any time."),
}


def init_app(embed: Flask) -> None:
    """Show an error page for unknown forms, bad requests and unexpected errors."""
    embed.register_error_handler(NotFound, _not_found)
    embed.register_error_handler(InvalidState, _not_undone)
    embed.register_error_handler(HTTPException, _http_error)


def _not_found(_error: NotFound) -> Response:
    return _error_page(HTTPStatus.NOT_FOUND)


def _http_error(error: HTTPException) -> Response:
    response = _error_page(error.code or HTTPStatus.INTERNAL_SERVER_ERROR, error=error)
    if isinstance(error, ServiceUnavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return response


def _not_undone(error: InvalidState) -> Response:
    if error.code not in _UNDO_REFUSALS:
        raise error
    return _error_page(HTTPStatus.CONFLICT, error.code)


def _error_page(status: int, refusal: str = "", error: HTTPException | None = None) -> Response:
    """:param refusal: a code of ``_UNDO_REFUSALS``; without one the status says what is wrong, or ``error``"""
    locale = pages.negotiated()
    brand, help_html = _publisher(locale) if status in _NEXT_STEPS else ("", "")
    next_step = _NEXT_STEPS.get(status)
    with use_locale(locale):
        sentence = _UNDO_REFUSALS.get(refusal) or _SENTENCES.get(status)
        page = ErrorPage(
            gettext(sentence) if sentence else errors.sentence_for_visitors(error),
            refusal or HTTPStatus(status).name.lower(),
            gettext(next_step) if next_step else "",
            brand,
            help_html,
            _form_address() if status != HTTPStatus.NOT_FOUND else "",
        )
    return form_page.respond_with_error(page, locale, status)


def _form_address() -> str:
    """The address of the form that the request was about; empty where it was about none, or that opens only once."""
    path = request.view_args or {}
    return next((pages.address(endpoint) for name, endpoint in _FORMS.items() if name in path), "")


def _publisher(locale: str) -> tuple[str, str]:
    """The name of the workspace, and whom to ask."""
    with read_only() as session:
        workspace = settings.get(session)
        return workspace.name, form_wording.help_html(workspace.help_contact, locale)
