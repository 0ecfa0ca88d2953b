"""The blueprint of the admin pages. Each module of this folder adds its views to it."""

from flask import Blueprint

from app.web import formatting
from app.web.admin import history

blueprint = Blueprint("admin", __name__)
blueprint.add_app_template_filter(formatting.local_time)
blueprint.add_app_template_filter(formatting.day)
blueprint.add_app_template_filter(formatting.decimal)
blueprint.add_app_template_filter(formatting.percent)
blueprint.add_app_template_filter(formatting.actor)
blueprint.add_app_template_filter(formatting.country, "country_name")
blueprint.add_app_template_filter(formatting.language, "language_name")
blueprint.add_app_template_filter(history.event)
blueprint.add_app_template_filter(history.event_of_itself)
blueprint.add_app_template_filter(history.details, "event_details")
blueprint.add_app_template_filter(history.differences, "event_differences")
blueprint.add_app_template_filter(history.problem, "delivery_problem")
