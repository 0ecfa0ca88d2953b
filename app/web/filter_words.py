"""What a filter says in words: the names of fields, operators and values, for the builder and the chips of a list."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy.orm import Session

from app.core import countries
from app.core.accounts import agents
from app.core.contacts import attributes, filter_rows, segments, tags
from app.core.contacts.filter_form import FilterForm, RowGroup
from app.core.contacts.filter_rows import ADVANCED, CUSTOM_PREFIX, SUBSCRIPTION_PREFIX, Control, Row
from app.core.contacts.filters import ERASED, SubscriptionStatus
from app.core.subscriptions import subscription_types
from app.core.wording import translatable
from app.models import TypeState
from app.web import formatting
from app.web.i18n import gettext

FIELDS: Mapping[str, str] = {
    "name": translatable("Name"),
    "email": translatable("Email address"),
    "email_domain": translatable("Domain of the email address"),
    "phone": translatable("Phone number"),
    "phone_country": translatable("Country of the number"),
    "external_id": translatable("External id"),
    "role": translatable("Role"),
    "owner_id": translatable("Owner"),
    "language_override": translatable("Language code"),
    "blocked": translatable("Blocked"),
    "archived": translatable("Archived"),
    "unsubscribed_from_emails": translatable("Unsubscribed from all emails"),
    "created_at": translatable("Created"),
    "updated_at": translatable("Changed"),
    "signed_up_at": translatable("Signed up on"),
    "last_seen_at": translatable("Last visit"),
    "tag_id": translatable("Tag"),
    "segment_id": translatable("Segment"),
    ADVANCED: translatable("Advanced (JSON)"),
}
OPERATORS: Mapping[str, str] = {
    "is": translatable("is"),
    "is_not": translatable("is not"),
    "contains": translatable("contains"),
    "lacks": translatable("does not contain"),
    "starts": translatable("starts with"),
    "ends": translatable("ends with"),
    "empty": translatable("is empty"),
    "known": translatable("has any value"),
    "yes": translatable("is true"),
    "no": translatable("is false"),
    "on": translatable("on the day"),
    "before": translatable("before the day"),
    "after": translatable("after the day"),
    "number_is": translatable("is the number"),
    "number_is_not": translatable("is not the number"),
    "less": translatable("is less than"),
    "more": translatable("is more than"),
    "at_most": translatable("is at most"),
    "at_least": translatable("is at least"),
}
STATUSES: Mapping[str, str] = {
    SubscriptionStatus.OPTED_IN: translatable("Opted in"),
    SubscriptionStatus.OPTED_OUT: translatable("Opted out"),
    SubscriptionStatus.NEVER_ASKED: translatable("Never asked"),
    SubscriptionStatus.SUBSCRIBED: translatable("Subscribed"),
    SubscriptionStatus.REACHABLE: translatable("Reachable"),
}
_ERASED = translatable("a person who was erased")
_ROLES = {"user": translatable("User"), "lead": translatable("Lead")}
_CONTACT_FIELDS = (
    *("name", "email", "email_domain", "phone", "phone_country", "external_id", "role", "owner_id"),
    *("language_override", "blocked", "archived", "unsubscribed_from_emails"),
)
_DATE_FIELDS = ("created_at", "updated_at", "signed_up_at", "last_seen_at")
Choice = tuple[str, str]


@dataclass(frozen=True)
class FilterWords:
    """Names of what this workspace has: fields by group, and the choices of each field that has some."""

    groups: tuple[tuple[str, tuple[Choice, ...]], ...] = ()
    choices: Mapping[str, tuple[Choice, ...]] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)

    def field_name(self, name: str) -> str:
        if name.startswith(SUBSCRIPTION_PREFIX):
            type_id = name.removeprefix(SUBSCRIPTION_PREFIX)
            return self.types.get(type_id) or gettext("Subscription type %(id)s", id=type_id)
        if name.startswith(CUSTOM_PREFIX):
            return name.removeprefix(CUSTOM_PREFIX)
        return gettext(FIELDS[name])

    def operators(self, row: Row) -> list[Choice]:
        return [(name, gettext(OPERATORS[name])) for name in filter_rows.OPERATORS[row.kind]]

    def choices_of(self, row: Row) -> tuple[Choice, ...]:
        """The choices of a row; its own value is one of them, even where it exists no more."""
        name = SUBSCRIPTION_PREFIX if row.field.startswith(SUBSCRIPTION_PREFIX) else row.field
        known = self.choices.get(name, ())
        if not known or not row.value or any(value == row.value for value, _ in known):
            return known
        return (*known, (row.value, gettext("%(id)s (deleted)", id=row.value)))

    def sentence(self, row: Row) -> str:
        """A row in words: ``Country of the number is Ireland``."""
        if row.field == ADVANCED:
            return row.value
        name, operator = self.field_name(row.field), gettext(OPERATORS[row.operator])
        if row.asks_for == Control.NOTHING:
            return gettext("%(field)s %(operator)s", field=name, operator=operator)
        value = dict(self.choices_of(row)).get(row.value, row.value)
        if row.value == ERASED:
            value = gettext(_ERASED)
        if row.asks_for == Control.DAY:
            value = formatting.day(date.fromisoformat(row.value), "yMMMd")
        return gettext("%(field)s %(operator)s %(value)s", field=name, operator=operator, value=value)

    def chips(self, form: FilterForm) -> list[str]:
        """The parts of a filter in words, one for each group."""
        found = []
        for part in form.parts:
            if isinstance(part, RowGroup):
                inner = [self.sentence(row) for row in part.rows]
                joined = gettext("%(first)s and %(second)s") if part.is_all else gettext("%(first)s or %(second)s")
                found.append(_joined(inner, joined))
            else:
                found.append(self.sentence(part))
        return found


def of_workspace(session: Session) -> FilterWords:
    """The words for the types, tags, segments, agents and attributes that this workspace has."""
    types = subscription_types.find_all(session)
    live = [each for each in types if each.state == TypeState.LIVE]
    custom = [each.name for each in attributes.of_contacts(session, among=1000) if each.custom]
    groups = (
        (gettext("Subscription opt-ins"), tuple((f"{SUBSCRIPTION_PREFIX}{each.id}", each.name) for each in live)),
        (gettext("Contact"), _named(_CONTACT_FIELDS)),
        (gettext("Dates"), _named(_DATE_FIELDS)),
        (gettext("Tags and segments"), _named(("tag_id", "segment_id"))),
        (gettext("Custom attributes"), tuple((f"{CUSTOM_PREFIX}{name}", name) for name in custom)),
        (gettext("Advanced"), _named((ADVANCED,))),
    )
    choices = {
        SUBSCRIPTION_PREFIX: tuple((value, gettext(name)) for value, name in STATUSES.items()),
        "role": tuple((value, gettext(name)) for value, name in _ROLES.items()),
        "phone_country": tuple(
            sorted(((code, formatting.country(code)) for code in countries.countries()), key=lambda each: each[1])
        ),
        "tag_id": tuple((str(each.id), each.name) for each in tags.find_all(session)),
        "segment_id": tuple((each.public_id, each.name) for each in segments.find_all(session)),
        "owner_id": tuple((str(each.id), each.name or each.email) for each in agents.find_all(session)),
    }
    return FilterWords(
        tuple(group for group in groups if group[1]), choices, {str(each.id): each.name for each in types}
    )


def _named(names: tuple[str, ...]) -> tuple[Choice, ...]:
    return tuple((name, gettext(FIELDS[name])) for name in names)


def _joined(parts: list[str], sentence: str) -> str:
    found = parts[0] if parts else ""
    for each in parts[1:]:
        found = sentence % {"first": found, "second": each}
    return found
