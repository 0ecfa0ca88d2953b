"""The fields of the settings page about bots: office hours of each day, and the pause between greetings."""

from collections.abc import Mapping
from typing import Any, ClassVar

from wtforms import IntegerField, StringField
from wtforms.validators import InputRequired, ValidationError

from app.core.errors import InvalidInput
from app.core.workspace import office_hours, settings
from app.models import Workspace
from app.web.formkit import Form, fields_for_each, rule, text
from app.web.i18n import lazy_gettext, sentence_of

NAMES = {
    "mon": lazy_gettext("Monday"),
    "tue": lazy_gettext("Tuesday"),
    "wed": lazy_gettext("Wednesday"),
    "thu": lazy_gettext("Thursday"),
    "fri": lazy_gettext("Friday"),
    "sat": lazy_gettext("Saturday"),
    "sun": lazy_gettext("Sunday"),
}


FIELDS = ("bot_pause_hours", *(f"{name}-{day}" for day in NAMES for name in ("opens", "closes")))


class _OfOneDay:
    """Checks both times of a day at the field of its second time."""

    def __init__(self, day: str) -> None:
        self._day = day

    def __call__(self, form: Form, field: Any) -> None:
        times = [form[f"opens-{self._day}"].data or "", field.data or ""]
        try:
            office_hours.checked({self._day: times} if any(times) else {})
        except InvalidInput as refused:
            raise ValidationError(sentence_of(refused)) from None


class OfficeHoursForm(Form):
    """A part of the settings form."""

    days: ClassVar[Mapping[str, Any]] = NAMES

    bot_pause_hours = IntegerField(
        lazy_gettext("Hours between two greetings of one person"),
        [
            InputRequired(lazy_gettext("Enter a whole number.")),
            rule(lambda value: settings.check("bot_pause_hours", value)),
        ],
    )

    @property
    def office_values(self) -> dict[str, Any]:
        """As ``settings.change`` takes them."""
        typed = {day: [self[f"opens-{day}"].data or "", self[f"closes-{day}"].data or ""] for day in NAMES}
        hours = {day: times for day, times in typed.items() if any(times)}
        return {"bot_pause_hours": self.bot_pause_hours.data, "office_hours": hours}


fields_for_each(
    OfficeHoursForm,
    list(NAMES),
    opens=lambda day: StringField(lazy_gettext("%(day)s, from", day=NAMES[day]), filters=[text]),
    closes=lambda day: StringField(lazy_gettext("%(day)s, to", day=NAMES[day]), [_OfOneDay(day)], filters=[text]),
)


def values_of(workspace: Workspace) -> dict[str, Any]:
    """What the workspace has, as the form shows it."""
    hours = workspace.office_hours or {}
    shown: dict[str, Any] = {"bot_pause_hours": workspace.bot_pause_hours}
    for day in NAMES:
        shown[f"opens-{day}"], shown[f"closes-{day}"] = hours.get(day, ("", ""))
    return shown
