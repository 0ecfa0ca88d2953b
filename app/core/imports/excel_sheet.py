"""Reads a workbook in a second process: ``python -m app.core.imports.excel_sheet < workbook.xlsx > sheet.csv``.

The library holds every cell between the first and the last one of a sheet. Two cells in opposite corners, which are a
file of 2 kB, ask for 550 GB, and a process that does not get its memory is aborted: that must not be the web server.
It ends with status 1 where the file is no workbook, and by a signal where the limits are not enough for it.
"""

import csv
import io
import resource
import sys
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

_MEMORY_BYTES_MAX, _CPU_S_MAX = 2_000_000_000, 60
_ROWS_AT_ONCE = 2000


def main() -> int:
    """Write the first sheet of the workbook on standard input as CSV in UTF-8. Returns the status."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S_MAX, _CPU_S_MAX))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES_MAX, _MEMORY_BYTES_MAX))
    import python_calamine as calamine

    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
        rows = book.get_sheet_by_index(0).iter_rows()
    except (calamine.CalamineError, OSError):
        return 1
    for part in _csv(rows):
        sys.stdout.buffer.write(part)
    return 0


def _csv(rows: Iterator[list[Any]]) -> Iterator[bytes]:
    waiting: list[list[str]] = []
    for row in rows:
        waiting.append([_text(cell) for cell in row])
        if len(waiting) == _ROWS_AT_ONCE:
            yield _lines(waiting)
            waiting = []
    yield _lines(waiting)


def _lines(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return str(float(cell)) if isinstance(cell, int | float) else str(cell)


if __name__ == "__main__":
    sys.exit(main())
