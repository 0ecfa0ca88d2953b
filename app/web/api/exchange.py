"""What a call asks, and its answer on the way, as WSGI."""

import uuid
from collections.abc import Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, cast

from flask import Response, g
from sqlalchemy.orm import Session
from werkzeug.wrappers import Request

from app.core.accounts.api_tokens import Caller
from app.web.api.rate_limit import Standing
from app.web.services import settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class Asked(Request):
    """One call, and what is known of it so far.

    A body beyond ``size_bytes_max`` is refused with 413 when somebody wants to read it.
    """

    def __init__(self, environ: "WSGIEnvironment", size_bytes_max: int) -> None:
        super().__init__(environ)
        self.max_content_length = size_bytes_max
        self.request_id = str(uuid.uuid4())
        self.caller: Caller | None = None
        self.standing: Standing | None = None
        self.session: Session | None = None
        self.held = ExitStack()


def asked() -> Asked:
    """The call that is being answered."""
    return cast(Asked, g.asked)


def home() -> str:
    """Where people reach this server: as configured, else as this call reached it. No slash at the end."""
    return settings().public_url or asked().host_url.rstrip("/")


def send(
    response: Response, more: list[tuple[str, str]], asked: Asked, start_response: "StartResponse"
) -> Iterable[bytes]:
    """The answer on its way, with ``more`` headers; what everything but a plain 200 needs is left to werkzeug."""
    if response.status_code != 200 or asked.method == "HEAD":
        response.headers.extend(more)
        return response(asked.environ, start_response)
    content = response.get_data()
    start_response("200 OK", [*response.headers.to_wsgi_list(), *more, ("Content-Length", str(len(content)))])
    return [content]
