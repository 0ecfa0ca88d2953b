"""One log line a request: the route's rule, never the path (tokens are in paths)."""

import time
from typing import Any

from flask import Flask, Response, g, got_request_exception, request

from app import logs

_log = logs.get_logger()
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def configure(app: Flask) -> None:
    """Log each request and each error nobody expected; where to is for the process to say (``logs.configure``)."""
    # Flask's own line about an error would hold the raw path.
    app.logger.disabled = True
    app.before_request(_start)
    app.after_request(_finish)
    got_request_exception.connect(_unexpected, app)


def answered(method: str, route: str | None, status: int, started_s: float | None, request_id: str | None) -> None:
    """The line of one request.

    :param route: its rule; null when no rule fits
    :param started_s: by ``time.perf_counter()``
    """
    logs.request(
        method=_known(method),
        route=route,
        status=status,
        duration_ms=round((time.perf_counter() - started_s) * 1000, 2) if started_s else None,
        request_id=request_id,
    )


def failed(method: str, route: str | None, request_id: str | None, problem: BaseException) -> None:
    """The line of an error that nobody expected, with where it happened."""
    _log.error("request failed", method=_known(method), route=route, request_id=request_id, exc_info=problem)


def _start() -> None:
    g.started_s = time.perf_counter()


def _finish(response: Response) -> Response:
    answered(request.method, _route(), response.status_code, g.get("started_s"), g.get("request_id"))
    return response


def _unexpected(_app: Flask, exception: BaseException, **_more: Any) -> None:
    failed(request.method, _route(), g.get("request_id"), exception)


def _known(method: str) -> str:
    return method if method in _METHODS else "other"


def _route() -> str | None:
    return request.url_rule.rule if request.url_rule else None
