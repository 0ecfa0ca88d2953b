"""Pages of the admins: forms, subscription types, the messenger, webhooks, agents, API tokens, settings."""

from flask import Blueprint

from app.web import formatting

blueprint = Blueprint("admin", __name__)
blueprint.add_app_template_filter(formatting.local_time)
blueprint.add_app_template_filter(formatting.actor)
blueprint.add_app_template_filter(formatting.country, "country_name")

# The views register themselves on the blueprint above.
from app.web.admin import agents, api_tokens, forms, messenger, settings, subscription_types, webhooks  # noqa: E402, F401
