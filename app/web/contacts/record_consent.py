"""The switches of a contact's subscriptions, and whether it gets messages at all."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.core import clock
from app.core.consent import locking
from app.core.contacts import profile
from app.core.errors import InvalidState
from app.core.ledger.evidence import reported_by
from app.core.subscriptions import attachments, taking_back
from app.core.wording import translatable
from app.web import ids
from app.web.contacts.blueprint import blueprint
from app.web.contacts.profile import back_to, chosen_id, current_id, done_or_page
from app.web.contacts.profile_forms import (
    GDPR_ON,
    GDPR_PREFIX,
    GdprForm,
    ProfileForms,
    SwitchOffForm,
    SwitchOnForm,
)
from app.web.formkit import flash_undo
from app.web.i18n import gettext, sentence_of
from app.web.services import unit_of_work
from app.web.sign_in.setup import agent_required, current_actor

_OPTED_IN = translatable("The opt-in is recorded: “%(type)s”.")
_OPTED_IN_BEFORE = translatable("They had opted in already: “%(type)s”.")
_OPTED_OUT = translatable("The opt-out is recorded: they will no longer receive “%(type)s”.")
_OPTED_OUT_BEFORE = translatable("They had opted out already: they will no longer receive “%(type)s”.")
_TAKEN_BACK = translatable("Undone: “%(type)s” is as it was before.")


@blueprint.post("/contacts/<public_id>/opt-outs")
@agent_required
def record_opt_out(public_id: str) -> ResponseReturnValue:
    """One click. It can be undone for ten seconds."""
    form = SwitchOffForm()
    return done_or_page(_opted_out, public_id, ProfileForms(), form)


@blueprint.post("/contacts/<public_id>/opt-ins")
@agent_required
def record_opt_in(public_id: str) -> ResponseReturnValue:
    """One explicit action with a note. It reverses an opt-out, but lifts no suppression of the number."""
    form = SwitchOnForm()
    return done_or_page(_opted_in, public_id, ProfileForms(switch_on=form), form)


@blueprint.post("/contacts/<public_id>/opt-outs/<int:event_id>/undo")
@agent_required
def undo_opt_out(public_id: str, event_id: int) -> ResponseReturnValue:
    """Take back an opt-out of the last ten seconds. A refusal is shown on the contact's page."""
    try:
        with unit_of_work() as session:
            public_id = current_id(session, public_id)
            restored = taking_back.take_back(session, public_id, event_id, actor=current_actor(), at=clock.now())
        flash(gettext(_TAKEN_BACK, type=restored.name))
    except InvalidState as refused:
        flash(sentence_of(refused), "warning")
    conversation_id, type_id = (ids.parse_id(request.args.get(name, "")) for name in ("conversation", "type"))
    return _back(public_id, conversation_id, type_id)


@blueprint.post("/contacts/<public_id>/gdpr")
@agent_required
def record_gdpr(public_id: str) -> ResponseReturnValue:
    """Stop or allow every message to a contact. A note says how they asked for it."""
    form = GdprForm(prefix=GDPR_PREFIX)
    return done_or_page(_gdpr_changed, public_id, ProfileForms(gdpr=form), form)


def _gdpr_changed(form: GdprForm, public_id: str) -> ResponseReturnValue:
    is_allowed = form.action.data == GDPR_ON
    with unit_of_work() as session:
        contact = locking.lock_contact_by_public_id(session, current_id(session, public_id))
        fields = {"gdpr_optin": is_allowed, "source_note": form.note.data}
        profile.change(session, contact, fields, actor=current_actor(), at=clock.now())
        public_id = contact.public_id
    flash(
        gettext("Messages are allowed again.")
        if is_allowed
        else gettext("Nothing is sent to them on any channel any more.")
    )
    return back_to(public_id)


def _opted_in(form: SwitchOnForm, public_id: str) -> ResponseReturnValue:
    type_id = chosen_id(form.subscription_type_id)
    evidence = reported_by(current_actor(), form.note.data)
    try:
        with unit_of_work() as session:
            public_id = current_id(session, public_id)
            chosen, change = attachments.opt_in(session, public_id, type_id, evidence, at=clock.now())
    except InvalidState as refused:
        refused.field = "note"
        raise
    flash(gettext(_OPTED_IN if change.is_new else _OPTED_IN_BEFORE, type=chosen.name))
    return _back(public_id, ids.parse_id(form.conversation.data), type_id)


def _opted_out(form: SwitchOffForm, public_id: str) -> ResponseReturnValue:
    type_id, conversation_id = chosen_id(form.subscription_type_id), ids.parse_id(form.conversation.data)
    evidence = reported_by(current_actor(), form.note.data)
    with unit_of_work() as session:
        public_id = current_id(session, public_id)
        chosen, change = attachments.opt_out(session, public_id, type_id, evidence, at=clock.now())
    if change.is_new:
        undo = url_for(
            "contacts.undo_opt_out",
            public_id=public_id,
            event_id=change.event_id,
            conversation=conversation_id,
            type=type_id,
        )
        flash_undo(gettext(_OPTED_OUT, type=chosen.name), undo)
    else:
        flash(gettext(_OPTED_OUT_BEFORE, type=chosen.name))
    return _back(public_id, conversation_id, type_id)


def _back(public_id: str, conversation_id: int | None, type_id: int | None) -> ResponseReturnValue:
    """Where the switch is: in the inbox beside a conversation, else on the contact's page."""
    if conversation_id is None:
        return back_to(public_id, f"type-{type_id}" if type_id else "subscriptions")
    anchor = f"type-{type_id}" if type_id else "panel"
    return redirect(url_for("inbox.conversation_page", conversation_id=conversation_id, _anchor=anchor), 303)
