"""What the composers of campaigns and outbound chats share: which contacts, when, and the variables of a text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session
from wtforms import RadioField, SelectField
from wtforms.fields import DateTimeLocalField
from wtforms.validators import InputRequired

from app.core import clock
from app.core.contacts import attributes, filter_form, filters, segments
from app.core.contacts.filter_form import FilterForm
from app.core.errors import InvalidInput
from app.core.wording import translatable
from app.core.workspace import steady_clock
from app.web import filter_words, formatting
from app.web.formkit import Form, choices
from app.web.i18n import gettext, lazy_gettext

ALL, SEGMENT, FILTER = "all", "segment", "filter"
VARIABLE_EXAMPLE = "{{ first_name | there }}"
SCHEDULED = "scheduled"
_HELD = translatable(
    "The clock of the server jumped by more than three days, or no worker ran for so long. Until it has been steady "
    "for a day, nothing that is scheduled begins. It says %(time)s now: if that is right, you can send this by "
    "“Send now”."
)
MOMENTS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


@dataclass(frozen=True)
class Built:
    """The filter that is being built: its rows, and what is wrong by their place."""

    form: FilterForm = field(default_factory=FilterForm)
    errors: Mapping[str, InvalidInput] = field(default_factory=dict)


class AudienceFields(Protocol):
    """The fields of a form that say which contacts: ``templates/_macros/audience.html`` shows them."""

    audience: RadioField
    segment: SelectField


class ScheduleForm(Form):
    """The time is in the workspace's time zone."""

    send_at = DateTimeLocalField(
        lazy_gettext("Date and time"), [InputRequired(lazy_gettext("Choose a date and a time."))], format=MOMENTS
    )

    def moment(self, zone: ZoneInfo) -> datetime:
        local: datetime | None = self.send_at.data
        return (local or clock.now()).replace(tzinfo=zone)


def held(session: Session, state: str, time_zone: str) -> str:
    """Why what is scheduled does not begin, although its time may have come; empty where nothing keeps it."""
    at = clock.now()
    if state != SCHEDULED or steady_clock.can_be_believed(session, at=at):
        return ""
    return gettext(_HELD, time=formatting.day_and_time(at, ZoneInfo(time_zone), "yMMMd"))


def offer(form: AudienceFields, session: Session) -> None:
    """Give the fields their choices."""
    form.audience.choices = choices(
        [(ALL, gettext("All contacts")), (SEGMENT, gettext("A segment")), (FILTER, gettext("A filter"))]
    )
    saved = [(each.public_id, each.name) for each in segments.find_all(session)]
    form.segment.choices = choices([("", gettext("Choose…")), *saved])


def first_audience(session: Session, segment_id: str | None) -> dict[str, str]:
    """The values of the fields of a new message: the segment from which the page was opened, else all contacts."""
    if segment_id and any(each.public_id == segment_id for each in segments.find_all(session)):
        return {"audience": SEGMENT, "segment": segment_id}
    return {"audience": ALL}


def values_of(query: Mapping[str, Any] | None, zone: ZoneInfo) -> tuple[dict[str, str], Built]:
    """The values of the fields for a filter in JSON, and the filter as rows."""
    segment = segment_of(query)
    kind = ALL if query is None else SEGMENT if segment else FILTER
    is_filter = query is not None and not segment
    built = Built(filter_form.form_of(filters.read(query), zone)) if is_filter else Built()
    return {"audience": kind, "segment": segment or ""}, built


def query_of(
    form: AudienceFields, built: Built, zone: ZoneInfo
) -> tuple[dict[str, Any] | None, Mapping[str, InvalidInput]]:
    """The filter that the fields say, null for all contacts; and what is wrong with it, by the place of the row."""
    if form.audience.data == SEGMENT:
        if not form.segment.data:
            return None, {"segment": InvalidInput("Choose a segment.", field="segment")}
        return {"field": "segment_id", "operator": "=", "value": form.segment.data}, {}
    if form.audience.data != FILTER:
        return None, {}
    query, errors = filter_form.query_of(built.form, zone)
    if query is None and not errors:
        return None, {"": InvalidInput("Add a condition, or choose all contacts.", field="audience")}
    return query, errors


def segment_of(query: Mapping[str, Any] | None) -> str | None:
    """The public id of the segment where the filter names one and nothing else."""
    if query and query.get("field") == "segment_id" and query.get("operator") == "=":
        return str(query.get("value"))
    return None


def pressed(form: AudienceFields, built: Built, act: str, new: str) -> Built:
    """The filter after a button of its builder was pressed; contacts are chosen by it from then on.

    :param new: the field of a condition that is added
    """
    changed = filter_form.edited(built.form, act, new)
    if changed != built.form:
        form.audience.data = FILTER
    return Built(changed)


def chosen(session: Session, query: Mapping[str, Any] | None, zone: ZoneInfo) -> list[str]:
    """A filter in words: conditions, or the name of a segment; empty: all contacts."""
    if query is None:
        return []
    if segment := segment_of(query):
        return [each.name for each in segments.find_all(session) if each.public_id == segment]
    words = filter_words.of_workspace(session)
    return words.chips(filter_form.form_of(filters.read(query), zone))


def variables(session: Session) -> list[str]:
    """The names that a text may use."""
    custom = [each.name for each in attributes.of_contacts(session, among=1000) if each.custom]
    return ["first_name", "name", "email", "phone", *custom]


def local(at: datetime | None, time_zone: str) -> datetime | None:
    """A time as a field of a form shows it."""
    return at.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None) if at else None
