"""What ``embed.js`` asks from the page around a public form: the address of the form for the visitor of that page."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, jsonify, request

from app.core import clock, public_urls
from app.core.errors import NotFound
from app.core.forms import user_token
from app.core.forms import views as form_views
from app.core.forms.user_token import FormUser
from app.core.messenger import visitors
from app.core.messenger.identity import Identity
from app.models import SiteCountKind
from app.schemas.entry import read_object
from app.web.security import public_url
from app.web.services import keys, read_connection, read_only, site_reports

blueprint = Blueprint("identify", __name__)


@blueprint.post("/form/<key>/identify")
def identify(key: str) -> Response:
    """The ``embed_url`` of a form, for the user whom the body proves, and what is wrong with a proof.

    Nothing about people is written; wrong proofs are counted by reason.

    The body is JSON with ``user_id`` and ``user_hash``, or ``user_jwt``, of any content type, so that the browser asks
    no permission first. Another origin than the allowed ones gets only the reason why it may not show it.

    Every origin may read that reason: a page cannot see why the browser does not show a frame.
    """
    with read_connection() as connection:
        view = form_views.public_view(connection, key)
    origin = request.headers.get("Origin", "")
    if origin not in {*view.origins, public_url()}:
        return _refused("origin_not_allowed", HTTPStatus.FORBIDDEN)
    response = jsonify(_address(key))
    response.headers["Access-Control-Allow-Origin"] = origin
    response.vary.add("Origin")
    return response


def _address(key: str) -> dict[str, Any]:
    identity, at = Identity.read(read_object(request.get_data())), clock.now()
    with read_only() as session:
        user = visitors.signed_user(session, identity, at=at)
        problem = visitors.identity_problem(session, identity, at=at)
    if problem is not None:
        site_reports().count(SiteCountKind.IDENTITY, problem)
    if user is None:
        return {"embed_url": public_urls.public_form(key, base=public_url()), "identity_problem": problem}
    token = user_token.signed(keys(), FormUser(key, user.user_id))
    return {"embed_url": public_urls.form_of_signed_user(token, base=public_url()), "identity_problem": None}


@blueprint.errorhandler(NotFound)
def not_found(_error: NotFound) -> Response:
    return _refused("not_found", HTTPStatus.NOT_FOUND)


def _refused(code: str, status: HTTPStatus) -> Response:
    response = jsonify({"error": code})
    response.status_code = status
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response
