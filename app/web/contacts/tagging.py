"""The tags of a contact."""

from flask.typing import ResponseReturnValue

from app.core import clock
from app.core.contacts import tags
from app.web.contacts.blueprint import blueprint
from app.web.contacts.profile import back_to, current_id, done_or_page
from app.web.contacts.profile_forms import TAG_PREFIX, ProfileForms, TagForm
from app.web.services import unit_of_work
from app.web.sign_in.setup import agent_required, current_actor


@blueprint.post("/contacts/<public_id>/tags")
@agent_required
def add_tag(public_id: str) -> ResponseReturnValue:
    """Attach a tag by its name. A new name makes a new tag."""
    form = TagForm(prefix=TAG_PREFIX)
    return done_or_page(_tagged, public_id, ProfileForms(tag=form), form)


@blueprint.post("/contacts/<public_id>/tags/<int:tag_id>/remove")
@agent_required
def remove_tag(public_id: str, tag_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        public_id = current_id(session, public_id)
        tags.detach(session, public_id, tag_id, actor=current_actor(), at=clock.now())
    return back_to(public_id, "tags")


def _tagged(form: TagForm, public_id: str) -> ResponseReturnValue:
    with unit_of_work() as session:
        public_id = current_id(session, public_id)
        tag = tags.create(session, form.name.data or "", actor=current_actor(), at=clock.now())
        tags.attach(session, public_id, tag.id, actor=current_actor(), at=clock.now())
    return back_to(public_id, "tags")
