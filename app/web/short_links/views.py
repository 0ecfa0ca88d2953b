"""``GET /s/<token>``: leads on to the address of a short link."""

from http import HTTPStatus
from typing import cast

from flask import Blueprint, Response, abort, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.core import wording
from app.core.campaigns import short_links
from app.core.workspace import settings
from app.web.preference_page.page import View, publisher_of, unavailable
from app.web.services import read_only
from app.web.short_links.clicks import Clicks

EXTENSION = "assent.clicks"
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
    locale = wording.negotiate(None, request.headers.get("Accept-Language", ""))
    return unavailable(View(publisher, locale, url_for))
