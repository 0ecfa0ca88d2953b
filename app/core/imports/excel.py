"""Excel files become CSV once they are uploaded, by a second process (``excel_sheet.py``). Needs the extra ``excel``.

A number of a spreadsheet has no plus and no leading zero: it is written as the float that it is in the file
(``436641234567.0``), so that it is never taken for a phone number.
"""

import importlib.util
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from typing import IO, cast

from app.core.errors import InvalidInput, NotAvailable

BYTES_MAX = 20_000_000
# A small archive can hold much more than memory does.
_UNPACKED_BYTES_MAX = 400_000_000
_READ_BYTES = 1_000_000
_SIGNATURE = b"PK\x03\x04"


def is_excel(begin: bytes) -> bool:
    """Whether a file that begins like this is an Excel workbook (or another archive)."""
    return begin.startswith(_SIGNATURE)


def as_csv(data: bytes) -> Iterator[bytes]:
    """The first sheet of a workbook as CSV in UTF-8, in parts.

    :raises NotAvailable: the extra ``excel`` is not installed
    :raises InvalidInput: it is not a workbook, or too large
    """
    if importlib.util.find_spec("python_calamine") is None:
        raise NotAvailable(
            "Reading Excel files needs the extra package: pip install 'assent-sms[excel]'. Or save the file as CSV."
        )
    _refuse_large(data)
    command = [sys.executable, "-P", "-m", "app.core.imports.excel_sheet"]
    with tempfile.TemporaryFile() as book:
        book.write(data)
        book.seek(0)
        process = subprocess.Popen(command, stdin=book, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: S603
        try:
            yield from _written(cast(IO[bytes], process.stdout))
            status = process.wait()
        finally:
            process.kill()
            process.communicate()
    if status > 0:
        raise _not_readable()
    if status < 0:
        raise _too_large()


def _written(stream: IO[bytes]) -> Iterator[bytes]:
    size_bytes = 0
    while part := stream.read(_READ_BYTES):
        size_bytes += len(part)
        if size_bytes > _UNPACKED_BYTES_MAX:
            raise _too_large()
        yield part


def _refuse_large(data: bytes) -> None:
    try:
        unpacked = sum(each.file_size for each in zipfile.ZipFile(io.BytesIO(data)).infolist())
    except zipfile.BadZipFile:
        raise _not_readable() from None
    if len(data) > BYTES_MAX or unpacked > _UNPACKED_BYTES_MAX:
        raise _too_large()


def _not_readable() -> InvalidInput:
    return InvalidInput("This is not an Excel workbook that can be read. Save it as CSV.", field="file")


def _too_large() -> InvalidInput:
    return InvalidInput("This workbook is too large. Save it as CSV.", field="file")
