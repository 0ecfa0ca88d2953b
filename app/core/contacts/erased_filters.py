"""Filters that were saved with a value of a person who is erased: the value is replaced by one that matches no one.

Segments, campaigns, outbound chats and bulk jobs keep filters. One with the whole number, address, name, external id
or attribute of the person still says who they were. A value that another contact has, too, stays: it is theirs.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, and_, not_, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session

from app.core import idempotency, phone_text
from app.core.contacts import filter_sql, filters, search, typed_search
from app.core.contacts.filters import ERASED, Filter, Kind, Operator, Query, Value
from app.core.errors import InvalidInput
from app.core.workspace import settings
from app.db import run
from app.models import BulkJob, Campaign, Contact, OutboundChat, Segment

_CONTACT = Contact.__table__
_TEXTS = ("name", "email", "external_id", "avatar")
_EQUAL = frozenset({Operator.EQUALS, Operator.DIFFERS, Operator.IN, Operator.NOT_IN})
_POSITIVE = {
    Operator.DIFFERS: Operator.EQUALS,
    Operator.IN: Operator.EQUALS,
    Operator.NOT_IN: Operator.EQUALS,
    Operator.LACKS: Operator.CONTAINS,
}
_PARAMETERS = sql_cast(BulkJob.parameters, String)


@dataclass(frozen=True)
class Person:
    """What names a person who is being erased: values of text fields, in lower case, and custom attributes."""

    texts: Mapping[str, frozenset[str]]
    custom: frozenset[tuple[str, Value]]


def person(contacts: Iterable[Contact]) -> Person:
    """Read what names a person, before it is emptied: their contact, and those that were merged into it."""
    found = list(contacts)
    texts = {name: frozenset(_folded(getattr(each, name)) for each in found) - {""} for name in (*_TEXTS, "phone")}
    texts["formatted_phone"] = texts["phone"]
    custom = {(name, value) for each in found for name, value in each.custom_attributes.items() if _is_plain(value)}
    return Person(texts, frozenset(custom))


def erase(session: Session, erased: Person) -> None:
    """Replace the values of a person in every filter, after their contact was emptied.

    The rows are read first, and only those that change are locked.
    """
    region = settings.get(session).default_country
    replacing = _Replacing(session, erased, region, set())
    tables: tuple[type[Any], ...] = (Segment, Campaign, OutboundChat)
    for table in tables:
        for row_id, query in session.execute(select(table.id, table.query).where(table.query.is_not(None))).all():
            if replacing.query(query) != query:
                row = session.get_one(table, row_id, with_for_update=True, populate_existing=True)
                row.query = replacing.query(row.query)
                if not isinstance(row, Segment):
                    row.revision += 1
    by_filter = and_(_PARAMETERS.contains('"selection"'), not_(_PARAMETERS.contains('"contact_ids"')))
    for job_id, parameters in session.execute(select(BulkJob.id, BulkJob.parameters).where(by_filter)).all():
        if replacing.parameters(parameters) != parameters:
            job = session.get_one(BulkJob, job_id, with_for_update=True, populate_existing=True)
            job.parameters = replacing.parameters(job.parameters)
    session.flush()
    idempotency.delete_with(session, sorted(replacing.replaced))


@dataclass(frozen=True)
class _Replacing:
    """:param replaced: the values that were replaced, as they were written"""

    session: Session
    erased: Person
    region: str | None
    replaced: set[str]

    def parameters(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of a job."""
        selection = dict(raw["selection"])
        if selection.get("query") is not None:
            selection["query"] = self.query(selection["query"])
        if isinstance(typed := selection.get("q"), str) and self._is_typed(typed):
            self.replaced.add(typed)
            selection["q"] = ERASED
        return {**raw, "selection": selection}

    def query(self, raw: Any) -> Any:
        """A query as JSON values; one that cannot be read any more stays as it is."""
        if not isinstance(raw, dict) or not isinstance(value := raw.get("value"), list) or "field" in raw:
            return self._filter(raw)
        return {**raw, "value": [self.query(part) for part in value]}

    def _filter(self, raw: Any) -> Any:
        try:
            read = filters.read(raw)
        except InvalidInput:
            return raw
        if not isinstance(read, Filter):
            return raw
        values = [ERASED if self._names(read, value) else value for value in read.values]
        if tuple(values) == read.values:
            return raw
        return {**raw, "value": values if isinstance(raw["value"], list) else values[0]}

    def _names(self, read: Filter, value: Value) -> bool:
        if not self._is_of_person(read, value):
            return False
        alone = Filter(read.kind, read.name, _POSITIVE.get(read.operator, read.operator), (value,))
        if self._is_of_others(alone):
            return False
        self.replaced.add(str(value))
        return True

    def _is_of_person(self, read: Filter, value: Value) -> bool:
        if read.kind == Kind.CUSTOM:
            return read.operator in _EQUAL and (read.name, value) in self.erased.custom
        if read.kind != Kind.TEXT or value is None or read.name not in self.erased.texts:
            return False
        return not self.erased.texts[read.name].isdisjoint(_spellings(read.name, str(value), self.region))

    def _is_typed(self, typed: str) -> bool:
        spellings = {each for name in self.erased.texts for each in _spellings(name, typed, self.region)}
        if spellings.isdisjoint(frozenset[str]().union(*self.erased.texts.values())):
            return False
        query = typed_search.and_typed(None, typed)
        return query is not None and not self._is_of_others(query)

    def _is_of_others(self, query: Query) -> bool:
        """Whether a contact that is not erased matches."""
        matches = filter_sql.condition(query, search.context_of(self.session, query))
        others = select(_CONTACT.c.id).where(
            matches, _CONTACT.c.erased_at.is_(None), _CONTACT.c.merged_into_id.is_(None)
        )
        return run(self.session, others.limit(1)).first() is not None


def _spellings(name: str, value: str, region: str | None) -> Sequence[str]:
    """What a person's value may be for this one of a filter."""
    if name not in filter_sql.NUMBERS:
        return [_folded(each) for each in filter_sql.stored_values(name, value, region)]
    part = phone_text.part(value)
    return [*filter_sql.stored_values(name, value, region), part, f"+{part}"]


def _folded(value: str | None) -> str:
    return " ".join((value or "").split()).casefold()


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and json.dumps(value) != '""'
