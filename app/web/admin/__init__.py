"""Pages of the admins: forms, subscription types, the messenger, webhooks, agents, API tokens, settings."""

from flask import Blueprint

from app.web import formatting as display

blueprint = Blueprint("admin", __name__)
blueprint.add_app_template_filter(display.local_time)
blueprint.add_app_template_filter(display.actor)
blueprint.add_app_template_filter(display.country, "country_name")

# The views register themselves on the blueprint above.
from app.web.admin import agents, api_tokens, forms, messenger, settings, subscription_types, webhooks  # noqa: E402, F401
