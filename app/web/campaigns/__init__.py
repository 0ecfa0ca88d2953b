"""Campaigns: the list, the composer, the page of one campaign with its audience and report, and sender health."""

from flask import Flask

# Each of these modules adds its views to the blueprint when it is imported.
from app.web.campaigns import acts, audience, editing, health, listing, page, recipients  # noqa: F401
from app.web.campaigns.blueprint import blueprint as _blueprint


def init_app(app: Flask) -> None:
    app.register_blueprint(_blueprint)
