"""Short links of campaigns: an address of ours that leads on to one in the text.

It is a separate Flask application, mounted at ``/s``, without session, sign-in and cookie. Opening a link changes no
consent: only the clicks of a link are counted, not who clicked.
"""

from flask import Flask

from app.web import mounts
from app.web.services import services_of
from app.web.short_links import views
from app.web.short_links.clicks import Clicks

__all__ = ["create_short_links"]


def create_short_links(main: Flask) -> Flask:
    """The application that answers everything below ``/s``. It shares the services of ``main``."""
    surface = mounts.create_surface(main, __name__)
    surface.config.update(MAX_CONTENT_LENGTH=0, PROVIDE_AUTOMATIC_OPTIONS=False)
    surface.extensions[views.EXTENSION] = Clicks(services_of(main).database)
    surface.register_blueprint(views.blueprint)
    surface.register_error_handler(404, views.not_found)
    for status in (500, 503):
        surface.register_error_handler(status, views.failed)
    return surface
