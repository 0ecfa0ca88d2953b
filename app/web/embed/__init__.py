"""The embed: the opt-in form as people see it, in an iframe or by its link.

It is a separate Flask application, mounted at ``/f``, without session, sign-in and cookie.
"""

from flask import Flask

from app.web import mounts
from app.web.after_response import write_site_reports
from app.web.compression import compress
from app.web.embed import confirm, errors, identify, undo, way_out
from app.web.embed.views import blueprint

__all__ = ["create_embed"]
MAX_BODY_BYTES = 16_384


def create_embed(main: Flask) -> Flask:
    """The application that answers everything below ``/f``. It shares the services of ``main``."""
    embed = mounts.create_surface(main, __name__)
    embed.config.update(MAX_CONTENT_LENGTH=MAX_BODY_BYTES, PROVIDE_AUTOMATIC_OPTIONS=False)
    embed.after_request(compress)
    embed.after_request(write_site_reports)
    embed.register_blueprint(blueprint)
    embed.register_blueprint(identify.blueprint)
    embed.register_blueprint(confirm.blueprint)
    embed.register_blueprint(undo.blueprint)
    embed.register_blueprint(way_out.blueprint)
    errors.init_app(embed)
    return embed
