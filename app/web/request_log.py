"""One log line for each request. It has the rule of the route, never the path, because paths contain tokens.

Where ``/metrics`` is served, its time is measured, too.
"""

import time
import uuid
from functools import partial
from logging import LogRecord
from typing import Any

from flask import Flask, Request, Response, got_request_exception

from app import logs
from app.web.current import current_globals, current_request
from app.web.services import services_of

_log = logs.get_logger()
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def init_app(app: Flask) -> None:
    """Give each request an id (``g.request_id``); log each request and each unexpected error.

    Call it before other hooks are registered: its ``after_request`` then runs last. Where log lines go is decided by
    the process (``logs.configure``).
    """
    # The line that Flask writes about an error has the path. Granian's logging set-up enables disabled loggers again.
    app.logger.addFilter(_nothing)
    app.before_request(_start)
    app.after_request(partial(_finish, app))
    got_request_exception.connect(_log_unexpected, app)


def _nothing(_record: LogRecord) -> bool:
    return False


def _start() -> None:
    noted = current_globals()
    noted.started_s = time.perf_counter()
    noted.request_id = str(uuid.uuid4())


def _finish(app: Flask, response: Response) -> Response:
    request, noted = current_request(), current_globals()
    started_s = noted.get("started_s")
    duration_s = time.perf_counter() - started_s if started_s else None
    logs.request(
        method=_known_method(request.method),
        route=_route(app, request),
        status=response.status_code,
        duration_ms=round(duration_s * 1000, 2) if duration_s is not None else None,
        request_id=noted.get("request_id"),
    )
    if (times := services_of(app).request_times) is not None and duration_s is not None:
        times.observe(_surface(app, request), response.status_code, duration_s)
    return response


def _log_unexpected(app: Flask, exception: BaseException, **_more: Any) -> None:
    """The traceback of an unexpected error."""
    request, request_id = current_request(), current_globals().get("request_id")
    method, route = _known_method(request.method), _route(app, request)
    _log.error("request failed", method=method, route=route, request_id=request_id, exc_info=exception)


def _known_method(method: str) -> str:
    return method if method in _METHODS else "other"


def _route(app: Flask, request: Request) -> str | None:
    """The rule, with the prefix of a mounted application; null when no rule matches."""
    rule = request.url_rule
    return None if rule is None else f"{app.config['APPLICATION_ROOT'].rstrip('/')}{rule.rule}"


def _surface(app: Flask, request: Request) -> str:
    """The package of a mounted application; of the main one ``staff``, or ``other`` for what belongs to no page."""
    package = app.import_name.rpartition(".")[2]
    return package if package != "app" else "staff" if request.blueprint else "other"
