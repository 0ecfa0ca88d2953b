"""The header Host. Where it names no host no address can be built, and not even the page of an error."""

import re
from collections.abc import Iterable
from functools import lru_cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING
from wsgiref.types import StartResponse, WSGIApplication

from flask import Flask, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|(?P<name>[A-Za-z0-9._-]{1,253}))(?::[0-9]{1,5})?")


def init_app(app: Flask) -> None:
    """Answer 400 to a request whose host cannot be read, before any application sees it. Call it after mounts."""
    app.wsgi_app = partial(_answer, app.wsgi_app)  # type: ignore[method-assign]  # as Flask documents it


@lru_cache(maxsize=1024)
def is_host(text: str) -> bool:
    """Whether it is a name or an IP address, maybe with a port."""
    found = _HOST.fullmatch(text)
    try:
        return found is not None and (found["name"] or "localhost").encode("idna").decode("idna") != ""
    except UnicodeError:
        return False


def _answer(app: WSGIApplication, environ: "WSGIEnvironment", start_response: StartResponse) -> Iterable[bytes]:
    host = environ.get("HTTP_HOST", "")
    if not host or is_host(host):  # a missing one is refused in the format of each application
        return app(environ, start_response)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    refusal = Response("The header Host names no host.\n", HTTPStatus.BAD_REQUEST, headers, mimetype="text/plain")
    return refusal(environ, start_response)
