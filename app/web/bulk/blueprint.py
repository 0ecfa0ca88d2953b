"""The blueprint of bulk changes. Each module of this folder adds its views to it."""

from flask import Blueprint

from app.web.bulk import labels

blueprint = Blueprint("bulk", __name__)
blueprint.add_app_template_filter(labels.action, "job_action")
blueprint.add_app_template_filter(labels.outcome, "job_outcome")
