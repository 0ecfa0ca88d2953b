"""The blueprint of bots. Each module of this folder adds its views to it."""

from flask import Blueprint

from app.web.bots import labels

blueprint = Blueprint("bots", __name__)
blueprint.add_app_template_filter(labels.conditions, "bot_conditions")
