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


def _start() -> None:
    g.started_s = time.perf_counter()


def _finish(response: Response) -> Response:
    if (log := logs.request_logger()) is not None:
        started_s = g.get("started_s")
        log.info(
            "request",
            method=_method(),
            route=_route(),
            status=response.status_code,
            duration_ms=round((time.perf_counter() - started_s) * 1000, 2) if started_s else None,
            request_id=g.get("request_id"),
        )
    return response


def _unexpected(_app: Flask, exception: BaseException, **_more: Any) -> None:
    _log.error("request failed", method=_method(), route=_route(), request_id=g.get("request_id"), exc_info=exception)


def _method() -> str:
    return request.method if request.method in _METHODS else "other"


def _route() -> str | None:
    return request.url_rule.rule if request.url_rule else None
