"""One log line for each request. It has the rule of the route, never the path, because paths contain tokens.

Where ``/metrics`` is served, its time is measured, too.
"""

import time
import uuid
from typing import Any

from flask import Flask, Response, current_app, g, got_request_exception, request

from app import logs
from app.web.services import services

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


def _start() -> None:
    g.started_s = time.perf_counter()
    g.request_id = str(uuid.uuid4())


def _finish(response: Response) -> Response:
    started_s = g.get("started_s")
    duration_s = time.perf_counter() - started_s if started_s else None
    logs.request(
        method=_known_method(request.method),
        route=_route(),
        status=response.status_code,
        duration_ms=round(duration_s * 1000, 2) if duration_s is not None else None,
        request_id=g.get("request_id"),
    )
    if (times := services().request_times) is not None and duration_s is not None:
        times.observe(_surface(), response.status_code, duration_s)
    return response


def _log_unexpected(_app: Flask, exception: BaseException, **_more: Any) -> None:
    """The traceback of an unexpected error."""
    method, request_id = _known_method(request.method), g.get("request_id")
    _log.error("request failed", method=method, route=_route(), request_id=request_id, exc_info=exception)


def _known_method(method: str) -> str:
    return method if method in _METHODS else "other"


def _route() -> str | None:
    """The rule, with the prefix of a mounted application; null when no rule matches."""
    if request.url_rule is None:
        return None
    prefix: str = current_app.config["APPLICATION_ROOT"]
    return prefix.rstrip("/") + request.url_rule.rule


def _surface() -> str:
    """The package of a mounted application; of the main one ``staff``, or ``other`` for what belongs to no page."""
    package = current_app.import_name.rpartition(".")[2]
    return package if package != "app" else "staff" if request.blueprint else "other"
