"""Bulk changes of contacts: chosen, previewed, started, watched, undone."""

from flask import Flask

# Each of these modules adds its views to the blueprint when it is imported.
from app.web.bulk import choosing, items, job, listing  # noqa: F401
from app.web.bulk.blueprint import blueprint as _blueprint


def init_app(app: Flask) -> None:
    app.register_blueprint(_blueprint)
