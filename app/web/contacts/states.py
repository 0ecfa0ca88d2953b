"""Archiving, blocking, stopping texts to a number, and erasing a person. Each step asks once."""

from collections.abc import Callable
from datetime import datetime

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import clock
from app.core.consent import locking, suppressions
from app.core.contacts import erase, profile
from app.core.contacts import records as contacts
from app.core.errors import Duplicate, InvalidInput, InvalidState, NotFound
from app.core.wording import translatable
from app.models import Contact
from app.web.contacts.blueprint import blueprint
from app.web.contacts.profile import back_to, current_id, done_or_page
from app.web.contacts.profile_forms import STOP_PREFIX, EraseForm, ProfileForms, StopForm
from app.web.formkit import flash_undo
from app.web.i18n import gettext, sentence_of
from app.web.services import unit_of_work
from app.web.sign_in.setup import agent_required, current_actor, marketer_required

_CHANGES: dict[str, Callable[..., None]] = {
    "archive": profile.archive,
    "unarchive": profile.unarchive,
    "block": profile.block,
    "unblock": profile.unblock,
}
_DONE = {
    "archive": translatable("The contact is archived."),
    "unarchive": translatable("The contact is restored."),
    "block": translatable("The contact is blocked, and its conversations are closed."),
    "unblock": translatable("The contact is no longer blocked."),
}
# What takes a step back without asking. Unblocking leaves the conversations closed, so blocking has none.
_UNDO = {"archive": "unarchive"}


@blueprint.post("/contacts/<public_id>/<any(archive, unarchive, block, unblock):action>")
@agent_required
def change_state(public_id: str, action: str) -> ResponseReturnValue:
    try:
        with unit_of_work() as session:
            public_id = current_id(session, public_id)
            contact = locking.lock_contact_by_public_id(session, public_id)
            _CHANGES[action](session, contact, actor=current_actor(), at=clock.now())
    except Duplicate as other:
        flash(gettext("Another contact has this email address or external id now. Merge this one into it."), "warning")
        return redirect(url_for("contacts.merge_preview", public_id=public_id, into=other.public_id), 303)
    if action in _UNDO:
        undo = url_for("contacts.change_state", public_id=public_id, action=_UNDO[action])
        flash_undo(gettext(_DONE[action]), undo)
    else:
        flash(gettext(_DONE[action]))
    return back_to(public_id)


@blueprint.post("/contacts/<public_id>/number/stop")
@agent_required
def stop_number(public_id: str) -> ResponseReturnValue:
    """Stop texts to the contact's number by hand, for every contact that has it. A note says why."""
    form = StopForm(prefix=STOP_PREFIX)
    return done_or_page(_stopped, public_id, ProfileForms(stop=form), form)


@blueprint.post("/contacts/<public_id>/number/allow")
@marketer_required
def allow_number(public_id: str) -> ResponseReturnValue:
    """Lift a suppression that was made by hand."""
    try:
        with unit_of_work() as session:
            contact = contacts.find_current(session, current_id(session, public_id))
            public_id = contact.public_id
            suppressions.lift(session, contact.phone_hash or "", actor=current_actor(), at=clock.now())
        flash(gettext("Texts to this number are allowed again. Opt-outs stay."))
    except NotFound:
        flash(gettext("Texts to this number were allowed already."))
    except InvalidState as refused:
        flash(sentence_of(refused), "warning")
    return back_to(public_id)


@blueprint.post("/contacts/<public_id>/erase")
@marketer_required
def erase_contact(public_id: str) -> ResponseReturnValue:
    """Erase the person for good. The box says that the agent is sure."""
    form = EraseForm()
    return done_or_page(_erased, public_id, ProfileForms(erase=form), form)


def _stopped(form: StopForm, public_id: str) -> ResponseReturnValue:
    with unit_of_work() as session:
        contact = contacts.find_current(session, current_id(session, public_id))
        public_id = contact.public_id
        _suppress(session, contact, form.note.data or "", at=clock.now())
    flash(gettext("No text goes to this number any more."))
    return back_to(public_id)


def _suppress(session: Session, contact: Contact, note: str, *, at: datetime) -> None:
    if not contact.phone:
        raise InvalidInput("This contact has no number.", field="note")
    suppressions.add(session, contact.phone, note, actor=current_actor(), at=at)


def _erased(_form: EraseForm, public_id: str) -> ResponseReturnValue:
    with unit_of_work() as session:
        public_id = current_id(session, public_id)
        contact = locking.lock_contact_by_public_id(session, public_id)
        erase.erase(session, contact, actor=current_actor(), at=clock.now())
    flash(gettext("The contact is erased."))
    return back_to(public_id)
