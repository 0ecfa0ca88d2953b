"""The phones of the sandbox: what was texted to a number, and replies from it. Only with the gateway ``sandbox``."""

from flask import Flask

from app.web.sandbox import views as _views


def init_app(app: Flask) -> None:
    app.register_blueprint(_views.blueprint)
