"""The embed: the opt-in form as people see it, in an iframe or by its link.

It is a WSGI application of its own, put before the other by path. Of Flask it has the application context, for
templates and languages; no session, no sign-in and no cookie is even looked at there, and nothing of them can slow it
down.
"""

import time
import uuid
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Flask, g
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule

from app.core.errors import NotFound
from app.web import languages, logs, optin_page
from app.web.embed import failures, views
from app.web.embed.exchange import Answer, Asked, send

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["mount"]
_PREFIX = "/f/"
_RULES = Map(
    [
        Rule("/f/form/<key>", endpoint=views.public_form, methods=["GET"]),
        Rule("/f/form/<key>", endpoint=views.answer_public_form, methods=["POST"]),
        Rule("/f/form/<key>/seen", endpoint=views.public_form_seen, methods=["POST"]),
        Rule("/f/<token>", endpoint=views.inserted_form, methods=["GET"]),
        Rule("/f/<token>", endpoint=views.answer_inserted_form, methods=["POST"]),
        Rule("/f/<token>/seen", endpoint=views.inserted_form_seen, methods=["POST"]),
    ],
    strict_slashes=True,
    merge_slashes=False,
).bind("embed")


def mount(app: Flask) -> None:
    """Answer everything below ``/f/`` with the embed."""
    embed = Flask("app.web.embed", template_folder=app.template_folder, static_folder=None)
    embed.extensions.update({name: held for name, held in app.extensions.items() if name.startswith("assent.")})
    embed.jinja_env.globals["asset"] = app.jinja_env.globals["asset"]
    optin_page.keep_pages(embed)
    languages.speak(embed)
    otherwise = app.wsgi_app

    def by_path(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(_PREFIX):
            return otherwise(environ, start_response)
        with embed.app_context():
            asked = Asked(environ)
            return send(_answer(asked), asked, start_response)

    app.wsgi_app = by_path  # type: ignore[method-assign]


def _answer(asked: Asked) -> Answer:
    """One answer whatever happens, and its line in the log."""
    started_s = time.perf_counter()
    request_id = g.request_id = uuid.uuid4().hex
    rule: str | None = None
    try:
        found, values = _RULES.match(asked.path, asked.method, return_rule=True)
        rule = found.rule
        answer: Answer = found.endpoint(asked, *values.values())
    except NotFound:
        answer = failures.page(asked, HTTPStatus.NOT_FOUND)
    except MethodNotAllowed as refused:
        answer = failures.page(asked, HTTPStatus.METHOD_NOT_ALLOWED)
        answer.headers.append(("Allow", ", ".join(sorted(refused.valid_methods or ()))))
    except HTTPException as refused:
        answer = failures.page(asked, refused.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    except Exception as unexpected:
        logs.failed(asked.method, rule, request_id, unexpected)
        answer = failures.page(asked, HTTPStatus.INTERNAL_SERVER_ERROR)
    logs.answered(asked.method, rule, answer.status, started_s, request_id)
    return answer
