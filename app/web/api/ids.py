"""Ids as they come in addresses and bodies of the API."""

from app.schemas.fields import ID_MAX
from app.web.ids import parse_id

number = parse_id  # the name that the modules of the API use


def key(value: int | None) -> int | None:
    """The id that a cursor ends with; no id is larger than ``ID_MAX``."""
    return None if value is None else min(value, ID_MAX)
