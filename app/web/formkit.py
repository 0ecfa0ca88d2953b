"""Forms of staff pages: a base class, and how the error of a rule is shown at its field."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

import wtforms
from flask import flash
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session

from app.core.consent.eligibility import SubscriptionStatus
from app.core.errors import AssentError, ImmutableField, InvalidInput, InvalidState
from app.core.forms import insertion, publishing
from app.core.forms.concerns import Concern, concern_of
from app.core.forms.publishing import PublishedForm
from app.core.wording import translatable
from app.web.i18n import gettext, lazy_gettext, sentence_of

CONCERNS = {
    Concern.BLOCKED: translatable("this contact is blocked"),
    Concern.ARCHIVED: translatable("this contact is archived"),
    Concern.GDPR_OPTOUT: translatable("no marketing consent (GDPR)"),
    Concern.SUPPRESSED: translatable("this number must not be texted"),
    Concern.OPTED_OUT: translatable("opted out"),
    Concern.SIGNED_UP: translatable("already opted in"),
}
AnyForm = TypeVar("AnyForm", bound="Form")


class Form(FlaskForm):
    """The base class of forms. ``web/security.py`` checks the CSRF token of each POST before the view runs."""

    class Meta:
        csrf = False

    @property
    def status(self) -> int:
        """The status of a response with this form: 422 when it has errors."""
        return 422 if self.errors else 200


class NameForm(Form):
    """The name of an agent."""

    name = wtforms.StringField(lazy_gettext("Name"), filters=[lambda typed: text(typed)])


def accepted(form: AnyForm, act: Callable[[AnyForm], ResponseReturnValue]) -> ResponseReturnValue | None:
    """Call ``act`` when the form was sent and is valid, and return its response.

    Returns null when the form was not sent, or when the form or a rule refuses it. Then the form has the errors at its
    fields, and all typed values.
    """
    if not form.is_submitted() or not form.validate():
        return None
    try:
        return act(form)
    except (InvalidInput, ImmutableField, InvalidState) as error:
        refuse(form, error)
        return None


def flash_undo(message: str, address: str) -> None:
    """Show a message on the next page, with a button that takes back what was done.

    :param address: what the button posts to
    """
    flash(message, f"undo {address}")


def refuse(form: Form, error: AssentError) -> None:
    """Add the sentence of an error to its field, or to the whole form when it has no field here."""
    if error.field and error.field in form:
        form[error.field].errors = [*form[error.field].errors, sentence_of(error)]
    else:
        form.form_errors.append(sentence_of(error))


def rule(check: Callable[[Any], object]) -> Callable[[Any, wtforms.Field], None]:
    """A validator that asks a rule of core, so that a form reports all its mistakes in one go.

    :param check: takes the field's value; raises ``InvalidInput`` when it is refused
    """

    def validate(_form: Any, field: wtforms.Field) -> None:
        if field.process_errors:
            return
        is_missing_text = field.data is None and isinstance(field, wtforms.StringField)
        try:
            check("" if is_missing_text else field.data)
        except InvalidInput as refused:
            raise wtforms.validators.ValidationError(sentence_of(refused)) from None

    return validate


def text(value: Any) -> str | None:
    """A WTForms filter: strips text, removes NUL (which PostgreSQL cannot store), and normalizes line ends."""
    return value.replace("\0", "").replace("\r\n", "\n").strip() if isinstance(value, str) else None


def choices(pairs: Iterable[tuple[str, str]]) -> list[Any]:
    """The options of a list for WTForms, from pairs of value and label."""
    choice = cast(Any, wtforms).SelectChoice  # missing in the type stubs of WTForms
    return [choice(value, label) for value, label in pairs]


def offered_forms(session: Session, statuses: Iterable[SubscriptionStatus], *, actor: str) -> list[tuple[str, str]]:
    """The saved forms that can be inserted, as pairs of id and label for a list.

    Those that the actor inserted last come first. The label says what speaks against one for the contact.

    :param statuses: the contact's status for each live type (``eligibility.statuses``)
    """
    found = forms_with_concerns(session, statuses, actor=actor)
    return [(str(offered.form.id), _form_label(offered, concern)) for offered, concern in found]


def forms_with_concerns(
    session: Session, statuses: Iterable[SubscriptionStatus], *, actor: str
) -> list[tuple[PublishedForm, Concern | None]]:
    """The saved forms that can be inserted, each with the concern about it for the contact of ``statuses``.

    Those that the actor inserted last come first.
    """
    concerns = {each.subscription_type.id: concern_of(each) for each in statuses}
    recent = {form_id: position for position, form_id in enumerate(insertion.recently_inserted(session, actor))}
    offered = sorted(publishing.find_offered(session), key=lambda each: recent.get(each.form.id, len(recent)))
    return [(each, concerns.get(each.subscription_type.id)) for each in offered]


def _form_label(offered: PublishedForm, concern: Concern | None) -> str:
    label = f"{offered.form.name} ({offered.subscription_type.name})"
    return gettext("%(choice)s: %(concern)s", choice=label, concern=gettext(CONCERNS[concern])) if concern else label


def fields_for_each(form: type[Form], locales: Sequence[str], **makers: Any) -> None:
    """Add the fields ``name-es``, ``name-fr`` … to a form class. ``makers`` create the field of a locale, by name."""
    for locale in locales:
        for name, make in makers.items():
            setattr(form, f"{name}-{locale}", make(locale))
