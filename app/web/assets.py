"""Static files under addresses that change with their content, so that browsers keep them for good."""

import hashlib
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from flask_compress import Compress

COMPRESSION: dict[str, Any] = {"COMPRESS_ALGORITHM": ["br", "gzip"], "COMPRESS_BR_LEVEL": 4}
# What may be compressed beside static files: no answer that holds a secret beside what a request can choose.
_COMPRESSED = {"messenger"}
_FOREVER = "public, max-age=31536000, immutable"


def serve(app: Flask) -> None:
    """Add ``asset('css/tokens.css')`` to templates."""
    versions: dict[str, str] = {}
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 300

    def asset(name: str) -> str:
        if name not in versions or app.debug:
            content = (Path(app.static_folder or "") / name).read_bytes()
            versions[name] = hashlib.sha256(content).hexdigest()[:12]
        return f"{app.static_url_path}/{name}?v={versions[name]}"

    def keep(response: Response) -> Response:
        if request.endpoint == "static" and response.status_code in {200, 304}:
            is_versioned = request.args.get("v") == versions.get((request.view_args or {}).get("filename", ""))
            response.headers["Cache-Control"] = _FOREVER if is_versioned else "public, max-age=300"
        return response

    app.jinja_env.globals["asset"] = asset
    app.after_request(keep)
    _compress(app)


def serve_loaders(app: Flask) -> None:
    """The scripts that other sites load, under their public names; browsers ask again every five minutes."""

    def loader(name: str) -> Response:
        response = app.send_static_file(f"js/{name}")
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers["Cache-Control"] = "public, max-age=300"
        return response

    for name in ("embed.js", "messenger.js"):
        app.add_url_rule(f"/{name}", f"loader_{name}", loader, defaults={"name": name})


def _compress(app: Flask) -> None:
    """Compress static files only: staff pages hold a CSRF token beside what a request can choose, and stay plain."""
    app.config.update(COMPRESS_REGISTER=False, **COMPRESSION)
    compress = Compress(app)

    def smaller(response: Response) -> Response:
        is_static = request.endpoint == "static" or (request.endpoint or "").startswith("loader_")
        if not is_static and request.blueprint not in _COMPRESSED:
            return response
        if is_static and response.status_code == HTTPStatus.OK:
            response.direct_passthrough = False
            response.get_data()  # read here, so that the file is closed; these are a few kB each
        compressed: Response = compress.after_request(response)
        return compressed

    app.after_request(smaller)
