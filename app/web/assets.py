"""Static files under addresses that change with their content, so that browsers keep them for good."""

import hashlib
from pathlib import Path

from flask import Flask, Response, request, url_for

_FOREVER = "public, max-age=31536000, immutable"


def serve(app: Flask) -> None:
    """Add ``asset('css/tokens.css')`` to templates."""
    versions: dict[str, str] = {}
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 300

    def asset(name: str) -> str:
        if name not in versions or app.debug:
            content = (Path(app.static_folder or "") / name).read_bytes()
            versions[name] = hashlib.sha256(content).hexdigest()[:12]
        return url_for("static", filename=name, v=versions[name])

    def keep(response: Response) -> Response:
        if request.endpoint == "static" and response.status_code in {200, 304}:
            is_versioned = request.args.get("v") == versions.get((request.view_args or {}).get("filename", ""))
            response.headers["Cache-Control"] = _FOREVER if is_versioned else "public, max-age=300"
        return response

    app.jinja_env.globals["asset"] = asset
    app.after_request(keep)
