"""Notes about a contact, written by agents."""

from flask import flash
from flask.typing import ResponseReturnValue

from app.core import clock
from app.core.contacts import notes
from app.web.contacts.blueprint import blueprint
from app.web.contacts.profile import back_to, current_id, done_or_page
from app.web.contacts.profile_forms import NoteForm, ProfileForms
from app.web.i18n import gettext
from app.web.services import unit_of_work
from app.web.sign_in.setup import agent_required, current_actor, current_agent


@blueprint.post("/contacts/<public_id>/notes")
@agent_required
def add_note(public_id: str) -> ResponseReturnValue:
    form = NoteForm()
    return done_or_page(_added, public_id, ProfileForms(note=form), form)


def _added(form: NoteForm, public_id: str) -> ResponseReturnValue:
    with unit_of_work() as session:
        public_id = current_id(session, public_id)
        notes.add(session, public_id, form.body.data or "", current_agent(), actor=current_actor(), at=clock.now())
    flash(gettext("The note is saved."))
    return back_to(public_id, "notes")
