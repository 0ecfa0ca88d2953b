"""The one blueprint of the preference center."""

from flask import Blueprint, request

from app.web.security import refuse_other_sites

blueprint = Blueprint("preferences", __name__)


@blueprint.before_request
def refuse_acts_from_other_sites() -> None:
    """Refuse acts that another site sends, except the one click, which mail programs send."""
    if request.method == "POST" and request.endpoint != "preferences.leave_by_one_click":
        refuse_other_sites()
