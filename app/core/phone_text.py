"""The text of a phone field as digits, ``+`` and separators, whatever people and programs write around the digits."""

import re
import unicodedata
from urllib.parse import unquote

from app.core import typed_text

LETTER = re.compile(r"[^\W\d_]")
# A whole number as spreadsheets and data frames write it when they hold a number as a float.
DECIMAL = re.compile(r"\+?\d+[.,]0")
# Between digits: bullets and middle dots, apostrophes, the ideographic full stop, and the prolonged sound mark that
# Japanese input methods write for a hyphen. White space, dashes and marks are found by their category.
_SEPARATORS = frozenset("\u00b7\u2022\u2027\u2219\u22c5\u30fb\u2018\u2019\u02bc\u3002\u30fc\u301c")
_BY_CATEGORY = {"Pd": "-", "Mn": "", "Me": ""}  # dashes; marks, such as the frame of a keycap
_ASCII_SEPARATORS = str.maketrans("'`_", "   ")
_PLUS = "➕"
_LINK = re.compile(r"(?:tel|sms|smsto|callto):(?://)?", re.IGNORECASE)
_CONTEXT = re.compile(r";phone-context=(\+[\d.() -]+)", re.IGNORECASE)
_PARAMETERS = re.compile(r";(?!ext=).*|\?.*", re.IGNORECASE | re.DOTALL)
_BETWEEN_DIGITS = re.compile(r"[\s().\-/]+")
_BEFORE_DIGITS = re.compile(r"[^\d+(]*")
_WORD = re.compile(r"[^\W\d_]+")
# English, German, French, Spanish, Portuguese and Arabic, without accents.
_LABELS = """
    mobile mob cell cellphone cellular phone telephone tel ph number no nr my sms whatsapp
    handy handynummer mobil mobilnummer mobiltelefon telefon telefonnummer nummer rufnummer natel
    portable numero de mon gsm
    movil celular cel telefono tfno tlf mi
    telefone telemovel tlm fone meu
    جوال الجوال هاتف الهاتف موبايل الموبايل محمول المحمول نقال النقال تليفون رقم الرقم واتساب
"""
_LABEL_WORDS = frozenset(_LABELS.split())


def plain(typed: str) -> str:
    """The number in ASCII digits with separators, with its ``+`` first; empty when nothing is left.

    Links (``tel:``, ``sms:``) and label words before the number are removed; letters elsewhere stay, for the refusal.
    """
    text = typed_text.visible(typed)
    if not text.isascii():
        text = "".join(map(_plain_char, text))
    text = " ".join(text.translate(_ASCII_SEPARATORS).split())
    if text and text[0] not in "+0123456789":
        text = _without_label(_without_link(text))
    return _plus_first(text)


def part(typed: str) -> str:
    """A part of a number as it is stored, to search for: without the separators that people write."""
    bare = _BETWEEN_DIGITS.sub("", plain(typed))
    return f"+{bare[2:]}" if bare.startswith("00") else bare


def _plain_char(char: str) -> str:
    if char == _PLUS:
        return "+"
    if char in _SEPARATORS or char.isspace():
        return " "
    category = unicodedata.category(char)
    if category in _BY_CATEGORY:
        return _BY_CATEGORY[category]
    digit = unicodedata.decimal(char, None)
    return char if digit is None else str(digit)


def _without_link(text: str) -> str:
    """The number in a link. Its context, a country code, comes first. Source: RFC 3966, RFC 5724."""
    found = _LINK.match(text)
    if found is None:
        return text
    number = unquote(text[found.end() :])
    context = _CONTEXT.search(number)
    bare = _PARAMETERS.sub("", number).strip()
    return f"{context[1]} {bare}" if context and not bare.startswith("+") else bare


def _without_label(text: str) -> str:
    before = _BEFORE_DIGITS.match(text)
    label = before[0] if before else ""
    words = _WORD.findall(typed_text.without_marks(label))
    return text[len(label) :] if words and _LABEL_WORDS.issuperset(words) else text


def _plus_first(text: str) -> str:
    """A plus that was typed or copied last, as in text from right to left, comes first. ``+00`` is one plus."""
    before, plus, after = text.partition("+")
    if not plus or "+" in after:
        return text
    if not after:
        after, before = before.rstrip(), ""
    if any(char.isalnum() for char in before):
        return text
    return f"+{after[2:].lstrip()}" if after.startswith("00") else f"+{after}"
