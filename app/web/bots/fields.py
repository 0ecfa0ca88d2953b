"""The form of a rule."""

from typing import Any

from sqlalchemy.orm import Session
from wtforms import HiddenField, IntegerField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired

from app.core.bots import rule_values
from app.core.bots.rule_values import RuleValues
from app.core.contacts import segments
from app.core.conversations import appending
from app.core.forms import publishing
from app.core.subscriptions import subscription_types
from app.models import BotHours, BotRule, BotTrigger
from app.web.bots.labels import HOURS, TRIGGERS
from app.web.formkit import Form, choices, rule, text
from app.web.i18n import gettext, lazy_gettext
from app.web.ids import parse_id

_ANYONE, _SIGNED_IN, _ANONYMOUS = "", "yes", "no"


class BotForm(Form):
    name = StringField(lazy_gettext("Name"), [rule(rule_values.check_name)], filters=[text])
    trigger = RadioField(lazy_gettext("When a visitor"), default=BotTrigger.PAGE)
    words = TextAreaField(
        lazy_gettext("Words"), [rule(lambda typed: rule_values.check_words((typed or "").splitlines()))], filters=[text]
    )
    page = StringField(lazy_gettext("Page"), [rule(rule_values.check_page)], filters=[text])
    seconds = IntegerField(
        lazy_gettext("Seconds on the page"),
        [InputRequired(lazy_gettext("Enter a whole number.")), rule(rule_values.check_seconds)],
        default=0,
    )
    signed_in = SelectField(lazy_gettext("Visitors"), default=_ANYONE)
    not_asked_type_id = SelectField(lazy_gettext("Never asked for"), default="")
    segment_id = SelectField(lazy_gettext("Segment"), default="")
    hours = SelectField(lazy_gettext("Office hours"), default=BotHours.ALWAYS)
    body = TextAreaField(lazy_gettext("Message"), [rule(appending.clean_body)], filters=[text])
    form_id = SelectField(lazy_gettext("Form"), default="")
    revision = HiddenField()

    def __init__(self, session: Session, saved: BotRule | None = None, **values: Any) -> None:
        super().__init__(**values)
        self.trigger.choices = choices((each.value, gettext(label)) for each, label in TRIGGERS.items())
        self.hours.choices = choices((each.value, gettext(label)) for each, label in HOURS.items())
        self.signed_in.choices = choices(
            [
                (_ANYONE, gettext("Everyone")),
                (_SIGNED_IN, gettext("Signed-in visitors")),
                (_ANONYMOUS, gettext("Visitors who are not signed in")),
            ]
        )
        live = [(str(each.id), each.name) for each in subscription_types.find_live(session)]
        self.not_asked_type_id.choices = choices([("", gettext("Any type")), *live])
        named = [(str(each.id), each.name) for each in segments.find_all(session)]
        self.segment_id.choices = choices([("", gettext("No segment")), *named])
        self.form_id.choices = choices([("", gettext("No form")), *_forms(session, saved)])

    @property
    def values(self) -> RuleValues:
        """As ``rules.create`` takes them."""
        return RuleValues(
            name=self.name.data or "",
            trigger=self.trigger.data or "",
            body=self.body.data or "",
            words=(self.words.data or "").splitlines(),
            page=self.page.data or "",
            seconds=self.seconds.data or 0,
            is_signed_in={_SIGNED_IN: True, _ANONYMOUS: False}.get(self.signed_in.data),
            not_asked_type_id=parse_id(self.not_asked_type_id.data),
            segment_id=parse_id(self.segment_id.data),
            hours=self.hours.data or BotHours.ALWAYS,
            form_id=parse_id(self.form_id.data),
        )


def values_of(saved: BotRule) -> dict[str, Any]:
    """A saved rule as the form shows it."""
    named = ("name", "trigger", "page", "seconds", "hours", "body", "revision")
    signed_in = {True: _SIGNED_IN, False: _ANONYMOUS, None: _ANYONE}[saved.is_signed_in]
    ids = {name: str(getattr(saved, name) or "") for name in ("not_asked_type_id", "segment_id", "form_id")}
    shown = {name: getattr(saved, name) for name in named}
    return shown | ids | {"signed_in": signed_in, "words": "\n".join(saved.words)}


def _forms(session: Session, saved: BotRule | None) -> list[tuple[str, str]]:
    """The forms that are offered, and the one that the rule has."""
    found = publishing.find_offered(session)
    named = [(str(each.form.id), f"{each.form.name} ({each.subscription_type.name})") for each in found]
    if saved is None or saved.form_id is None or any(each.form.id == saved.form_id for each in found):
        return named
    name = publishing.names(session, [saved.form_id]).get(saved.form_id, "")
    return [*named, (str(saved.form_id), gettext("%(name)s (no longer offered)", name=name))]
