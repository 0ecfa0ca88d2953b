"""The embed: the opt-in form as people see it, in an iframe or by its link.

It is a Flask application of its own, put before the other by path: no session, no sign-in, no cookie is even looked
at there, and nothing of them can slow it down.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask
from flask.sessions import NullSession, SessionInterface
from flask_compress import Compress

from app.web import languages, logs, security
from app.web.assets import COMPRESSION
from app.web.embed import failures
from app.web.embed.views import blueprint

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["mount"]
_PREFIX = "/f/"


class _NoSession(SessionInterface):
    """There is none, and none is kept."""

    def open_session(self, app: Flask, request: Any) -> NullSession:  # noqa: ARG002
        return NullSession()


def mount(app: Flask) -> None:
    """Answer everything below ``/f/`` with the embed."""
    embed = Flask("app.web.embed", template_folder=app.template_folder, static_folder=None)
    embed.session_interface = _NoSession()
    embed.config.update(MAX_CONTENT_LENGTH=app.config["MAX_CONTENT_LENGTH"], **COMPRESSION)
    embed.extensions.update({name: held for name, held in app.extensions.items() if name.startswith("assent.")})
    embed.jinja_env.globals["asset"] = app.jinja_env.globals["asset"]
    embed.extensions["assent.form_pages"] = {}
    embed.before_request(security.name_request)
    logs.configure(embed)
    languages.speak(embed)
    failures.handle(embed)
    Compress(embed)
    embed.register_blueprint(blueprint)
    app.extensions["assent.embed"] = embed
    otherwise = app.wsgi_app

    def by_path(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(_PREFIX):
            return embed.wsgi_app(environ, start_response)
        return otherwise(environ, start_response)

    app.wsgi_app = by_path  # type: ignore[method-assign]
