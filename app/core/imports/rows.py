"""Turns the cells of one row into the values of a contact and a consent, or refuses it. It uses no database."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import cached_property
from typing import Any

from app.core import email
from app.core.bulk import csv_cells
from app.core.contacts import profile, tags
from app.core.errors import DestinationRefused, InvalidInput
from app.core.imports import dates, numbers
from app.core.imports.country_names import country_of
from app.core.imports.fields import AttributeType, Column, Field
from app.core.imports.options import NO_WORDS, NOTE_MAX, NOTHING_SAID, YES_WORDS, ConsentFrom, Options, word
from app.core.imports.reading import FileRow
from app.core.imports.reasons import NoConsent, Reason, Refusal
from app.core.phone import StoredNumber
from app.core.signing import is_public_id
from app.core.workspace import settings
from app.models import ConsentState, ContactRole
from app.schemas.contact_input import EXTERNAL_ID_MAX, NAME_MAX

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_LANGUAGE_MAX = 16
_TEXT_MAX = 4000
_EXCEL_WHOLE = re.compile(r"(-?\d{1,15})\.0")
_TAG_SEPARATORS = re.compile(r"[,;|]")
_DECIDING = frozenset({Field.PHONE, Field.COUNTRY, Field.CONSENT})


@dataclass(slots=True)
class Row:
    """A row that can be imported. ``values`` are columns of ``contacts``; what the file leaves empty is missing.

    ``consent`` is null where ``no_consent`` says why, or where the import is about contacts alone.
    """

    number: int
    begin: int
    values: dict[str, Any]
    phone: StoredNumber | None = None
    public_id: str | None = None
    tags: tuple[str, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    consent: ConsentState | None = None
    no_consent: NoConsent | None = None
    consent_at: datetime | None = None
    note: str = ""

    @property
    def role(self) -> ContactRole:
        """The role that a new contact gets: a person with an id or an address is a user."""
        is_user = self.values.get("external_id") or self.values.get("email")
        return ContactRole(self.values.get("role") or (ContactRole.USER if is_user else ContactRole.LEAD))


@dataclass(frozen=True)
class RowReader:
    """Reads rows by what a person decided.

    :param zone: of dates that name none
    :param is_excel: the cells come from a workbook, where every number is a float
    :param known: numbers that were read ahead, by their text and country
    """

    columns: Sequence[Column]
    options: Options
    zone: tzinfo
    at: datetime
    is_excel: bool = False
    known: Mapping[tuple[str, str | None], StoredNumber] = field(default_factory=dict)

    def read(self, row: FileRow) -> Row:
        """:raises Refusal: nothing of the row can be imported"""
        if row.problem:
            raise Refusal(Reason(row.problem))
        if len(row.cells) < len(self.columns):
            raise Refusal(Reason.TOO_FEW_COLUMNS)
        if len(row.cells) > len(self.columns) and any(map(str.strip, row.cells[len(self.columns) :])):
            raise Refusal(Reason.TOO_MANY_COLUMNS)
        found = Row(row.number, row.begin, {})
        self._read_number(found, row)
        for index, column, reader, is_written in self._readers:
            if text := row.cells[index].strip():
                try:
                    reader(found, text if is_written else self._plain(text), column, self)
                except Refusal as refused:
                    raise Refusal(refused.reason, index) from None
        self._read_consent(found, row.cells)
        _join_names(found)
        _refuse_nobody(found)
        return found

    def number_of(self, row: FileRow) -> tuple[str, str | None] | None:
        """The text of the row's number, and the country of numbers without a country code; null where it has none."""
        place = self._places.get(Field.PHONE)
        if place is None or len(row.cells) < len(self.columns) or not (text := row.cells[place].strip()):
            return None
        country = self._places.get(Field.COUNTRY)
        named = row.cells[country].strip() if country is not None else ""
        return text, country_of(named) if named else self.options.default_country

    @cached_property
    def _readers(self) -> list[tuple[int, Column, "_Reader", bool]]:
        """The columns that are read one by one, each with its function, and whether that takes the text as written."""
        read = [(index, each) for index, each in enumerate(self.columns) if each.field in _READERS]
        return [(index, each, _READERS[each.field], _keeps_apostrophe(each)) for index, each in read]

    @cached_property
    def _places(self) -> dict[Field, int]:
        """Where a field is that decides about others."""
        return {each.field: i for i, each in enumerate(self.columns) if each.field in _DECIDING}

    def _plain(self, text: str) -> str:
        if self.is_excel and (whole := _EXCEL_WHOLE.fullmatch(text)):
            return whole[1]
        return text if text.isalpha() else csv_cells.read_cell(text)

    def _read_number(self, found: Row, row: FileRow) -> None:
        written = self.number_of(row)
        if written is None:
            return
        try:
            found.phone = self.known.get(written) or numbers.read(written[0], region=written[1])
        except Refusal as refused:
            raise Refusal(refused.reason, self._places[Field.PHONE]) from None

    def _read_consent(self, found: Row, cells: Sequence[str]) -> None:
        options, objection = self.options, found.no_consent
        if not options.has_consents:
            return
        if options.consent == ConsentFrom.ALL:
            found.consent = options.state
        else:
            found.consent, found.no_consent = self._answer(cells[self._places[Field.CONSENT]])
        if objection is not None and found.consent == ConsentState.OPTED_IN:
            found.consent, found.no_consent = None, objection
        found.consent_at = found.consent_at or self._consents_at
        general = options.note.strip()
        found.note = f"{found.note}\n{general}"[:NOTE_MAX] if found.note else general

    @cached_property
    def _consents_at(self) -> datetime | None:
        return self.options.consents_at

    def _answer(self, cell: str) -> tuple[ConsentState | None, NoConsent | None]:
        answer = word(cell)
        if answer in NOTHING_SAID:
            return None, NoConsent.NO_ANSWER
        if answer in self.options.no_words:
            return ConsentState.OPTED_OUT, None
        if answer in self.options.yes_words:
            return ConsentState.OPTED_IN, None
        return None, NoConsent.UNKNOWN_ANSWER


def _keeps_apostrophe(column: Column) -> bool:
    """Whether the reader of a column removes the apostrophe that protects a cell from spreadsheets, or needs it."""
    return column.field in {Field.PHONE, Field.TAGS} or column.attribute_type == AttributeType.AS_EXPORTED


def _join_names(found: Row) -> None:
    first, last = found.values.pop("first_name", None), found.values.pop("last_name", None)
    joined = " ".join(each for each in (first, last) if each)
    if joined and not found.values.get("name"):
        found.values["name"] = joined[:NAME_MAX]


def _refuse_nobody(found: Row) -> None:
    values = found.values
    if not (found.public_id or found.phone or values.get("email") or values.get("external_id")):
        raise Refusal(Reason.NO_IDENTITY)


_Reader = Callable[[Row, str, Column, RowReader], None]


def _text(name: str, most: int) -> _Reader:
    def read(found: Row, text: str, _column: Column, _reader: RowReader) -> None:
        if len(text) > most:
            raise Refusal(Reason.TOO_LONG)
        found.values[name] = text

    return read


def _contact_id(found: Row, text: str, _column: Column, _reader: RowReader) -> None:
    found.public_id = text if is_public_id(text) else None


def _role(found: Row, text: str, _column: Column, _reader: RowReader) -> None:
    if text.lower() not in set(ContactRole):
        raise Refusal(Reason.ROLE_INVALID)
    found.values["role"] = text.lower()


def _email(found: Row, text: str, _column: Column, _reader: RowReader) -> None:
    try:
        found.values["email"] = email.read(text)
    except DestinationRefused:
        raise Refusal(Reason.EMAIL_INVALID) from None


def _language(found: Row, text: str, _column: Column, _reader: RowReader) -> None:
    if len(text) > _LANGUAGE_MAX or not _LANGUAGE.fullmatch(text):
        raise Refusal(Reason.LANGUAGE_INVALID)
    found.values["locale"] = text


def _time_zone(found: Row, text: str, _column: Column, _reader: RowReader) -> None:
    zone = settings.zones().get(text.replace(" ", "_").lower())
    if zone is None:
        raise Refusal(Reason.TIME_ZONE_INVALID)
    found.values["time_zone"] = zone


def _past(text: str, reader: RowReader) -> datetime:
    found = dates.read(text, order=reader.options.date_order, zone=reader.zone)
    if found is None or found > reader.at:
        raise Refusal(Reason.DATE_INVALID)
    return found


def _signed_up_at(found: Row, text: str, _column: Column, reader: RowReader) -> None:
    found.values["signed_up_at"] = _past(text, reader)


def _tags(found: Row, text: str, _column: Column, reader: RowReader) -> None:
    is_ours = any(column.field == Field.CONTACT_ID for column in reader.columns)
    listed = csv_cells.read_list(text) if is_ours else _TAG_SEPARATORS.split(csv_cells.read_cell(text))
    names = [" ".join(each.split()) for each in listed]
    if any(len(name) > tags.NAME_MAX for name in names):
        raise Refusal(Reason.TOO_LONG)
    found.tags = tuple(dict.fromkeys((*found.tags, *(name for name in names if name))))


def _consent_at(found: Row, text: str, _column: Column, reader: RowReader) -> None:
    if reader.options.has_consents:
        found.consent_at = _past(text, reader)


def _consent_note(found: Row, text: str, _column: Column, _reader: RowReader) -> None:
    found.note = text[:NOTE_MAX]


def _gdpr_optin(found: Row, text: str, _column: Column, _reader: RowReader) -> None:
    """Who wants no messages is not opted in, whatever else the row says."""
    if word(text) in NO_WORDS:
        found.no_consent = NoConsent.GDPR_OPTOUT


def _attribute(found: Row, text: str, column: Column, _reader: RowReader) -> None:
    value: str | float | bool | None = text
    if column.attribute_type == AttributeType.AS_EXPORTED:
        value = csv_cells.read_value(text)
    elif column.attribute_type == AttributeType.NUMBER:
        value = _number(text)
    elif column.attribute_type == AttributeType.YES_NO:
        value = True if word(text) in YES_WORDS else False if word(text) in NO_WORDS else None
    if value is None or len(text) > _TEXT_MAX:
        raise Refusal(Reason.ATTRIBUTE_INVALID if value is None else Reason.TOO_LONG)
    try:
        found.attributes = profile.merge_attributes(found.attributes, {column.attribute: value})
    except InvalidInput:
        raise Refusal(Reason.ATTRIBUTE_INVALID) from None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    if not abs(number) < 2**53:
        return None
    return int(number) if number.is_integer() else number


_READERS: Mapping[Field, _Reader] = {
    Field.CONTACT_ID: _contact_id,
    Field.EXTERNAL_ID: _text("external_id", EXTERNAL_ID_MAX),
    Field.ROLE: _role,
    Field.NAME: _text("name", NAME_MAX),
    Field.FIRST_NAME: _text("first_name", NAME_MAX),
    Field.LAST_NAME: _text("last_name", NAME_MAX),
    Field.EMAIL: _email,
    Field.LANGUAGE: _language,
    Field.TIME_ZONE: _time_zone,
    Field.SIGNED_UP_AT: _signed_up_at,
    Field.TAGS: _tags,
    Field.CONSENT_AT: _consent_at,
    Field.CONSENT_NOTE: _consent_note,
    Field.GDPR_OPTIN: _gdpr_optin,
    Field.ATTRIBUTE: _attribute,
}
