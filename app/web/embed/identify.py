"""What ``embed.js`` asks from the page around a public form: the address of the form for the visitor of that page."""

from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request

from app.core import public_urls
from app.core.errors import NotFound
from app.core.forms import views as form_views
from app.web.security import public_url
from app.web.services import read_connection

blueprint = Blueprint("identify", __name__)


@blueprint.post("/form/<key>/identify")
def identify(key: str) -> Response:
    """The ``embed_url`` of a form. Another origin than the allowed ones gets only the reason why it may not show it.

    Every origin may read that reason: a page cannot see why the browser does not show a frame.
    """
    with read_connection() as connection:
        view = form_views.public_view(connection, key)
    origin = request.headers.get("Origin", "")
    if origin not in {*view.origins, public_url()}:
        return _refused("origin_not_allowed", HTTPStatus.FORBIDDEN)
    response = jsonify({"embed_url": public_urls.public_form(key, base=public_url())})
    response.headers["Access-Control-Allow-Origin"] = origin
    response.vary.add("Origin")
    return response


@blueprint.errorhandler(NotFound)
def not_found(_error: NotFound) -> Response:
    return _refused("not_found", HTTPStatus.NOT_FOUND)


def _refused(code: str, status: HTTPStatus) -> Response:
    response = jsonify({"error": code})
    response.status_code = status
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response
