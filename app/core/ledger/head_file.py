"""The file that the head of the ledger is appended to each day: one JSON object a line.

It is worth most where this server can append to it and change nothing, as on another machine.
"""

import json
import os
from pathlib import Path
from typing import Any

from app.core.errors import InvalidInput
from app.core.ledger import head

# Heads that a verification reads from the end of the file.
_NEWEST = 50


def append(path: Path, published: dict[str, Any]) -> None:
    """Append one head, and write it to disk.

    :raises OSError: the file cannot be written
    """
    with path.open("a", encoding="utf-8") as out:
        out.write(json.dumps(published, separators=(",", ":")) + "\n")
        out.flush()
        os.fsync(out.fileno())


def read(path: Path) -> list[dict[str, Any]]:
    """The newest heads of a file: JSON lines, or one JSON object.

    :raises OSError: the file cannot be read
    :raises InvalidInput: it holds something else
    """
    return parse(path.read_text(encoding="utf-8", errors="replace"))


def parse(text: str) -> list[dict[str, Any]]:
    """The newest heads of a text: JSON lines, or one JSON object. Errors as ``read``."""
    try:
        try:
            found = [json.loads(text)]
        except ValueError:
            found = [json.loads(line) for line in text.splitlines() if line.strip()][-_NEWEST:]
    except ValueError:
        raise InvalidInput("This is not a ledger head: it is not JSON.", field="head") from None
    return [head.read(each) for each in found]
