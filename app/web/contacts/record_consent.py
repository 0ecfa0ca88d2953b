"""Recording an opt-in or opt-out that a contact gave to an agent, with a note as evidence."""

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from app.core import clock
from app.core.consent import locking
from app.core.contacts import profile
from app.core.errors import InvalidState
from app.core.ledger.evidence import Evidence
from app.core.subscriptions import attachments
from app.core.wording import translatable
from app.models import EvidenceLevel, Source
from app.web.contacts.blueprint import blueprint
from app.web.contacts.profile import (
    GDPR_ON,
    GDPR_PREFIX,
    OPT_IN_PREFIX,
    ConsentForm,
    GdprForm,
    ProfileForms,
    chosen_id,
    current_id,
    done_or_page,
)
from app.web.i18n import gettext
from app.web.services import unit_of_work
from app.web.sign_in.setup import agent_required, current_actor

_OPTED_IN = translatable("The opt-in is recorded: “%(type)s”.")
_OPTED_IN_BEFORE = translatable("They had opted in already: “%(type)s”.")
_OPTED_OUT = translatable("The opt-out is recorded: they will no longer receive “%(type)s”.")
_OPTED_OUT_BEFORE = translatable("They had opted out already: they will no longer receive “%(type)s”.")


@blueprint.post("/contacts/<public_id>/opt-outs")
@agent_required
def record_opt_out(public_id: str) -> ResponseReturnValue:
    form = ConsentForm()
    return done_or_page(_opted_out, public_id, ProfileForms(opt_out=form), form)


@blueprint.post("/contacts/<public_id>/opt-ins")
@agent_required
def record_opt_in(public_id: str) -> ResponseReturnValue:
    """One explicit action with a note. It reverses an opt-out, but lifts no suppression of the number."""
    form = ConsentForm(prefix=OPT_IN_PREFIX)
    return done_or_page(_opted_in, public_id, ProfileForms(opt_in=form), form)


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
    return redirect(url_for("contacts.contact", public_id=public_id), 303)


def _opted_in(form: ConsentForm, public_id: str) -> ResponseReturnValue:
    type_id = chosen_id(form.subscription_type_id)
    try:
        with unit_of_work() as session:
            public_id = current_id(session, public_id)
            chosen, change = attachments.opt_in(session, public_id, type_id, _evidence(form), at=clock.now())
    except InvalidState as refused:
        refused.field = "subscription_type_id"
        raise
    flash(gettext(_OPTED_IN if change.is_new else _OPTED_IN_BEFORE, type=chosen.name))
    return redirect(url_for("contacts.contact", public_id=public_id), 303)


def _opted_out(form: ConsentForm, public_id: str) -> ResponseReturnValue:
    type_id = chosen_id(form.subscription_type_id)
    with unit_of_work() as session:
        public_id = current_id(session, public_id)
        chosen, change = attachments.opt_out(session, public_id, type_id, _evidence(form), at=clock.now())
    flash(gettext(_OPTED_OUT if change.is_new else _OPTED_OUT_BEFORE, type=chosen.name))
    return redirect(url_for("contacts.contact", public_id=public_id), 303)


def _evidence(form: ConsentForm) -> Evidence:
    return Evidence(Source.AGENT, current_actor(), EvidenceLevel.REPORTED, note=form.note.data)
