"""The parts of an export. Each part is read by key and has a bounded number of rows, however large the export is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from app.core.bulk import selection
from app.core.errors import InvalidInput
from app.core.exports import consents, contacts, events, sms, writing
from app.db import Database

PART_SIZE = 2000
COLUMNS_MAX = 1000
Position = dict[str, Any]


class What(StrEnum):
    """``texts`` are those that were shown to people; events refer to them by their hash. ``sms``: texts in and out."""

    CONTACTS = "contacts"
    CONSENTS = "consents"
    EVENTS = "events"
    TEXTS = "texts"
    SMS = "sms"


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True)
class Export:
    """What to export, in which format, and of which contacts (``core/bulk/selection.py``).

    :param part_size: how many contacts, events or texts one part is about
    """

    what: What
    format: Format
    selection: Mapping[str, Any] = field(default_factory=lambda: {"query": None})
    part_size: int = PART_SIZE

    @property
    def is_whole(self) -> bool:
        return (
            self.selection.get("query") is None and not self.selection.get("q") and "contact_ids" not in self.selection
        )


@dataclass(frozen=True)
class Part:
    """A piece of the file, how many contacts or rows it is about, and where the next part begins (null: the end).

    ``position`` has JSON values.
    """

    data: bytes
    done: int
    position: Position | None


def check(session: Session, export: Export) -> None:
    """Check that an export can begin.

    :raises InvalidInput: the selection is invalid, or texts are asked for of some contacts only
    """
    selection.check(session, export.selection)
    if export.what == What.TEXTS and not export.is_whole:
        raise InvalidInput(
            "The texts that were shown belong to no contact. Export them for all contacts.", field="what"
        )


def next_part(session: Session, export: Export, position: Position) -> Part:
    """Read the part at a position; the first one is at the position ``{}``.

    :raises InvalidInput: a CSV file would have more than ``COLUMNS_MAX`` custom attributes
    """
    return _READERS[export.what](session, export, position)


def stream(database: Database, export: Export) -> Iterator[bytes]:
    """A whole export. Each part is read in its own transaction, and only one is in memory."""
    position: Position | None = {}
    while position is not None:
        with database.read_only() as session:
            part = next_part(session, export, position)
        position = part.position
        if part.data:
            yield part.data


def _contacts(session: Session, export: Export, position: Position) -> Part:
    if export.format == Format.CSV and "types" not in position:
        return _columns(session, export, position)
    ids = _next_ids(session, export, position)
    records = contacts.read(session, ids)
    if export.format == Format.CSV:
        names, types = position["names"], position["types"]
        data = writing.rows(contacts.cells(each, names, types) for each in records)
    else:
        data = writing.json_lines(map(contacts.fields, records))
    return Part(data, len(records), _behind(position, ids))


def _columns(session: Session, export: Export, position: Position) -> Part:
    """Look for the names of custom attributes first: each gets a column. The last such part writes the headings."""
    ids = _next_ids(session, export, position)
    names = sorted({*position.get("names", ()), *contacts.attribute_names(session, ids)})
    if len(names) > COLUMNS_MAX:
        raise InvalidInput("There are more than %(most)s custom attributes: use JSON lines.", most=COLUMNS_MAX)
    if ids:
        return Part(b"", 0, {"names": names, "after": ids[-1]})
    types = contacts.type_ids(session)
    return Part(writing.head(contacts.headings(names, types)), 0, {"names": names, "types": types, "after": 0})


def _consents(session: Session, export: Export, position: Position) -> Part:
    ids = _next_ids(session, export, position)
    data = _written(export, consents.HEADINGS, consents.read(session, ids), is_first=not position)
    return Part(data, len(ids), _behind(position, ids))


def _rows(rows: "_Rows", session: Session, export: Export, position: Position) -> Part:
    """A part of rows that are read along their ids; of some contacts, along contact and id."""
    if not export.is_whole:
        return _rows_of_contacts(rows, session, export, position)
    records, last = rows.after(session, position.get("after", 0), export.part_size)
    data = _written(export, rows.headings, records, is_first=not position)
    return Part(data, len(records), None if last is None else {"after": last})


def _rows_of_contacts(rows: "_Rows", session: Session, export: Export, position: Position) -> Part:
    ids = _next_ids(session, export, position)
    key = position.get("key", [0, 0])
    records, last = rows.of_contacts(session, ids, (key[0], key[1]), export.part_size) if ids else ([], None)
    data = _written(export, rows.headings, records, is_first=not position)
    if last is not None:  # more of the same contacts
        return Part(data, 0, {"after": position.get("after", 0), "key": list(last)})
    return Part(data, len(ids), {"after": ids[-1]} if ids else None)


def _texts(session: Session, export: Export, position: Position) -> Part:
    records, last = events.texts_after(session, position.get("after", ""), export.part_size)
    data = _written(export, events.TEXT_HEADINGS, records, is_first=not position)
    return Part(data, len(records), None if last is None else {"after": last})


@dataclass(frozen=True)
class _Rows:
    """Rows that belong to a contact or to none: how to read all of them, and those of some contacts."""

    headings: tuple[str, ...]
    after: Callable[[Session, int, int], tuple[list[dict[str, Any]], int | None]]
    of_contacts: Callable[
        [Session, Sequence[int], tuple[int, int], int], tuple[list[dict[str, Any]], tuple[int, int] | None]
    ]


_READERS: Mapping[What, Callable[[Session, Export, Position], Part]] = {
    What.CONTACTS: _contacts,
    What.CONSENTS: _consents,
    What.EVENTS: partial(_rows, _Rows(events.HEADINGS, events.after, events.of_contacts)),
    What.TEXTS: _texts,
    What.SMS: partial(_rows, _Rows(sms.HEADINGS, sms.after, sms.of_contacts)),
}


def _next_ids(session: Session, export: Export, position: Position) -> list[int]:
    return selection.next_ids(session, export.selection, position.get("after", 0), export.part_size)


def _behind(position: Position, ids: list[int]) -> Position | None:
    return {**position, "after": ids[-1]} if ids else None


def _written(export: Export, headings: tuple[str, ...], records: list[dict[str, Any]], *, is_first: bool) -> bytes:
    if export.format == Format.JSONL:
        return writing.json_lines(records)
    head = writing.head(headings) if is_first else b""
    return head + writing.rows(map(writing.cells, records))
