"""The header Host. Where it names no host, no address can be built, not even for the page of an error."""

import re
from collections.abc import Callable
from functools import lru_cache, partial

from flask import Flask, Request
from werkzeug.routing import MapAdapter

_Create = Callable[[Request | None], MapAdapter | None]
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|(?P<name>[A-Za-z0-9._-]{1,253}))(?::[0-9]{1,5})?")


def init_app(app: Flask) -> None:
    """Take a host that cannot be read for a missing one, which ``admission.py`` refuses."""
    app.create_url_adapter = partial(_url_adapter, app.create_url_adapter)  # type: ignore[method-assign]


@lru_cache(maxsize=1024)
def is_host(text: str) -> bool:
    """Whether it is a name or an IP address, maybe with a port."""
    found = _HOST.fullmatch(text)
    try:
        return found is not None and (found["name"] or "localhost").encode("idna").decode("idna") != ""
    except UnicodeError:
        return False


def _url_adapter(create: _Create, request: Request | None) -> MapAdapter | None:
    """What matches and builds the addresses of a request, or of none."""
    if request is not None and not is_host(request.environ.get("HTTP_HOST", "")):
        request.environ["HTTP_HOST"] = ""
    return create(request)
