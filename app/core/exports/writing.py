"""Records as lines of a file: CSV that a spreadsheet may open, or JSON lines."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from app.core.bulk import csv_cells

# Spreadsheets need it to read UTF-8.
BYTE_ORDER_MARK = "\ufeff"


def head(headings: Sequence[str]) -> bytes:
    """The beginning of a CSV file: the byte order mark and the headings."""
    return BYTE_ORDER_MARK.encode() + rows([headings])


def rows(lines: Iterable[Iterable[str]]) -> bytes:
    """Rows of cells as lines of CSV in UTF-8."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()


def cells(record: dict[str, Any]) -> list[str]:
    """The cells of a record, in the order of its fields. Objects are written as JSON."""
    return [csv_cells.write_cell(_json(value) if isinstance(value, dict) else value) for value in record.values()]


def json_lines(records: Iterable[dict[str, Any]]) -> bytes:
    """One JSON object a line, in UTF-8. Times are ISO 8601 in UTC."""
    return "".join(f"{_json(each)}\n" for each in records).encode()


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_time)


def _time(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} is not a JSON value")
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
