"""The header Host. Where it names no host no address can be built, and not even the page of an error."""

import re
from functools import lru_cache
from http import HTTPStatus

from flask import Response

from app.web.current import current_request

_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|(?P<name>[A-Za-z0-9._-]{1,253}))(?::[0-9]{1,5})?")


def refuse_unreadable() -> Response | None:
    """Answer 400 where the host cannot be read: the first ``before_request`` hook of every application.

    A missing host is refused later, in the format of the application. The hooks that run after this one ask for the
    host, so it gets one.
    """
    request = current_request()
    host = request.environ.get("HTTP_HOST", "")
    if not host or is_host(host):
        return None
    request.host = "localhost"
    return Response("The header Host names no host.\n", HTTPStatus.BAD_REQUEST, mimetype="text/plain")


@lru_cache(maxsize=1024)
def is_host(text: str) -> bool:
    """Whether it is a name or an IP address, maybe with a port."""
    found = _HOST.fullmatch(text)
    try:
        return found is not None and (found["name"] or "localhost").encode("idna").decode("idna") != ""
    except UnicodeError:
        return False
