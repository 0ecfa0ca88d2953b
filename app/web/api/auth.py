"""Authentication: each request shows a token; its calls are counted and its scopes are checked."""

import base64
import time
from collections.abc import Callable
from contextlib import ExitStack
from enum import StrEnum
from functools import partial
from typing import cast

from flask import Flask, Request, Response, g
from sqlalchemy.orm import Session

from app import logs
from app.core import clock
from app.core.accounts import api_tokens
from app.core.accounts.api_tokens import Caller
from app.core.errors import Forbidden, TooMany, Unauthorized
from app.web.after_response import write_after
from app.web.api import rate_limit
from app.web.current import application, current_globals, current_request
from app.web.services import read_connection, read_only

# Endpoints that need no token.
_PUBLIC = frozenset({"openapi", "docs"})
_log = logs.get_logger()


class Scope(StrEnum):
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


def init_app(api: Flask) -> None:
    api.before_request(_authenticate)
    api.after_request(_finish)
    api.teardown_request(_close_session)


def caller() -> Caller:
    """Who makes this call."""
    return cast(Caller, current_globals().caller)


def read_session() -> Session:
    """The session that this request reads with. The first call opens it; it is closed with the request."""
    if "read_session" not in g:
        g.open_session = ExitStack()
        g.read_session = g.open_session.enter_context(read_only())
    return cast(Session, g.read_session)


def require_scope(scope: Scope) -> None:
    """:raises Forbidden: the token was not given this scope"""
    if scope.value not in caller().scopes:
        raise Forbidden("This token may not do that: it needs the scope “%(scope)s”.", scope=scope.value)


def _authenticate() -> None:
    """Check the token of the request and count the call. Addresses that do not exist answer without a token.

    :raises Unauthorized: it has none, or one that is not valid
    :raises TooMany: the token made as many calls as it may
    """
    request = current_request()
    if request.url_rule is None or request.endpoint in _PUBLIC:
        return
    shown = _token_of(request)
    if not shown:
        raise Unauthorized("Access Token Invalid")
    with read_connection() as connection:
        caller = current_globals().caller = api_tokens.authenticate(connection, shown, at=clock.now())
    _count_call(caller)


def _token_of(request: Request) -> str:
    """The token that the request shows, where its blueprint reads it (``ApiBlueprint.token_of_request``)."""
    blueprint = application().blueprints.get(request.blueprint or "")
    read: Callable[[], str] = getattr(blueprint, "token_of_request", None) or token_in_authorization
    return read()


def token_in_authorization() -> str:
    return _shown_token(current_request().environ.get("HTTP_AUTHORIZATION", ""))


def _shown_token(header: str) -> str:
    """The token in ``Authorization``; empty where there is none.

    ``Bearer`` and the token, or HTTP Basic with the token as user name and an empty password, which Intercom's older
    clients send.
    """
    scheme, _, text = header.partition(" ")
    if scheme.lower() == "bearer":
        return text.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        name, _, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except ValueError:
        return ""
    return "" if password else name.strip()


def _count_call(caller: Caller) -> None:
    now_s = time.time()
    status = rate_limit.limiter().count(caller.token_id, caller.calls_per_minute, now_s=now_s)
    current_globals().rate_limit = status
    if status.is_over:
        raise TooMany(
            "Exceeded rate limit of %(limit)s in 10_seconds",
            retry_after_s=max(1, int(status.reset - now_s) + 1),
            limit=str(status.limit),
        )


def _finish(response: Response) -> Response:
    noted = current_globals()
    if (status := noted.get("rate_limit")) is not None:
        response.headers.add("X-RateLimit-Limit", str(status.limit))
        response.headers.add("X-RateLimit-Remaining", str(status.remaining))
        response.headers.add("X-RateLimit-Reset", str(status.reset))
    called_by, at = noted.get("caller"), clock.now()
    if called_by is not None and api_tokens.is_use_due(called_by, at=at):
        write_after(response, partial(api_tokens.record_use, token_id=called_by.token_id, at=at))
    return response


def _close_session(_problem: BaseException | None) -> None:
    """Errors are logged and do not affect the response."""
    stack: ExitStack | None = current_globals().pop("open_session", None)
    if stack is None:
        return
    try:
        stack.close()
    except Exception as problem:
        _log.warning("a connection could not be returned", problem=type(problem).__name__)
