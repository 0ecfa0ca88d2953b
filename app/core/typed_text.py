"""Cleans typed text: compatibility forms are mapped, invisible characters are dropped."""

import re
import unicodedata

# Default_Ignorable_Code_Point. Source: Unicode, DerivedCoreProperties.txt.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def visible(typed: str) -> str:
    """The text in NFKC, without invisible code points, and without white space around it.

    Full-width letters become plain ones. Format characters (category Cf) are dropped, too.
    """
    if typed.isascii():
        return typed.strip()
    kept = _IGNORABLE.sub("", unicodedata.normalize("NFKC", typed))
    return "".join(char for char in kept if unicodedata.category(char) != "Cf").strip()


def without_marks(text: str) -> str:
    """The text without accents and in one case, to compare and to sort."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()
