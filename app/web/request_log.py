"""One log line for each request. It has the rule of the route, never the path, because paths contain tokens."""

import time
import uuid
from typing import Any

from flask import Flask, Response, current_app, g, got_request_exception, request

from app import logs

_log = logs.get_logger()
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def init_app(app: Flask) -> None:
    """Give each request an id (``g.request_id``); log each request and each unexpected error.

    Call it before other hooks are registered: its ``after_request`` then runs last. Where log lines go is decided by
    the process (``logs.configure``).
    """
    # The line that Flask writes about an error has the path.
    app.logger.disabled = True
    app.before_request(_start)
    app.after_request(_finish)
    got_request_exception.connect(_log_unexpected, app)


def log_response(method: str, route: str | None, status: int, started_s: float | None, request_id: str | None) -> None:
    """Log one request.

    :param route: its rule, with the prefix of a mounted application; null when no rule matches
    :param started_s: of ``time.perf_counter()``
    """
    logs.request(
        method=_known_method(method),
        route=route,
        status=status,
        duration_ms=round((time.perf_counter() - started_s) * 1000, 2) if started_s else None,
        request_id=request_id,
    )


def log_error(method: str, route: str | None, request_id: str | None, problem: BaseException) -> None:
    """Log an unexpected error with its traceback."""
    _log.error("request failed", method=_known_method(method), route=route, request_id=request_id, exc_info=problem)


def _start() -> None:
    g.started_s = time.perf_counter()
    g.request_id = str(uuid.uuid4())


def _finish(response: Response) -> Response:
    log_response(request.method, _route(), response.status_code, g.get("started_s"), g.get("request_id"))
    return response


def _log_unexpected(_app: Flask, exception: BaseException, **_more: Any) -> None:
    log_error(request.method, _route(), g.get("request_id"), exception)


def _known_method(method: str) -> str:
    return method if method in _METHODS else "other"


def _route() -> str | None:
    if request.url_rule is None:
        return None
    prefix: str = current_app.config["APPLICATION_ROOT"]
    return prefix.rstrip("/") + request.url_rule.rule
