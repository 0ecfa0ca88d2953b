"""Bots: the list of rules, and the editor of one with its preview."""

from flask import Flask

# Each of these modules adds its views to the blueprint when it is imported.
from app.web.bots import editing, listing  # noqa: F401
from app.web.bots.blueprint import blueprint as _blueprint


def init_app(app: Flask) -> None:
    app.register_blueprint(_blueprint)
