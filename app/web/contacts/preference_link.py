"""The link to a contact's preference center, for agents to pass on."""

from flask import session as cookie
from flask.typing import ResponseReturnValue

from app.core import clock, public_urls
from app.core.contacts import records as contacts
from app.core.preferences import links
from app.models import EvidenceLevel
from app.web.contacts.blueprint import blueprint
from app.web.contacts.profile import PREFERENCE_LINK, back_to
from app.web.security import public_url
from app.web.services import unit_of_work
from app.web.sign_in.setup import agent_required


@blueprint.post("/contacts/<public_id>/preference-link")
@agent_required
def issue_preference_link(public_id: str) -> ResponseReturnValue:
    """Issue a link for this contact. The page shows it once."""
    with unit_of_work() as session:
        contact = contacts.find_current(session, public_id)
        public_id = contact.public_id
        token = links.issue(session, contact, level=EvidenceLevel.PERSONAL_LINK, at=clock.now())
    cookie[PREFERENCE_LINK] = [public_id, public_urls.preferences(token, base=public_url())]
    return back_to(public_id, "preferences")
