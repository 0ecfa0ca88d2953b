"""What gateways call: texts that people send, and reports about texts that Assent sent.

It is a separate Flask application, mounted at ``/hooks``, without session, sign-in and cookie. Only the gateway of
this installation has addresses here, and it proves each request by a signature or a secret.
"""

from flask import Flask

from app.web import mounts
from app.web.hooks import views

__all__ = ["create_hooks"]
MAX_BODY_BYTES = 65_536


def create_hooks(main: Flask) -> Flask:
    """The application that answers everything below ``/hooks``. It shares the services of ``main``."""
    hooks = mounts.create_surface(main, __name__)
    # A STOP with a NUL character in it must arrive.
    hooks.config.update(MAX_CONTENT_LENGTH=MAX_BODY_BYTES, PROVIDE_AUTOMATIC_OPTIONS=False, MAY_READ_NUL=True)
    views.init_app(hooks)
    return hooks
