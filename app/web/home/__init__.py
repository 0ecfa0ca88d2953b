"""The front door, the logo, and the demo's shop."""

from flask import Blueprint

blueprint = Blueprint("home", __name__)

# The views register themselves on the blueprint above.
from app.web.home import views  # noqa: E402, F401
