"""One contact: subscriptions, consent events with their evidence, tags and notes, and inserting a form."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import HiddenField, SelectField, TextAreaField
from wtforms.validators import AnyOf, DataRequired, Length

from app.core import clock, phone, public_urls
from app.core.consent import eligibility, locking, reach, suppressions
from app.core.consent.eligibility import Reason, SubscriptionStatus
from app.core.contacts import notes, tags
from app.core.contacts import records as contacts
from app.core.conversations import lifecycle
from app.core.errors import InvalidInput, InvalidState
from app.core.forms import insertion, publishing
from app.core.ledger import events as ledger
from app.core.proof import receipts
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.models import ConsentState, Contact
from app.web import formatting, ids, shown_words
from app.web.contacts import labels
from app.web.contacts.blueprint import blueprint
from app.web.formkit import Form, accepted, choices, offered_forms, text
from app.web.i18n import gettext, lazy_gettext
from app.web.security import public_url
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import agent_required, current_actor

EVENTS_A_PAGE = 100
NOTES_SHOWN = 50
OPT_IN_PREFIX, GDPR_PREFIX, REVIEW_PREFIX = "yes-", "gdpr-", "review-"
KEEP, RELEASE = "keep", "release"
GDPR_ON = "on"
_LINK, PREFERENCE_LINK = "inserted_link", "preference_link"


class InsertForm(Form):
    form_id = SelectField(
        lazy_gettext("Form"), [DataRequired(lazy_gettext("Choose a form."))], coerce=str, validate_choice=False
    )


class ConsentForm(Form):
    """An opt-in or opt-out that a contact gave to an agent, for one subscription type."""

    subscription_type_id = SelectField(
        lazy_gettext("Subscription type"),
        [DataRequired(lazy_gettext("Choose a subscription type."))],
        coerce=str,
        validate_choice=False,
    )
    note = TextAreaField(
        lazy_gettext("How did they tell you?"),
        [DataRequired(lazy_gettext("Say how they told you, for example “by phone today”.")), Length(max=2000)],
        filters=[text],
    )


class GdprForm(Form):
    """Whether a contact gets messages at all. The contact asked an agent for it."""

    action = HiddenField()
    note = TextAreaField(
        lazy_gettext("How did they tell you?"),
        [DataRequired(lazy_gettext("Say how they told you, for example “by phone today”.")), Length(max=2000)],
        filters=[text],
    )


class ReviewForm(Form):
    """The decision about a number under review; ``suppression`` is the one that the page showed."""

    suppression = HiddenField()
    decision = HiddenField(validators=[AnyOf([KEEP, RELEASE], lazy_gettext("Choose one of the two."))])
    note = TextAreaField(
        lazy_gettext("Why?"),
        [
            DataRequired(lazy_gettext("Say why, for example “they confirmed it by phone today”.")),
            Length(max=suppressions.NOTE_MAX),
        ],
        filters=[text],
    )


class NoteForm(Form):
    body = TextAreaField(
        lazy_gettext("New note"),
        [DataRequired(lazy_gettext("Write something first.")), Length(max=notes.BODY_MAX)],
        filters=[text],
    )


class ProfileForms:
    """The forms of the page: the one that was just sent, and new ones for the rest."""

    def __init__(
        self,
        insert: InsertForm | None = None,
        opt_in: ConsentForm | None = None,
        opt_out: ConsentForm | None = None,
        gdpr: GdprForm | None = None,
        *,
        review: ReviewForm | None = None,
        note: NoteForm | None = None,
    ) -> None:
        self.insert = insert or InsertForm(formdata=None)
        self.opt_in = opt_in or ConsentForm(formdata=None, prefix=OPT_IN_PREFIX)
        self.opt_out = opt_out or ConsentForm(formdata=None)
        self.gdpr = gdpr or GdprForm(formdata=None, prefix=GDPR_PREFIX)
        self.review = review or ReviewForm(formdata=None, prefix=REVIEW_PREFIX)
        self.note = note or NoteForm(formdata=None)

    def offer(self, forms: list[tuple[str, str]], subscriptions: list[SubscriptionStatus]) -> None:
        """Fill the choices of each list."""
        self.insert.form_id.choices = choices([("", gettext("Choose a form")), *forms])
        self.opt_in.subscription_type_id.choices = _types(each for each in subscriptions if _may_opt_in(each))
        self.opt_out.subscription_type_id.choices = _types(
            each for each in subscriptions if each.state != ConsentState.OPTED_OUT
        )


@blueprint.get("/contacts/<public_id>")
@agent_required
def contact(public_id: str) -> ResponseReturnValue:
    """The page of a contact; of a merged one, that of the contact it belongs to now."""
    with read_only() as session:
        surviving = contacts.find_surviving(session, public_id).public_id
    if surviving != public_id:
        return redirect(url_for("contacts.contact", public_id=surviving), 303)
    return profile_page(public_id, ProfileForms())


@blueprint.post("/contacts/<public_id>/forms")
@agent_required
def insert_form(public_id: str) -> ResponseReturnValue:
    """Insert a form for this contact. The personal link is shown once."""
    form = InsertForm()
    return accepted(form, partial(_inserted, public_id=public_id)) or (
        profile_page(public_id, ProfileForms(insert=form)),
        422,
    )


def profile_page(public_id: str, forms: ProfileForms) -> str:
    """The page of a contact. Of an erased one it shows what the ledger keeps, and offers nothing."""
    before = request.args.get("before", type=ids.whole_number)
    with read_only() as session:
        found = contacts.find_surviving(session, public_id)
        subscriptions = eligibility.statuses(session, found)
        forms.offer(offered_forms(session, subscriptions, actor=current_actor()), subscriptions)
        lines = ledger.of_contact(session, found.id, limit=EVENTS_A_PAGE + 1, before_id=before)
        inserted = [line.event.inserted_form_id for line in lines if line.event.inserted_form_id]
        return render_template(
            "contacts/contact.html",
            contact=found,
            subscriptions=subscriptions,
            refusal=phone.refusal_of_stored(found.phone) if found.phone else None,
            lines=lines[:EVENTS_A_PAGE],
            assessments=receipts.assessments(session, lines[:EVENTS_A_PAGE]),
            next_before=lines[EVENTS_A_PAGE - 1].event.id if len(lines) > EVENTS_A_PAGE else None,
            is_first=before is None,
            conversations=insertion.conversations_of(session, inserted),
            types={each.id: each for each in subscription_types.find_all(session)},
            insert=forms.insert,
            opt_in=forms.opt_in,
            opt_out=forms.opt_out,
            gdpr=forms.gdpr,
            review=forms.review,
            note=forms.note,
            under_review=suppressions.under_review(session, found.phone_hash),
            tags=tags.of_contact(session, found.id),
            notes=notes.of_contact(session, found.id, limit=NOTES_SHOWN),
            notes_count=notes.count_of_contact(session, found.id),
            is_closed=reach.is_closed(found),
            has_messenger=lifecycle.has_messenger(session, found),
            link=_take_link(found, _LINK),
            preference_link=_take_link(found, PREFERENCE_LINK),
            agents=formatting.actor_names(session),
            time_zone=settings.get(session).time_zone,
            labels=labels,
            evidence=shown_words,
            formatted=phone.formatted,
        )


def done_or_page(
    act: Callable[[Any, str], ResponseReturnValue], public_id: str, forms: ProfileForms, form: Form
) -> ResponseReturnValue:
    """The response of the act, or the contact's page with what is wrong in the form."""
    return accepted(form, lambda sent: act(sent, public_id)) or (profile_page(public_id, forms), 422)


def current_id(session: Session, public_id: str) -> str:
    """The public id of this contact, or of the one that it was merged into: what an agent does is done there.

    :raises NotFound: there is no such contact, or it was erased
    """
    current = contacts.find_current(session, public_id).public_id
    if current != public_id and request.method == "POST":
        flash(gettext("This contact was merged into another one, which you see now."))
    return current


def chosen_id(field: Any) -> int:
    """The id that was chosen in a list. :raises InvalidInput: nothing was chosen, or it is not an id"""
    chosen = ids.parse_id(field.data)
    if chosen is None:
        raise InvalidInput("Choose one of the list.", field=field.name)
    return chosen


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
    cookie[_LINK] = [public_id, public_urls.inserted_form(inserted.token, base=public_url())]
    return redirect(url_for("contacts.contact", public_id=public_id, _anchor="insert"), 303)


def _may_opt_in(subscription: SubscriptionStatus) -> bool:
    is_new = subscription.state != ConsentState.OPTED_IN or Reason.NUMBER_CHANGED in subscription.reasons
    return is_new and Reason.TYPE_NOT_LIVE not in subscription.reasons


def _types(subscriptions: Iterable[SubscriptionStatus]) -> list[Any]:
    named = ((str(each.subscription_type.id), each.subscription_type.name) for each in subscriptions)
    return choices([("", gettext("Choose a subscription type")), *named])


def _take_link(found: Contact, name: str) -> str | None:
    """The link that was just made for this contact; null when the page is loaded again."""
    stored = cookie.pop(name, None) if name in cookie else None
    return stored[1] if stored and stored[0] == found.public_id else None
