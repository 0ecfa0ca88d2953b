"""Excel workbooks become CSV, and a number of a spreadsheet never becomes a phone number."""

import io
import zipfile
from typing import Any

import pytest

from app.core.errors import InvalidInput
from app.core.imports import excel, reading
from app.core.imports.reading import Layout
from app.db import Database
from tests.core.imports import files

_TYPES = """<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/xl/workbook.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>
<Override PartName="/xl/worksheets/sheet1.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>"""
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELS = f"""<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="{_RELATION}/%s" Target="%s"/></Relationships>"""
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_BOOK = f"""<?xml version="1.0"?><workbook xmlns="{_MAIN}" xmlns:r="{_RELATION}">
<sheets><sheet name="People" sheetId="1" r:id="rId1"/></sheets></workbook>"""


def workbook(rows: list[list[Any]]) -> bytes:
    """A workbook with one sheet: texts as texts, numbers as numbers."""
    sheet = ""
    for number, row in enumerate(rows, start=1):
        cells = "".join(_cell(f"{'ABCDEF'[column]}{number}", value) for column, value in enumerate(row))
        sheet += f'<row r="{number}">{cells}</row>'
    return archived(sheet)


def archived(sheet: str) -> bytes:
    """A workbook with one sheet, from its rows in XML."""
    sheet = f'<?xml version="1.0"?><worksheet xmlns="{_MAIN}"><sheetData>{sheet}'
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in (
            ("[Content_Types].xml", _TYPES),
            ("_rels/.rels", _RELS % ("officeDocument", "xl/workbook.xml")),
            ("xl/workbook.xml", _BOOK),
            ("xl/_rels/workbook.xml.rels", _RELS % ("worksheet", "worksheets/sheet1.xml")),
            ("xl/worksheets/sheet1.xml", sheet + "</sheetData></worksheet>"),
        ):
            archive.writestr(name, text)
    return made.getvalue()


def _cell(place: str, value: Any) -> str:
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
    return f'<c r="{place}"><v>{value}</v></c>'


ROWS = [
    ["Name", "Phone", "Customer ID"],
    ["Sam", "+447400123456", 1001],
    ["Eve", 436641234567, 1002],
]


def test_numbers_stay_the_floats_that_they_are_in_the_file() -> None:
    data = b"".join(excel.as_csv(workbook(ROWS)))
    assert [row.cells for row in reading.rows([data], Layout("utf-8"), offset=0)] == [
        ["Name", "Phone", "Customer ID"],
        ["Sam", "+447400123456", "1001.0"],
        ["Eve", "436641234567.0", "1002.0"],
    ]


def test_a_workbook_is_imported_without_its_numbers_that_are_no_texts(database: Database) -> None:
    _, report = files.run(database, workbook(ROWS), ["name", "phone", "external_id"])
    assert report.refused == {"number_destroyed": 1}
    assert [(each.external_id, each.phone) for each in files.contacts(database)] == [("1001", "+447400123456")]


def test_what_is_no_workbook_or_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="not an Excel workbook"):
        list(excel.as_csv(b"PK\x03\x04"))
    monkeypatch.setattr(excel, "_UNPACKED_BYTES_MAX", 100)
    with pytest.raises(InvalidInput, match="too large"):
        list(excel.as_csv(workbook(ROWS)))


def test_a_sheet_that_needs_too_much_memory_is_refused_and_ends_only_the_process_that_reads_it() -> None:
    far = f'<row r="1">{_cell("A1", "Phone")}</row><row r="1048576">{_cell("XFD1048576", "x")}</row>'
    with pytest.raises(InvalidInput, match="too large"):
        list(excel.as_csv(archived(far)))
