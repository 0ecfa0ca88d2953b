"""Is the process up, can it work."""

from flask import Flask, Response

from app.core import store
from app.web.database import database


def register(app: Flask) -> None:
    app.add_url_rule("/healthz", "healthz", _healthz)
    app.add_url_rule("/readyz", "readyz", _readyz)


def _healthz() -> Response:
    return Response("ok\n", mimetype="text/plain")


def _readyz() -> Response:
    """503 and the reason while the database is out of reach or not migrated."""
    reason = store.why_not_ready(database())
    return Response(f"{reason or 'ready'}\n", status=503 if reason else 200, mimetype="text/plain")
