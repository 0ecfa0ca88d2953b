"""The preference center: a person sees what they are subscribed to, and leaves, without signing in.

It is a separate Flask application, mounted at ``/p``, without session, sign-in and cookie.
"""

from flask import Flask

from app.web import mounts
from app.web.compression import compress
from app.web.preferences import errors, opt_in, record, views  # noqa: F401 - they add routes
from app.web.preferences.blueprint import blueprint

__all__ = ["create_preferences"]
MAX_BODY_BYTES = 16_384


def create_preferences(main: Flask) -> Flask:
    """The application that answers everything below ``/p``. It shares the services of ``main``."""
    preferences = mounts.create_surface(main, __name__)
    preferences.config.update(MAX_CONTENT_LENGTH=MAX_BODY_BYTES, PROVIDE_AUTOMATIC_OPTIONS=False)
    preferences.after_request(compress)
    preferences.register_blueprint(blueprint)
    errors.init_app(preferences)
    return preferences
