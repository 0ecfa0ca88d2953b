"""Inserting a form for a contact: an agent gets a personal link to pass on."""

from flask import session as cookie
from flask.typing import ResponseReturnValue

from app.core import clock, public_urls
from app.core.consent import locking
from app.core.errors import InvalidState
from app.core.forms import insertion, publishing
from app.web.contacts.blueprint import blueprint
from app.web.contacts.profile import INSERTED_LINK, back_to, chosen_id, current_id, done_or_page
from app.web.contacts.profile_forms import InsertForm, ProfileForms
from app.web.security import public_url
from app.web.services import unit_of_work
from app.web.sign_in.setup import agent_required, current_actor


@blueprint.post("/contacts/<public_id>/forms")
@agent_required
def insert_form(public_id: str) -> ResponseReturnValue:
    """Insert a form for this contact. The personal link is shown once."""
    form = InsertForm()
    return done_or_page(_inserted, public_id, ProfileForms(insert=form), form)


def _inserted(form: InsertForm, public_id: str) -> ResponseReturnValue:
    try:
        with unit_of_work() as session:
            public_id = current_id(session, public_id)
            contact = locking.lock_contact_by_public_id(session, public_id)
            chosen = publishing.find(session, chosen_id(form.form_id))
            inserted = insertion.insert_for(session, chosen, contact, inserted_by=current_actor(), at=clock.now())
    except InvalidState as refused:
        refused.field = "form_id"
        raise
    cookie[INSERTED_LINK] = [public_id, public_urls.inserted_form(inserted.token, base=public_url())]
    return back_to(public_id, "insert")
