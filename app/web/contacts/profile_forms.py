"""The forms of a contact's page."""

from typing import Any

from sqlalchemy.orm import Session
from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import AnyOf, DataRequired, InputRequired, Length

from app.core.consent import eligibility, suppressions
from app.core.contacts import notes, tags
from app.models import Contact
from app.web.formkit import Form, choices, offered_forms, text
from app.web.i18n import gettext, lazy_gettext
from app.web.sign_in.setup import current_actor

GDPR_PREFIX, REVIEW_PREFIX, STOP_PREFIX, TAG_PREFIX = "gdpr-", "review-", "stop-", "tag-"
KEEP, RELEASE = "keep", "release"
GDPR_ON = "on"


class InsertForm(Form):
    form_id = SelectField(
        lazy_gettext("Form"), [DataRequired(lazy_gettext("Choose a form."))], coerce=str, validate_choice=False
    )


class SwitchOnForm(Form):
    """An opt-in that a contact gave to an agent. ``conversation``: where the agent is, when in the inbox."""

    subscription_type_id = HiddenField(validators=[DataRequired(lazy_gettext("Choose a subscription type."))])
    conversation = HiddenField()
    note = TextAreaField(
        lazy_gettext("How was consent given?"),
        [DataRequired(lazy_gettext("Say how they told you, for example “by phone today”.")), Length(max=2000)],
        filters=[text],
    )


class SwitchOffForm(Form):
    """An opt-out. A note is kept where there is one."""

    subscription_type_id = HiddenField(validators=[DataRequired(lazy_gettext("Choose a subscription type."))])
    conversation = HiddenField()
    note = TextAreaField(lazy_gettext("How did they tell you?"), [Length(max=2000)], filters=[text])


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


class StopForm(Form):
    """Why texts to the number are stopped by hand."""

    note = TextAreaField(
        lazy_gettext("Why?"),
        [
            DataRequired(lazy_gettext("Say why, for example “the number belongs to a child”.")),
            Length(max=suppressions.NOTE_MAX),
        ],
        filters=[text],
    )


class EraseForm(Form):
    sure = BooleanField(
        lazy_gettext("Erase this person permanently"),
        [InputRequired(lazy_gettext("Check the box to erase this person."))],
        false_values=(),
    )


class NoteForm(Form):
    body = TextAreaField(
        lazy_gettext("New note"),
        [DataRequired(lazy_gettext("Write something first.")), Length(max=notes.BODY_MAX)],
        filters=[text],
    )


class TagForm(Form):
    name = StringField(
        lazy_gettext("Add a tag"),
        [DataRequired(lazy_gettext("Enter a tag first.")), Length(max=tags.NAME_MAX)],
        filters=[text],
    )


_FORMS: dict[str, tuple[type[Form], str]] = {
    "insert": (InsertForm, ""),
    "switch_on": (SwitchOnForm, ""),
    "gdpr": (GdprForm, GDPR_PREFIX),
    "review": (ReviewForm, REVIEW_PREFIX),
    "stop": (StopForm, STOP_PREFIX),
    "erase": (EraseForm, ""),
    "note": (NoteForm, ""),
    "tag": (TagForm, TAG_PREFIX),
}


class ProfileForms:
    """The forms of the page by name: the one that was just sent, and new ones for the rest."""

    def __init__(self, **sent: Form) -> None:
        self.by_name: dict[str, Any] = {
            name: sent.get(name) or form(formdata=None, prefix=prefix) for name, (form, prefix) in _FORMS.items()
        }

    def offer(self, session: Session, contact: Contact) -> None:
        """Fill the list of forms that can be sent to the contact."""
        offered = offered_forms(session, eligibility.live_statuses(session, contact), actor=current_actor())
        self.by_name["insert"].form_id.choices = choices([("", gettext("Choose a form")), *offered])
