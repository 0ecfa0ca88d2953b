"""Forms of staff pages: a base class, and how the error of a rule is shown at its field."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

import wtforms
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session

from app.core.errors import AssentError, ImmutableField, InvalidInput
from app.core.forms import publishing

AnyForm = TypeVar("AnyForm", bound="Form")


class Form(FlaskForm):
    """The base class of forms. ``web/security.py`` checks the CSRF token of each POST before the view runs."""

    class Meta:
        csrf = False

    @property
    def status(self) -> int:
        """The status of a response with this form: 422 when it has errors."""
        return 422 if self.errors else 200


def accepted(form: AnyForm, act: Callable[[AnyForm], ResponseReturnValue]) -> ResponseReturnValue | None:
    """Call ``act`` when the form was sent and is valid, and return its response.

    Returns null when the form was not sent, or when the form or a rule refuses it. Then the form has the errors at its
    fields, and all typed values.
    """
    if not form.is_submitted() or not form.validate():
        return None
    try:
        return act(form)
    except (InvalidInput, ImmutableField) as error:
        refuse(form, error)
        return None


def refuse(form: Form, error: AssentError) -> None:
    """Add the message of an error to its field, or to the whole form when it has no field here."""
    if error.field and error.field in form:
        form[error.field].errors = [*form[error.field].errors, error.message]
    else:
        form.form_errors.append(error.message)


def text(value: Any) -> str | None:
    """A WTForms filter: strips text, removes NUL (which PostgreSQL cannot store), and normalizes line ends."""
    return value.replace("\0", "").replace("\r\n", "\n").strip() if isinstance(value, str) else None


def choices(pairs: Iterable[tuple[str, str]]) -> list[Any]:
    """The options of a list for WTForms, from pairs of value and label."""
    choice = cast(Any, wtforms).SelectChoice  # missing in the type stubs of WTForms
    return [choice(value, label) for value, label in pairs]


def offered_forms(session: Session) -> list[tuple[str, str]]:
    """The saved forms that can be inserted, as pairs of id and label for a list."""
    return [
        (str(each.form.id), f"{each.form.name} ({each.subscription_type.name})")
        for each in publishing.find_offered(session)
    ]


def fields_for_each(form: type[Form], locales: Sequence[str], **makers: Any) -> None:
    """Add the fields ``name-es``, ``name-fr`` … to a form class. ``makers`` create the field of a locale, by name."""
    for locale in locales:
        for name, make in makers.items():
            setattr(form, f"{name}-{locale}", make(locale))
