"""``GET /s/<token>``: leads on to the address of a short link."""

from http import HTTPStatus
from typing import cast

from flask import Blueprint, Response, abort, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from app.core import wording
from app.core.campaigns import short_links
from app.core.workspace import settings
from app.web.i18n import gettext, use_locale
from app.web.preference_page.page import NO_PUBLISHER, View, message_html, publisher_of, respond, unavailable
from app.web.services import read_only
from app.web.short_links.clicks import Clicks

EXTENSION = "assent.clicks"
_FAILED = wording.translatable("It is our mistake, and it has been logged. Please try again.")
blueprint = Blueprint("short_links", __name__)


@blueprint.get("/<token>")
def follow(token: str) -> ResponseReturnValue:
    """Redirect. Previews and scanners ask with HEAD, too, which is not counted."""
    with read_only() as session:
        url = short_links.find(session, token)
    if url is None:
        abort(HTTPStatus.NOT_FOUND)
    if request.method == "GET":
        cast(Clicks, current_app.extensions[EXTENSION]).add(token)
    response = redirect(url)
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Cache-Control"] = "no-store"
    return response


def not_found(_error: Exception) -> Response:
    """A page that says so, in the reader's language."""
    with read_only() as session:
        publisher = publisher_of(settings.get(session))
    return unavailable(View(publisher, _locale(), url_for))


def failed(error: HTTPException) -> Response:
    """A page that asks to try again, in the reader's language. The database is not asked."""
    locale, status = _locale(), error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    with use_locale(locale):
        is_busy = status == HTTPStatus.SERVICE_UNAVAILABLE  # the error says why
        sentence = gettext((is_busy and error.description) or _FAILED)
    html = message_html(View(NO_PUBLISHER, locale, url_for), "error", sentence, leads_back=False)
    response = respond(html, status, NO_PUBLISHER)
    if isinstance(error, ServiceUnavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _locale() -> str:
    return wording.negotiate(None, request.headers.get("Accept-Language", ""))
