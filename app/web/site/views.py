"""``POST /site/seen``: a snippet runs on an origin."""

from flask import Blueprint, Flask, request
from flask.typing import ResponseReturnValue

from app.core import clock, origins
from app.core.errors import NotFound
from app.core.site import paths, snippets
from app.models import Script, SiteCountKind
from app.schemas.entry import read_object
from app.web import json_errors
from app.web.security import public_url
from app.web.services import read_only, site_reports, unit_of_work

UNKNOWN_KEY = "unknown_key"
blueprint = Blueprint("site", __name__)


def init_app(site: Flask) -> None:
    """Add the routes and JSON errors."""
    json_errors.init_app(site)
    site.register_blueprint(blueprint)


@blueprint.post("/seen")
def seen() -> ResponseReturnValue:
    """Note the origin of the request, which browsers send with every POST.

    The body is JSON with ``key``, ``script`` and maybe ``page``, of any content type, so that the browser asks no
    permission first. ``page`` is the address of the page; the integration check shows its path. Pages of Assent itself
    are always allowed, so their origin is not kept.
    """
    sent = read_object(request.get_data())
    script, key, origin = str(sent.get("script")), str(sent.get("key")), request.headers.get("Origin", "")
    at = clock.now()
    try:
        with read_only() as session:
            is_news = snippets.is_news(session, script, key, origin, at=at)
    except NotFound:
        site_reports().count(SiteCountKind.IDENTITY, UNKNOWN_KEY)
        raise
    if script == Script.SITE and isinstance(page := sent.get("page"), str):
        site_reports().see(origins.read(origin), paths.of(page))
    if is_news and origin != public_url():
        with unit_of_work() as session:
            snippets.record(session, script, origin, at=at)
    return "", 204
