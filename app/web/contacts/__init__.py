"""Contacts and their consents: who opted in to what, and the proof."""

from flask import Blueprint

blueprint = Blueprint("contacts", __name__)

# The views register themselves on the blueprint above.
from app.web.contacts import newest, profile, record_consent  # noqa: E402, F401
