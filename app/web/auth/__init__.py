"""Pages about the account of the agent who is signed in."""

from flask import Flask

from app.web.auth.views import blueprint


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
