"""The REST API below ``/api``: what Intercom's clients speak, and what is ours beside it.

Like the embed it is a WSGI application of its own, put before the other by path: no session, no cookie is looked at,
no CSRF token is asked for. Whoever calls shows a token. Of Flask it has the rules, for the description, and the
application context.
"""

import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter, PathConverter

from app.config import Settings
from app.core.errors import AssentError
from app.web import request_log as logs
from app.web.api import auth as callers
from app.web.api import description
from app.web.api import errors as failures
from app.web.api import rate_limit as rates
from app.web.api.blueprints import ROOMS
from app.web.api.exchange import Asked, send

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["mount", "of"]
_PREFIX = "/api"
_API, _LOCK, _RULES, _METER = "assent.api", "assent.api_lock", "assent.api_rules", "assent.rates"


class Whole(PathConverter):
    """All that is left of an address, slashes at its beginning included."""

    regex = ".+"
    part_isolating = False


def mount(app: Flask, settings: Settings) -> None:
    """Answer everything below ``/api`` with the API. It is put together for its first call (``of``)."""
    app.extensions[_METER] = rates.make(settings)
    app.extensions[_LOCK] = threading.Lock()
    otherwise = app.wsgi_app

    def by_path(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if not path.startswith(_PREFIX) or (len(path) > len(_PREFIX) and path[len(_PREFIX)] != "/"):
            return otherwise(environ, start_response)
        api = of(app)
        with api.app_context():
            asked = g.asked = Asked(environ, api.config["MAX_CONTENT_LENGTH"])
            try:
                response = _answer(api, api.extensions[_RULES], asked)
            finally:
                callers.leave(asked)
            return callers.noting(asked, send(response, callers.headers(response, asked), asked, start_response))

    app.wsgi_app = by_path  # type: ignore[method-assign]


def of(app: Flask) -> Flask:
    """The API of an application. The first to ask waits a fifth of a second: every call is described."""
    made: Flask | None = app.extensions.get(_API)
    if made is None:
        with app.extensions[_LOCK]:
            made = app.extensions.get(_API) or _made(app)
            app.extensions[_API] = made
    return made


def _made(app: Flask) -> Flask:
    api = Flask("app.web.api", template_folder=app.template_folder, static_folder=None)
    # An external id may begin with a slash, or hold two: an address is taken as it is.
    api.url_map.merge_slashes = False
    api.url_map.converters["path"] = Whole
    api.config.update(MAX_CONTENT_LENGTH=app.config["MAX_CONTENT_LENGTH"], PROVIDE_AUTOMATIC_OPTIONS=False)
    api.extensions.update({name: held for name, held in app.extensions.items() if name.startswith("assent")})
    api.jinja_env.globals["asset"] = app.jinja_env.globals["asset"]
    description.describe(api, ROOMS)
    api.extensions[_RULES] = api.url_map.bind("api")
    return api


def _answer(api: Flask, rules: MapAdapter, asked: Asked) -> Response:
    """One answer whatever happens, and its line in the log."""
    started_s = time.perf_counter()
    rule: str | None = None
    try:
        found, values = rules.match(asked.path, asked.method, return_rule=True)
        rule = found.rule
        if found.endpoint not in api.extensions[callers.UNGUARDED]:
            callers.admit(asked)
        response = cast(Response, api.view_functions[found.endpoint](**values))
    except (AssentError, HTTPException) as refused:
        response = failures.answer(refused)
    except Exception as unexpected:
        logs.failed(asked.method, rule, asked.request_id, unexpected)
        response = failures.unexpected()
    logs.answered(asked.method, rule, response.status_code, started_s, asked.request_id)
    return response
