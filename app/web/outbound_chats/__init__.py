"""Outbound chats: the list, the composer, and the page of one with its audience and report."""

from flask import Flask

# Each of these modules adds its views to the blueprint when it is imported.
from app.web.outbound_chats import acts, audience, editing, listing, page, recipients  # noqa: F401
from app.web.outbound_chats.blueprint import blueprint as _blueprint


def init_app(app: Flask) -> None:
    app.register_blueprint(_blueprint)
