"""The messenger: the page of its panel, framed by allowed sites, and the API that the panel calls.

The page belongs to the main application. The API is a separate Flask application, mounted at ``/messenger/api``,
without session, sign-in and cookie.
"""

from flask import Flask

from app.web import mounts
from app.web.after_response import write_site_reports
from app.web.messenger import api
from app.web.messenger.frame import blueprint

MAX_BODY_BYTES = 65_536
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def init_app(app: Flask) -> None:
    """Add the page of the panel to the main application."""
    app.register_blueprint(blueprint)


def create_messenger_api(main: Flask) -> Flask:
    """The application that answers everything below ``/messenger/api``. It shares the services of ``main``."""
    messenger_api = mounts.create_surface(main, __name__, _HEADERS)
    messenger_api.config.update(MAX_CONTENT_LENGTH=MAX_BODY_BYTES, PROVIDE_AUTOMATIC_OPTIONS=False)
    messenger_api.after_request(write_site_reports)
    api.init_app(messenger_api)
    return messenger_api
