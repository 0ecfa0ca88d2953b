"""The blueprint of outbound chats. Each module of this folder adds its views to it."""

from flask import Blueprint

from app.web.outbound_chats import labels

blueprint = Blueprint("outbound_chats", __name__)
blueprint.add_app_template_filter(labels.reason, "chat_reason")
