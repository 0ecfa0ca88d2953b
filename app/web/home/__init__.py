"""The start page, the logo, and the shop of the demo."""

from flask import Flask

from app.web.home.views import blueprint


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
