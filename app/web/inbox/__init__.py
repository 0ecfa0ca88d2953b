"""The inbox: conversations with contacts, for agents and admins. Works without scripts; ``js/inbox`` keeps it live."""

from flask import Blueprint

from app.web.inbox import labels

blueprint = Blueprint("inbox", __name__)
blueprint.add_app_template_filter(labels.short_time)

# The views register themselves on the blueprint above.
from app.web.inbox import actions, insert_form, new_conversation, pages, poll  # noqa: E402, F401
