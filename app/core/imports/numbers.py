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
        if not _BARE.fullmatch(text) or not _is_number(f"+{text}"):
            raise Refusal(Reason.NUMBER_INVALID) from None
        # Two numbers, in two usual ways to read it; or one that only a plus makes a number, which a program took away.
        own_code = ("00", phone.calling_code(region)[1:]) if region else ()
        is_two = problem.code == "phone_country_code_missing" and text.startswith(own_code)
        raise Refusal(Reason.NUMBER_AMBIGUOUS if is_two else Reason.NUMBER_DESTROYED) from None


def _is_number(text: str) -> bool:
    try:
        phone.read_any_kind(text, region=None)
    except DestinationRefused:
        return False
    return True
