"""Forms of staff pages: one base class, and one way for what a rule refuses to reach its field."""

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
    """A form. ``web/security.py`` asks every POST for its CSRF token before a view runs, so forms need not."""

    class Meta:
        csrf = False

    @property
    def status(self) -> int:
        """Of the answer that shows this form: 422 when something in it was refused."""
        return 422 if self.errors else 200


def accepted(form: AnyForm, act: Callable[[AnyForm], ResponseReturnValue]) -> ResponseReturnValue | None:
    """What ``act`` answers when the form was sent and nothing in it is refused, by the form or by a rule.

    Else null, and the form says what is wrong at each field; nothing that was typed is lost.
    """
    if not form.is_submitted() or not form.validate():
        return None
    try:
        return act(form)
    except (InvalidInput, ImmutableField) as error:
        refuse(form, error)
        return None


def refuse(form: Form, error: AssentError) -> None:
    """Put a rule's sentence on the field that it names, else above the form."""
    if error.field and error.field in form:
        form[error.field].errors = [*form[error.field].errors, error.message]
    else:
        form.form_errors.append(error.message)


def text(value: Any) -> str | None:
    """A WTForms filter: text without the space around it and without NUL, which PostgreSQL cannot hold.

    Browsers send each end of a line as two characters; it counts as one.
    """
    return value.replace("\0", "").replace("\r\n", "\n").strip() if isinstance(value, str) else None


def choices(pairs: Iterable[tuple[str, str]]) -> list[Any]:
    """(Value, words) as WTForms wants the options of a list."""
    make = cast(Any, wtforms).SelectChoice  # newer than the stubs that there are for WTForms
    return [make(value, words) for value, words in pairs]


def offered_forms(session: Session) -> list[tuple[str, str]]:
    """The saved forms that can be inserted, for a list to choose from: (id, name and type)."""
    return [
        (str(each.form.id), f"{each.form.name} ({each.subscription_type.name})")
        for each in publishing.find_offered(session)
    ]


def fields_for_each(form: type[Form], locales: Sequence[str], **makers: Any) -> None:
    """Give a form class the fields ``name-es``, ``name-fr`` … for each locale; ``makers`` take the locale."""
    for locale in locales:
        for name, make in makers.items():
            setattr(form, f"{name}-{locale}", make(locale))
