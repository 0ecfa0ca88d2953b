"""The blueprint of contacts. Each module of this folder adds its views to it."""

from flask import Blueprint

from app.web import formatting
from app.web.contacts import evidence_details, labels

blueprint = Blueprint("contacts", __name__)
blueprint.add_app_template_filter(labels.reason)
blueprint.add_app_template_filter(labels.remedy)
blueprint.add_app_template_filter(labels.type_kind)
blueprint.add_app_template_filter(labels.how_given)
blueprint.add_app_template_filter(labels.finding)
blueprint.add_app_template_filter(evidence_details.detail_name)
blueprint.add_app_template_filter(evidence_details.detail_value)
blueprint.add_app_template_filter(formatting.local_day)
blueprint.add_app_template_filter(formatting.exact_time)
