"""The newest opt-ins; one contact with states and evidence; inserting a form; recording what they said."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import SelectField, TextAreaField
from wtforms.validators import DataRequired, Length

from app.core import clock, phone
from app.core.consent import eligibility
from app.core.consent.eligibility import Reason, Standing
from app.core.contacts import profile as contact_profile
from app.core.contacts import records as contacts
from app.core.errors import InvalidInput, InvalidState
from app.core.forms import publishing as optin_forms
from app.core.ledger import events as ledger
from app.core.ledger.evidence import Evidence
from app.core.subscriptions import attachments as subscriptions
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.models import Action, ConsentState, Contact, EvidenceLevel, Source, TypeState
from app.web import formatting as display
from app.web import ids as numbers
from app.web.contacts import blueprint
from app.web.contacts import labels as words
from app.web.formkit import Form, accepted, choices, text
from app.web.security import public_url
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import agent_required, current_actor

PAGE_SIZE = 50
RECORD_SIZE = 100
_OPT_IN = "yes-"
_LINK = "inserted_link"


class InsertForm(Form):
    form_id = SelectField("Form", [DataRequired("Choose a form.")], coerce=str, validate_choice=False)


class SaidForm(Form):
    """What somebody told an agent about one subscription type."""

    subscription_type_id = SelectField(
        "Subscription type", [DataRequired("Choose a subscription type.")], coerce=str, validate_choice=False
    )
    note = TextAreaField(
        "How did they ask?",
        [DataRequired("Say how they asked, for example “by phone today”."), Length(max=2000)],
        filters=[text],
    )


@blueprint.get("/contacts")
@agent_required
def newest() -> str:
    """The newest opt-ins, or those whom a search finds."""
    typed = request.args.get("q", "", type=str)[:255].strip()
    with read_only() as session:
        workspace = settings.get(session)
        if typed:
            found = contacts.look_up(session, typed, region=workspace.default_country)
            return render_template("contacts/found.html", typed=typed, found=found, formatted=phone.formatted)
        before = request.args.get("before", type=numbers.whole)
        lines = ledger.newest(session, action=Action.OPT_IN, limit=PAGE_SIZE + 1, before_id=before)
        return render_template(
            "contacts/newest.html",
            lines=lines[:PAGE_SIZE],
            next_before=lines[PAGE_SIZE - 1].event.id if len(lines) > PAGE_SIZE else None,
            is_first=before is None,
            contacts=contacts.find_by_ids(session, (each for line in lines if (each := line.event.contact_id))),
            types={each.id: each for each in subscription_types.find_all(session)},
            time_zone=workspace.time_zone,
            levels=words.LEVELS,
            formatted=phone.formatted,
        )


@blueprint.get("/contacts/<public_id>")
@agent_required
def contact(public_id: str) -> ResponseReturnValue:
    return _page(public_id, _Forms())


@blueprint.post("/contacts/<public_id>/forms")
@agent_required
def insert_form(public_id: str) -> ResponseReturnValue:
    """Place a form for this contact; the personal link is shown once."""
    form = InsertForm()
    return accepted(form, partial(_inserted, public_id=public_id)) or (_page(public_id, _Forms(insert=form)), 422)


@blueprint.post("/contacts/<public_id>/opt-outs")
@agent_required
def record_opt_out(public_id: str) -> ResponseReturnValue:
    form = SaidForm()
    return accepted(form, partial(_opted_out, public_id=public_id)) or (_page(public_id, _Forms(opt_out=form)), 422)


@blueprint.post("/contacts/<public_id>/opt-ins")
@agent_required
def record_opt_in(public_id: str) -> ResponseReturnValue:
    """One explicit action with a note: it reverses an opt-out, but never lifts what the holder of a number said."""
    form = SaidForm(prefix=_OPT_IN)
    return accepted(form, partial(_opted_in, public_id=public_id)) or (_page(public_id, _Forms(opt_in=form)), 422)


def _inserted(form: InsertForm, public_id: str) -> ResponseReturnValue:
    try:
        with unit_of_work() as session:
            held = contact_profile.hold(session, public_id)
            chosen = optin_forms.find(session, _number(form.form_id))
            inserted = optin_forms.insert_for(session, chosen, held, inserted_by=current_actor(), at=clock.now())
    except InvalidState as refused:
        raise InvalidInput(refused.message, field="form_id") from None
    cookie[_LINK] = [public_id, f"{public_url()}/f/{inserted.token}"]
    return redirect(url_for("contacts.contact", public_id=public_id, _anchor="insert"), 303)


def _opted_in(form: SaidForm, public_id: str) -> ResponseReturnValue:
    evidence = Evidence(Source.AGENT, current_actor(), EvidenceLevel.REPORTED, note=form.note.data)
    type_id = _number(form.subscription_type_id)
    try:
        with unit_of_work() as session:
            chosen, change = subscriptions.opt_in(session, public_id, type_id, evidence, at=clock.now())
            name = subscription_types.find(session, chosen.id).name
    except InvalidState as refused:
        raise InvalidInput(refused.message, field="subscription_type_id") from None
    said = "The opt-in is recorded" if change.is_new else "They had opted in already"
    flash(f"{said}: “{name}”.")
    return redirect(url_for("contacts.contact", public_id=public_id), 303)


def _opted_out(form: SaidForm, public_id: str) -> ResponseReturnValue:
    evidence = Evidence(Source.AGENT, current_actor(), EvidenceLevel.REPORTED, note=form.note.data)
    with unit_of_work() as session:
        type_id = _number(form.subscription_type_id)
        chosen, change = subscriptions.opt_out(session, public_id, type_id, evidence, at=clock.now())
    said = "The opt-out is recorded" if change.is_new else "They had opted out already"
    flash(f"{said}: nothing of “{chosen.name}” is sent to them any more.")
    return redirect(url_for("contacts.contact", public_id=public_id), 303)


def _number(field: Any) -> int:
    """The id that was chosen. :raises InvalidInput: it is no number"""
    value = str(field.data)
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise InvalidInput("Choose one of the list.", field=field.name)
    return int(value)


class _Forms:
    """The forms of a contact's page: the one that was just sent, and the others fresh."""

    def __init__(
        self, insert: InsertForm | None = None, opt_in: SaidForm | None = None, opt_out: SaidForm | None = None
    ) -> None:
        self.insert = insert or InsertForm(formdata=None)
        self.opt_in = opt_in or SaidForm(formdata=None, prefix=_OPT_IN)
        self.opt_out = opt_out or SaidForm(formdata=None)

    def offer(self, session: Session, standings: list[Standing]) -> None:
        """Fill the lists with what can be chosen."""
        self.insert.form_id.choices = choices([("", "Choose a form"), *_offered_forms(session)])
        self.opt_in.subscription_type_id.choices = _types(each for each in standings if _may_say_yes(each))
        self.opt_out.subscription_type_id.choices = _types(
            each for each in standings if each.state != ConsentState.OPTED_OUT
        )


def _may_say_yes(standing: Standing) -> bool:
    is_news = standing.state != ConsentState.OPTED_IN or Reason.NUMBER_CHANGED in standing.reasons
    return is_news and Reason.TYPE_NOT_LIVE not in standing.reasons


def _types(standings: Iterable[Standing]) -> list[Any]:
    named = ((str(each.subscription_type.id), each.subscription_type.name) for each in standings)
    return choices([("", "Choose a subscription type"), *named])


def _page(public_id: str, forms: _Forms) -> str:
    before = request.args.get("before", type=numbers.whole)
    with read_only() as session:
        found = contacts.find(session, public_id)
        standings = eligibility.standings(session, found)
        forms.offer(session, standings)
        lines = ledger.of_contact(session, found.id, limit=RECORD_SIZE + 1, before_id=before)
        return render_template(
            "contacts/contact.html",
            contact=found,
            standings=standings,
            refusal=phone.refusal_of_stored(found.phone) if found.phone else None,
            lines=lines[:RECORD_SIZE],
            next_before=lines[RECORD_SIZE - 1].event.id if len(lines) > RECORD_SIZE else None,
            is_first=before is None,
            reproduction=words.reproduction,
            types={each.id: each for each in subscription_types.find_all(session)},
            insert=forms.insert,
            opt_in=forms.opt_in,
            opt_out=forms.opt_out,
            link=_link_once(found),
            agents=display.actor_names(session),
            time_zone=settings.get(session).time_zone,
            words=words,
            formatted=phone.formatted,
        )


def _offered_forms(session: Session) -> list[tuple[str, str]]:
    """The forms that can be inserted, for a select."""
    return [
        (str(each.form.id), f"{each.form.name} ({each.subscription_type.name})")
        for each in optin_forms.find_all(session)
        if each.form.archived_at is None and each.subscription_type.state == TypeState.LIVE
    ]


def _link_once(found: Contact) -> str | None:
    """The link of the form that was just inserted for this contact; the second look does not have it any more."""
    kept = cookie.pop(_LINK, None) if _LINK in cookie else None
    return kept[1] if kept and kept[0] == found.public_id else None
