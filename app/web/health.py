"""Liveness (``/healthz``) and readiness (``/readyz``)."""

from pathlib import Path

from flask import Flask, Response, current_app

from app.core.workspace import bootstrap
from app.web.services import database


def init_app(app: Flask) -> None:
    app.add_url_rule("/healthz", "healthz", _healthz)
    app.add_url_rule("/readyz", "readyz", _readyz)


def _healthz() -> Response:
    return Response("ok\n", mimetype="text/plain")


def _readyz() -> Response:
    """503 and the reason while files are missing, or the database is out of reach or not migrated."""
    reason = _missing_files() or bootstrap.why_not_ready(database())
    return Response(f"{reason or 'ready'}\n", status=503 if reason else 200, mimetype="text/plain")


def _missing_files() -> str | None:
    """The reason when templates or static files are missing; null when they are there. Names no path."""
    needed = {
        "templates": Path(current_app.template_folder or "", "base.html"),
        "static files": Path(current_app.static_folder or "", "css", "tokens.css"),
    }
    missing = [name for name, file in needed.items() if not file.is_file()]
    return f"the installation is incomplete: {' and '.join(missing)} are missing" if missing else None
