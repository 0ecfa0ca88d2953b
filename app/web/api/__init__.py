"""The REST API below ``/api``: what Intercom's clients speak, and what is ours beside it.

Like the embed it is a Flask application of its own, put before the other by path: no session, no cookie is looked at,
no CSRF token is asked for. Whoever calls shows a token.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask
from flask.sessions import NullSession, SessionInterface

from app.config import Settings
from app.web import logs
from app.web.api import callers, description, failures, rates
from app.web.api.routes import ROOMS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["mount"]
_PREFIX = "/api"


class _NoSession(SessionInterface):
    """There is none, and none is kept."""

    def open_session(self, app: Flask, request: Any) -> NullSession:  # noqa: ARG002
        return NullSession()


def mount(app: Flask, settings: Settings) -> None:
    """Answer everything below ``/api`` with the API."""
    api = Flask("app.web.api", template_folder=app.template_folder, static_folder=None)
    api.session_interface = _NoSession()
    api.config.update(
        MAX_CONTENT_LENGTH=app.config["MAX_CONTENT_LENGTH"],
        PROVIDE_AUTOMATIC_OPTIONS=False,
        # what a rule did not foresee is answered by failures, in tests too
        PROPAGATE_EXCEPTIONS=False,
    )
    api.extensions.update({name: held for name, held in app.extensions.items() if name.startswith("assent.")})
    api.jinja_env.globals["asset"] = app.jinja_env.globals["asset"]
    api.extensions["assent.rates"] = rates.make(settings)
    callers.guard(api)
    logs.configure(api)
    failures.handle(api)
    description.describe(api, ROOMS)
    app.extensions["assent.api"] = api
    otherwise = app.wsgi_app

    def by_path(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith(_PREFIX) and (len(path) == len(_PREFIX) or path[len(_PREFIX)] == "/"):
            return api.wsgi_app(environ, start_response)
        return otherwise(environ, start_response)

    app.wsgi_app = by_path  # type: ignore[method-assign]
