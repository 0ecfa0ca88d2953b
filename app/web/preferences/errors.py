"""Error pages of the preference center, in the reader's language."""

from http import HTTPStatus

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, ServiceUnavailable

from app.core.errors import InvalidState, NotFound
from app.core.forms.form_view import State
from app.core.preferences import links
from app.core.submissions.outcome import Outcome
from app.core.wording import translatable
from app.core.workspace import settings
from app.web import errors
from app.web.form_page import refusals
from app.web.i18n import gettext, sentence_of, use_locale
from app.web.preference_page import page as preference_page
from app.web.preference_page.page import NO_PUBLISHER, Publisher, publisher_of
from app.web.preferences.reader import locale_of, view_of
from app.web.services import read_only

_NOT_AVAILABLE = translatable("This is not available any more.")
_EXPIRED = translatable("This link is old. You can still unsubscribe here; for everything else, ask us for a new link.")
_TOO_LONG = translatable("That’s too long.")


def init_app(preferences: Flask) -> None:
    """Show an error page for unknown links, refused acts and unexpected errors."""
    preferences.register_error_handler(NotFound, _not_found)
    preferences.register_error_handler(InvalidState, _refused)
    preferences.register_error_handler(HTTPException, _http_error)


def too_many(token: str, wait_s: int) -> Response:
    """The page that says when to try again."""
    publisher, locale = _publisher(), _locale(token)
    outcome = Outcome(State.ERROR, "too_many", retry_after_s=wait_s)
    response = _page(publisher, locale, refusals.refusal_sentence(outcome, locale), HTTPStatus.TOO_MANY_REQUESTS)
    response.headers["Retry-After"] = str(wait_s)
    return response


def _not_found(_error: NotFound) -> Response:
    """The page of a link that does not work; where the link works, one that leads back from what does not exist."""
    try:
        locale = _locale(_token())
    except NotFound:
        return _unavailable()
    with use_locale(locale):
        sentence = gettext(_NOT_AVAILABLE)
    return _page(_publisher(), locale, sentence, HTTPStatus.NOT_FOUND)


def _refused(error: InvalidState) -> Response:
    locale = _locale(_token())
    is_expired = error.code == "link_expired"
    with use_locale(locale):
        sentence = gettext(_EXPIRED) if is_expired else sentence_of(error)
    status = HTTPStatus.GONE if is_expired else HTTPStatus.CONFLICT
    return _page(_publisher(), locale, sentence, status, state="expired" if is_expired else "error")


def _http_error(error: HTTPException) -> Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    if status == HTTPStatus.NOT_FOUND:
        return _unavailable()
    locale = locale_of(None)
    with use_locale(locale):
        is_too_long = status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        sentence = gettext(_TOO_LONG) if is_too_long else errors.sentence_for_visitors(error)
    is_busy = status >= HTTPStatus.INTERNAL_SERVER_ERROR  # then the database is not asked
    response = _page(NO_PUBLISHER if is_busy else _publisher(), locale, sentence, status)
    if isinstance(error, ServiceUnavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return response


def _unavailable() -> Response:
    return preference_page.unavailable(view_of(_publisher(), "", locale_of(None)))


def _page(publisher: Publisher, locale: str, sentence: str, status: int, *, state: str = "error") -> Response:
    token = _token()
    view = view_of(publisher, token, locale)
    html = preference_page.message_html(view, state, sentence, leads_back=bool(token))
    return preference_page.respond(html, status, publisher)


def _token() -> str:
    return str((request.view_args or {}).get("token", ""))


def _locale(token: str) -> str:
    with read_only() as session:
        return locale_of(links.find(session, token))


def _publisher() -> Publisher:
    with read_only() as session:
        return publisher_of(settings.get(session))
