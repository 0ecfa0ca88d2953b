"""The blueprint of campaigns. Each module of this folder adds its views to it."""

from flask import Blueprint

from app.web.campaigns import labels

blueprint = Blueprint("campaigns", __name__)
blueprint.add_app_template_filter(labels.reason, "audience_reason")
blueprint.add_app_template_filter(labels.outcome, "campaign_outcome")
blueprint.add_app_template_filter(labels.delay, "delay_rule")
blueprint.add_app_template_filter(labels.money)
blueprint.add_app_template_filter(labels.character)
