"""The inbox: conversations with contacts, for agents and admins. Works without scripts; ``js/inbox`` keeps it live."""

from flask import Flask

# Each of these modules adds its views to the blueprint when it is imported.
from app.web.inbox import (  # noqa: F401
    actions,
    insert_form,
    new_conversation,
    pages,
    picker,
    poll,
    reply_picker,
    saved_replies,
)
from app.web.inbox.blueprint import blueprint as _blueprint


def init_app(app: Flask) -> None:
    app.register_blueprint(_blueprint)
