"""Contacts and the record: who said yes to what, and how we know."""

from flask import Blueprint

blueprint = Blueprint("contacts", __name__)

# The views register themselves on the blueprint above.
from app.web.contacts import views  # noqa: E402, F401
