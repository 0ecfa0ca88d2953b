"""``GET /s/<token>``: leads on to the address of a short link."""

from http import HTTPStatus
from typing import cast

from flask import Blueprint, Response, abort, current_app, redirect, request
from flask.typing import ResponseReturnValue

from app.core.campaigns import short_links
from app.core.wording import translatable
from app.web.i18n import gettext
from app.web.services import read_only
from app.web.short_links.clicks import Clicks

EXTENSION = "assent.clicks"
_UNAVAILABLE = translatable("This link does not work.")
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
    """One sentence, in the reader's language."""
    return Response(gettext(_UNAVAILABLE) + "\n", HTTPStatus.NOT_FOUND, mimetype="text/plain")
