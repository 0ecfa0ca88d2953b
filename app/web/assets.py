"""Static files under addresses that change with their content, so that browsers keep them for good."""

import hashlib
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, request
from flask_compress import Compress

COMPRESSION: dict[str, Any] = {"COMPRESS_ALGORITHM": ["br", "gzip"], "COMPRESS_BR_LEVEL": 4}
# What may be compressed beside static files: no answer that holds a secret beside what a request can choose.
_COMPRESSED = {"messenger"}
_MODULES = ("js/inbox", "js/messenger")
_FOREVER = "public, max-age=31536000, immutable"


def init_app(app: Flask) -> None:
    """Serve static files, modules and the scripts for other sites.

    Adds ``asset('css/tokens.css')`` to templates, and ``modules('js/inbox')`` for scripts that import each other.
    """
    versions: dict[str, str] = {}
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 300
    _serve_modules(app)
    _serve_loaders(app)

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


def _serve_modules(app: Flask) -> None:
    """Folders of modules, under addresses that name the version of the whole folder: what imports by a relative path
    stays within that version, so that a browser never mixes two.
    """
    versions: dict[str, str] = {}

    def modules(folder: str) -> dict[str, str]:
        """The address of each module, by its name."""
        files = sorted((Path(app.static_folder or "") / folder).glob("*.js"))
        if folder not in versions or app.debug:
            versions[folder] = hashlib.sha256(b"\0".join(each.read_bytes() for each in files)).hexdigest()[:12]
        return {each.stem: f"/modules/{versions[folder]}/{folder}/{each.name}" for each in files}

    def module(version: str, folder: str, name: str) -> Response:
        if name not in modules(folder):
            abort(HTTPStatus.NOT_FOUND)
        response = app.send_static_file(f"{folder}/{name}.js")
        response.headers["Cache-Control"] = _FOREVER if version == versions[folder] else "no-cache"
        return response

    app.jinja_env.globals["modules"] = modules
    for folder in _MODULES:
        rule = f"/modules/<version>/{folder}/<name>.js"
        app.add_url_rule(rule, f"modules_{folder.rpartition('/')[2]}", module, defaults={"folder": folder})


def _serve_loaders(app: Flask) -> None:
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
        is_static = (request.endpoint or "").startswith(("static", "modules_", "loader_"))
        if not is_static and request.blueprint not in _COMPRESSED:
            return response
        if is_static and response.status_code == HTTPStatus.OK:
            response.direct_passthrough = False
            response.get_data()  # read here, so that the file is closed; these are a few kB each
        compressed: Response = compress.after_request(response)
        return compressed

    app.after_request(smaller)
