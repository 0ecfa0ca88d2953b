"""Ids as they come in addresses and bodies."""

from app.schemas.fields import ID_MAX


def number(text: str | None) -> int | None:
    """A decimal id; null when it cannot be one, which is the same as one that no row has."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > ID_MAX:
        return None
    return int(text)


def key(value: int | None) -> int | None:
    """The id that a cursor ends with; no id is larger than ``ID_MAX``."""
    return None if value is None else min(value, ID_MAX)
