"""The first rows of each group of an import, read again from its file, with what changes of each contact."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.core import clock, phone
from app.core.contacts import records as contacts
from app.core.imports.planning import ATTRIBUTES
from app.core.imports.reasons import Refusal
from app.core.imports.report import CHANGED, NEW, UNCHANGED, Report
from app.core.imports.rows import Row, RowReader
from app.core.imports.setup import Setup, rows_at
from app.core.workspace import settings
from app.models import Contact
from app.web.formatting import listed
from app.web.imports.labels import column_name


class Difference(NamedTuple):
    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Example:
    """A row that is imported. ``differences`` are what changes of a contact that exists."""

    number: int
    name: str
    phone: str
    email: str
    differences: list[Difference]


@dataclass(frozen=True)
class RefusedCell:
    """A row that is refused, with the heading and text of the cell at fault; empty where it is the whole row."""

    number: int
    heading: str
    cell: str


@dataclass(frozen=True)
class Examples:
    """The first rows by group: ``new``, ``changed``, ``unchanged``; and the refused ones by reason."""

    groups: Mapping[str, list[Example]]
    refused: Mapping[str, list[RefusedCell]]


def examples_of(session: Session, setup: Setup, report: Report) -> Examples:
    """Read the rows of a report again. Empty once the file was deleted."""
    places = sorted({(each[0], each[1]) for listed_rows in report.examples.values() for each in listed_rows})
    cells = rows_at(session, setup, places)
    zone = ZoneInfo(settings.get(session).time_zone)
    reader = RowReader(setup.columns, setup.options, zone, clock.now(), is_excel=setup.is_excel)
    known = contacts.find_by_ids(
        session, (each[2] for listed_rows in report.examples.values() for each in listed_rows if each[2])
    )
    groups: dict[str, list[Example]] = {NEW: [], CHANGED: [], UNCHANGED: []}
    refused: dict[str, list[RefusedCell]] = {}
    for group, listed_rows in report.examples.items():
        for number, _offset, contact_id, more in listed_rows:
            if (found := cells.get(number)) is None:
                continue
            if group not in groups:
                heading, cell = ("", "") if more is None else (setup.headings[more], found.cells[more])
                refused.setdefault(group.removeprefix("refused "), []).append(RefusedCell(number, heading, cell[:120]))
                continue
            try:
                groups[group].append(_example(reader.read(found), known.get(contact_id or 0), more))
            except Refusal:  # the clock or the settings changed since then
                continue
    return Examples(groups, refused)


def _example(row: Row, contact: Contact | None, names: list[str]) -> Example:
    number = phone.formatted(row.phone.e164) if row.phone else ""
    differences = [_difference(name, row, contact) for name in names] if contact else []
    name = row.values.get("name") or (contact.name if contact else "") or ""
    return Example(row.number, name, number, row.values.get("email", ""), differences)


def _difference(name: str, row: Row, contact: Contact) -> Difference:
    if name == "tags":
        return Difference(column_name("tags"), "", listed(row.tags))
    if name == "phone":
        before, after = contact.phone and phone.formatted(contact.phone), row.phone and phone.formatted(row.phone.e164)
    elif name in row.values:
        before, after = getattr(contact, name), row.values[name]
    else:
        before, after = getattr(contact, ATTRIBUTES).get(name), row.attributes.get(name)
    return Difference(column_name(name), _text(before), _text(after))


def _text(value: Any) -> str:
    return "" if value is None else value.date().isoformat() if hasattr(value, "date") else str(value)
