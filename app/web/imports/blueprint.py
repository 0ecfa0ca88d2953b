"""The blueprint of imports. Each module of this folder adds its views to it."""

from flask import Blueprint

from app.web.imports import labels

blueprint = Blueprint("imports", __name__)
blueprint.add_app_template_filter(labels.consent_outcome)
blueprint.add_app_template_filter(labels.refusal)
blueprint.add_app_template_filter(labels.file_size)
