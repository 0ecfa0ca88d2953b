"""The blueprint of the inbox. Each module of this folder adds its views to it."""

from flask import Blueprint

from app.web import formatting
from app.web.inbox import labels

blueprint = Blueprint("inbox", __name__)
blueprint.add_app_template_filter(labels.short_time)
blueprint.add_app_template_filter(labels.clock_time)
blueprint.add_app_template_filter(formatting.listed)
