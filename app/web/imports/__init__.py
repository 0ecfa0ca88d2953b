"""Imports of contacts: a file is uploaded, its columns are decided on, it is checked, then it is imported."""

from flask import Flask

# Each of these modules adds its views to the blueprint when it is imported.
from app.web.imports import checking, columns, listing, uploading  # noqa: F401
from app.web.imports.blueprint import blueprint as _blueprint


def init_app(app: Flask) -> None:
    app.register_blueprint(_blueprint)
