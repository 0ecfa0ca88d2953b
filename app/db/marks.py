"""Texts without marks, so that a search for “Siobhan” finds “Siobhán”. One rule, on both databases.

On SQLite ``without_marks`` is this function; on PostgreSQL a function of the migrations, which the indexes of words are
made with. A test compares the two character by character.
"""

import unicodedata
from typing import Any

from sqlalchemy import Boolean, ColumnElement, String, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

# Accents, Hebrew points and Arabic vowel signs. Marks of other scripts are letters of their words.
_MARKS = (
    *range(0x300, 0x370),
    *(0x591 + each for each in range(0x2D)),
    *(0x5BF, 0x5C1, 0x5C2, 0x5C4, 0x5C5, 0x5C7),
    *range(0x64B, 0x660),
    0x670,
)
_DROPPED = dict.fromkeys(_MARKS) | str.maketrans("ØøŁłĐđı", "OoLlDdi")


def without_marks(text: str) -> str:
    """The text without accents, vowel signs and strokes, in compatibility form. Capitals stay.

    Searches without a text that has marks in it compare what they look for in this form, too.
    """
    return text if text.isascii() else unicodedata.normalize("NFKD", text).translate(_DROPPED)


def unmarked(column: ColumnElement[Any]) -> ColumnElement[str]:
    """The text of a column ``without_marks``, as the indexes of words have it."""
    return func.without_marks(column, type_=String)


class InOneCase(FunctionElement[str]):
    """A text to compare with a beginning, end or part that is ASCII in lower case.

    SQLite disregards the case of ASCII letters in LIKE, and its ``lower`` is a function of Python, which costs more.
    """

    inherit_cache = True
    type = String()


@compiles(InOneCase)
def _lower(element: Any, compiler: Any, **more: Any) -> str:
    return f"lower({compiler.process(element.clauses, **more)})"


@compiles(InOneCase, "sqlite")
def _itself(element: Any, compiler: Any, **more: Any) -> str:
    return str(compiler.process(element.clauses, **more))


class HasOtherLetters(FunctionElement[bool]):
    """Whether a text has other letters than those of ASCII, which have no marks. Costs less than ``without_marks``."""

    inherit_cache = True
    type = Boolean()


@compiles(HasOtherLetters)
def _on_postgresql(element: Any, compiler: Any, **more: Any) -> str:
    text = compiler.process(element.clauses, **more)
    return f"(octet_length({text}) > char_length({text}))"


@compiles(HasOtherLetters, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **more: Any) -> str:
    text = compiler.process(element.clauses, **more)
    return f"(length(CAST({text} AS BLOB)) > length({text}))"
