"""WSGI applications of their own, put before the other one by path, for what people ask for many times a second.

Of Flask they have the application context, for templates and languages. No session, no sign-in and no cookie is even
looked at there, and nothing of them can slow it down.
"""

import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Flask, g
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, MapAdapter, Rule

from app.core.errors import AssentError
from app.web import i18n as languages
from app.web import request_log as logs
from app.web.exchange import Answer, Asked, send

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Refused = AssentError | HTTPException


@dataclass(frozen=True)
class Surface:
    """One such application: everything below ``prefix``.

    ``views`` is method, address and function, which is given what was asked and the parts of its address.
    ``failure`` answers what was refused, with the status that it gets by ``status_of``. A refusal without a status, and
    every other error, is one that nobody expected: it is logged, and answered with 500. ``before`` may refuse anything.
    """

    name: str
    prefix: str
    views: tuple[tuple[str, str, Callable[..., Answer]], ...]
    status_of: Callable[[Refused], int | None]
    failure: Callable[[Asked, int, Refused | None], Answer]
    size_bytes_max: int
    before: Callable[[Asked], None] | None = None


def mount(app: Flask, surface: Surface) -> Flask:
    """Answer everything below the surface's prefix with it; its own application comes back."""
    own = Flask(surface.name, template_folder=app.template_folder, static_folder=None)
    own.extensions.update({name: held for name, held in app.extensions.items() if name.startswith("assent")})
    own.jinja_env.globals["asset"] = app.jinja_env.globals["asset"]
    languages.init_app(own)
    rules = [Rule(address, endpoint=view, methods=[method]) for method, address, view in surface.views]
    addresses = Map(rules, strict_slashes=True, merge_slashes=False).bind(surface.name)
    otherwise = app.wsgi_app

    def by_path(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(surface.prefix):
            return otherwise(environ, start_response)
        with own.app_context():
            asked = Asked(environ, surface.size_bytes_max)
            return send(_answer(surface, addresses, asked), asked, start_response)

    app.wsgi_app = by_path  # type: ignore[method-assign]
    return own


def _answer(surface: Surface, addresses: MapAdapter, asked: Asked) -> Answer:
    """One answer whatever happens, and its line in the log."""
    started_s = time.perf_counter()
    request_id = g.request_id = uuid.uuid4().hex
    rule: str | None = None
    try:
        found, values = addresses.match(asked.path, asked.method, return_rule=True)
        rule = found.rule
        if surface.before is not None:
            surface.before(asked)
        answer: Answer = found.endpoint(asked, *values.values())
    except Exception as problem:
        refused = problem if isinstance(problem, AssentError | HTTPException) else None
        status = surface.status_of(refused) if refused else None
        if status is None:
            logs.failed(asked.method, rule, request_id, problem)
            refused, status = None, HTTPStatus.INTERNAL_SERVER_ERROR
        answer = surface.failure(asked, status, refused)
        if isinstance(refused, MethodNotAllowed):
            answer.headers.append(("Allow", ", ".join(sorted(refused.valid_methods or ()))))
    logs.answered(asked.method, rule, answer.status, started_s, request_id)
    return answer
