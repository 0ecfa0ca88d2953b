"""Excel files become CSV once they are uploaded. Needs the extra ``excel``.

A number of a spreadsheet has no plus and no leading zero: it is written as the float that it is in the file
(``436641234567.0``), so that it is never taken for a phone number.
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from app.core.errors import InvalidInput, NotAvailable

BYTES_MAX = 20_000_000
# A small archive can hold much more than memory does.
_UNPACKED_BYTES_MAX = 400_000_000
_ROWS_AT_ONCE = 2000
_SIGNATURE = b"PK\x03\x04"


def is_excel(begin: bytes) -> bool:
    """Whether a file that begins like this is an Excel workbook (or another archive)."""
    return begin.startswith(_SIGNATURE)


def as_csv(data: bytes) -> Iterator[bytes]:
    """The first sheet of a workbook as CSV in UTF-8, in parts.

    :raises NotAvailable: the extra ``excel`` is not installed
    :raises InvalidInput: it is not a workbook, or too large
    """
    try:
        import python_calamine as calamine
    except ImportError:
        raise NotAvailable(
            "Reading Excel files needs the extra package: pip install 'assent-sms[excel]'. Or save the file as CSV."
        ) from None
    _refuse_large(data)
    try:
        sheet = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0)
    except (calamine.CalamineError, OSError):
        raise InvalidInput("This is not an Excel workbook that can be read. Save it as CSV.", field="file") from None
    waiting: list[list[str]] = []
    for row in sheet.iter_rows():
        waiting.append([_text(cell) for cell in row])
        if len(waiting) == _ROWS_AT_ONCE:
            yield _csv(waiting)
            waiting = []
    yield _csv(waiting)


def _refuse_large(data: bytes) -> None:
    try:
        unpacked = sum(each.file_size for each in zipfile.ZipFile(io.BytesIO(data)).infolist())
    except zipfile.BadZipFile:
        raise InvalidInput("This is not an Excel workbook that can be read. Save it as CSV.", field="file") from None
    if len(data) > BYTES_MAX or unpacked > _UNPACKED_BYTES_MAX:
        raise InvalidInput("This workbook is too large. Save it as CSV.", field="file")


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return str(float(cell)) if isinstance(cell, int | float) else str(cell)


def _csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
