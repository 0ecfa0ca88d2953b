"""Static files. Their addresses change with their content, so that browsers may cache them permanently."""

import hashlib
import re
from http import HTTPStatus
from pathlib import Path

from flask import Flask, Response, abort, request

from app.core.workspace import logo
from app.web.compression import compress_file
from app.web.services import read_only

_MODULES = ("js/inbox", "js/messenger")
# The scripts for other sites, and their files: what they share comes first, whichever of them a page loads.
_LOADERS = {
    "embed.js": ("page.js", "embed_form.js", "embed.js"),
    "messenger.js": ("page.js", "messenger.js"),
    "site.js": ("page.js", "site.js"),
}
_COMMENTS_AND_INDENTATION = re.compile(rb"^(?: *//.*\n| +|\n)", re.MULTILINE)
# The embed's own files: in a frame with ``sandbox`` its page has no origin, so that every file is another site's.
_OF_THE_EMBED = ("css/embed.css", "js/embed_page.js")
_FOREVER = "public, max-age=31536000, immutable"
_BRIEFLY = "public, max-age=300"


def init_app(app: Flask) -> None:
    """Serve static files, script modules and the scripts for other sites.

    Adds to templates ``asset('css/tokens.css')``, ``modules('js/inbox')`` for scripts that import each other, and
    ``logo_version()``, which is null when there is no logo.
    """
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 300
    _serve_files(app)
    _serve_modules(app)
    _serve_loaders(app)
    app.jinja_env.globals["logo_version"] = _logo_version
    app.after_request(_compress)


def _serve_files(app: Flask) -> None:
    versions: dict[str, str] = {}

    def asset(name: str) -> str:
        """The address of a static file, with its version."""
        if name not in versions or app.debug:
            versions[name] = _version(Path(app.static_folder or "", name))
        return f"{app.static_url_path}/{name}?v={versions[name]}"

    def set_lifetime(response: Response) -> Response:
        if request.endpoint == "static" and response.status_code in {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}:
            name = (request.view_args or {}).get("filename", "")
            is_versioned = request.args.get("v") == versions.get(name)
            response.headers["Cache-Control"] = _FOREVER if is_versioned else _BRIEFLY
            if name in _OF_THE_EMBED:
                response.headers["Access-Control-Allow-Origin"] = "*"
                response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    app.jinja_env.globals["asset"] = asset
    app.after_request(set_lifetime)


def _serve_modules(app: Flask) -> None:
    """Serve folders of modules at addresses with the version of the whole folder.

    A relative import stays within that version, so that a browser never mixes two.
    """
    versions: dict[str, str] = {}

    def modules(folder: str) -> dict[str, str]:
        """The address of each module, by its name."""
        files = sorted(Path(app.static_folder or "", folder).glob("*.js"))
        if folder not in versions or app.debug:
            versions[folder] = _version(*files)
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
    """Serve the scripts that other sites load under their public names; browsers check them every five minutes.

    Each is one response, composed of its files without comments and indentation.
    """
    contents: dict[str, bytes] = {}

    def loader(name: str) -> Response:
        if name not in contents or app.debug:
            files = [Path(app.static_folder or "", "js", each).read_bytes() for each in _LOADERS[name]]
            contents[name] = _COMMENTS_AND_INDENTATION.sub(b"", b"".join(files))
        response = Response(contents[name], mimetype="text/javascript")
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers["Access-Control-Allow-Origin"] = "*"  # for a script tag with crossorigin
        response.headers["Cache-Control"] = _BRIEFLY
        response.add_etag()
        response.make_conditional(request)
        return response

    for name in _LOADERS:
        app.add_url_rule(f"/{name}", f"loader_{name}", loader, defaults={"name": name})


def _compress(response: Response) -> Response:
    is_file = (request.endpoint or "").startswith(("static", "modules_", "loader_"))
    return compress_file(response) if is_file else response


def _logo_version() -> str | None:
    with read_only() as session:
        return logo.version(session)


def _version(*files: Path) -> str:
    return hashlib.sha256(b"\0".join(each.read_bytes() for each in files)).hexdigest()[:12]
