"""``POST /site/seen``: a snippet runs on an origin."""

from flask import Blueprint, Flask, request
from flask.typing import ResponseReturnValue

from app.core import clock
from app.core.site import snippets
from app.web import json_errors
from app.web.services import read_only, unit_of_work

blueprint = Blueprint("site", __name__)


def init_app(site: Flask) -> None:
    """Add the routes and JSON errors."""
    json_errors.init_app(site)
    site.register_blueprint(blueprint)


@blueprint.post("/seen")
def seen() -> ResponseReturnValue:
    """Note the origin of the request, which browsers send with every POST.

    The body is JSON with ``key`` and ``script``, of any content type, so that the browser asks no permission first.
    """
    body = request.get_json(force=True, silent=True)
    sent = body if isinstance(body, dict) else {}
    script, key, origin = str(sent.get("script")), str(sent.get("key")), request.headers.get("Origin", "")
    at = clock.now()
    with read_only() as session:
        is_news = snippets.is_news(session, script, key, origin, at=at)
    if is_news:
        with unit_of_work() as session:
            snippets.record(session, script, origin, at=at)
    return "", 204
