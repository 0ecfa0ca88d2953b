"""Reads the phone number of an imported row, and recognizes the numbers that a spreadsheet destroyed."""

import re

from app.core import phone
from app.core.errors import DestinationRefused
from app.core.imports.reasons import Reason, Refusal
from app.core.phone import StoredNumber

# 4.479E+11: most digits are lost. 436641234567.0: a float, whose plus and zeros may be lost.
_DESTROYED = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+|\+?\d+[.,]0+|#+")
_BARE = re.compile(r"\d{7,15}")


def read(cell: str, *, region: str | None) -> StoredNumber:
    """The number in a cell.

    A leading apostrophe, which marks a text in spreadsheets, is dropped. A number that was destroyed is never repaired:
    what is left of it can be the number of another person.

    :param region: the country of numbers without a country code; null: they are refused
    :raises Refusal: ``number_destroyed``, ``number_ambiguous`` or ``number_invalid``
    """
    text = cell.strip().lstrip("'").strip()
    if _DESTROYED.fullmatch(text):
        raise Refusal(Reason.NUMBER_DESTROYED)
    try:
        return phone.read_any_kind(text, region=region)
    except DestinationRefused as problem:
        if problem.code == "phone_country_code_missing" and region is not None:
            raise Refusal(Reason.NUMBER_AMBIGUOUS) from None  # two numbers, in two usual ways to read it
        # Bare digits that only a plus makes a number: a program took the plus away.
        is_bare = _BARE.fullmatch(text) and _is_number(f"+{text}")
        raise Refusal(Reason.NUMBER_DESTROYED if is_bare else Reason.NUMBER_INVALID) from None


def _is_number(text: str) -> bool:
    try:
        phone.read_any_kind(text, region=None)
    except DestinationRefused:
        return False
    return True
