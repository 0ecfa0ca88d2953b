"""What scripts on websites tell the server, other than the embed and the messenger.

It is a separate Flask application, mounted at ``/site``, without session, sign-in and cookie. Every page on the web
may call it.
"""

from flask import Flask, Response

from app.web import mounts
from app.web.after_response import write_site_reports
from app.web.site import collect, views

__all__ = ["create_site"]
MAX_BODY_BYTES = 8_192  # a JWT has up to 4 kB


def create_site(main: Flask) -> Flask:
    """The application that answers everything below ``/site``. It shares the services of ``main``."""
    site = mounts.create_surface(main, __name__)
    site.config.update(MAX_CONTENT_LENGTH=MAX_BODY_BYTES, PROVIDE_AUTOMATIC_OPTIONS=False)
    site.after_request(write_site_reports)
    site.after_request(_let_isolated_pages_read)
    views.init_app(site)
    site.register_blueprint(collect.blueprint)
    return site


def _let_isolated_pages_read(response: Response) -> Response:
    """A page with ``Cross-Origin-Embedder-Policy`` blocks other responses, and its console says so."""
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
