"""What an agent typed to find a contact, as a condition: a name, a number, an address or an id, or a part of one.

Each way to read the text is a separate statement, so that each is answered by an index. Two have none: a part within
a name on SQLite, and digits within a number. They look at the ``SCANNED_MAX`` newest contacts.
"""

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select, text, union_all
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import postgresql

from app.core import countries, email, phone, phone_text
from app.core.contacts import text_sql
from app.core.contacts.filters import Filter, Group, Kind, Operator, Query
from app.db import unmarked, without_marks
from app.models import Contact
from app.models.contact import EMAIL_DOMAINS, ENDING_LENGTH, PHONE_ENDINGS

SCANNED_MAX = 200_000
TYPED_MAX = 255
# Fewer digits at the beginning of a number, or letters at the beginning of an address, say too little.
_BEGINNING_MIN = 3
# Fewer digits after the 0 are no whole number in any country.
_AT_HOME_MIN = 6
_CONTACT = Contact.__table__
_LABEL = re.compile(r"(?:lead\s+)?([0-9a-f]{6,24})", re.IGNORECASE)
_NUMBER = re.compile(r"\+?[0-9]+")
_SEPARATORS = re.compile(r"[^0-9A-Za-z+@]+")
_WORDS = text("'simple'")


def and_typed(query: Query | None, typed: str) -> Query | None:
    """A query whose contacts also match a typed text; the query itself where nothing was typed."""
    wanted = " ".join(typed.replace("\0", "").split())[:TYPED_MAX]
    if not wanted:
        return query
    found = Filter(Kind.TYPED, "typed", Operator.EQUALS, (wanted,))
    return found if query is None else Group(is_and=True, parts=(found, query))


def condition(wanted: str, dialect: str, region: str | None) -> ColumnElement[bool]:
    """Whether a contact has this number, address, external id or label (``Lead 361421``), or a part of one.

    Of a number the beginning or the end, written in any way, of an address the beginning or the domain; of a name any
    part (SQLite), or words with these beginnings (PostgreSQL).

    :param region: the country in which numbers without a ``+`` are read
    """
    number = beginning(wanted)
    if number is not None:
        return text_sql.begins_with(dialect, _CONTACT.c.phone, number)
    found = [*_by_id(wanted), *_by_address(wanted, dialect), *_by_number(wanted, dialect, region)]
    found.append(_by_name(wanted, dialect))
    return _CONTACT.c.id.in_(union_all(*(select(each.subquery()) for each in found)))


def beginning(wanted: str) -> str | None:
    """The beginning of a number with its country code, which nothing else can mean; null for other texts."""
    number = _bare(wanted)
    return number if number.startswith("+") and _NUMBER.fullmatch(number) else None


def _bare(wanted: str) -> str:
    """A number as it was typed, without separators."""
    return _SEPARATORS.sub("", phone_text.plain(wanted))


def label_range(typed: str) -> ColumnElement[bool] | None:
    """Whether a public id begins like this label; null where the text is no label."""
    label = _LABEL.fullmatch(typed.strip())
    if label is None:
        return None
    beginning = label[1].lower()
    # "g" comes after every hexadecimal digit
    return and_(_CONTACT.c.public_id >= beginning, _CONTACT.c.public_id < f"{beginning}g")


def has_words(column: ColumnElement[Any], wanted: str) -> ColumnElement[bool]:
    """PostgreSQL: whether a text has a word for each of these, which begins like it, whatever the marks of both.

    The index of the words of names has no row for a contact without a name.
    """
    query: ColumnElement[Any] = func.to_tsquery(_WORDS, "")
    for word in without_marks(wanted).lower().split():
        if any(each.isalnum() for each in word):
            query = query.op("&&")(_beginning(word))
    return and_(column.is_not(None), func.to_tsvector(_WORDS, unmarked(column)).op("@@")(query))


def _ids(where: ColumnElement[bool]) -> Select[Any]:
    return select(_CONTACT.c.id).where(where)


def _by_id(wanted: str) -> Iterator[Select[Any]]:
    yield _ids(_CONTACT.c.external_id == wanted)
    labeled = label_range(wanted)
    if labeled is not None:
        yield _ids(labeled)


def _by_address(wanted: str, dialect: str) -> Iterator[Select[Any]]:
    if " " in wanted:
        return
    typed = wanted.lower()
    yield _ids(_CONTACT.c.email.in_({email.normalize(wanted), typed}))
    if len(typed) >= _BEGINNING_MIN and not typed.startswith("@"):
        yield _ids(text_sql.begins_with(dialect, _CONTACT.c.email, typed))
    if "." in typed and "@" not in typed[1:]:
        yield _ids(EMAIL_DOMAINS[dialect] == typed.removeprefix("@"))


def _by_number(wanted: str, dialect: str, region: str | None) -> Iterator[Select[Any]]:
    number = _CONTACT.c.phone
    yield _ids(number.in_(phone.candidates(wanted, region=region)))
    digits = _bare(wanted)
    if not _NUMBER.fullmatch(digits) or len(digits) < _BEGINNING_MIN:
        return
    for each in sorted(_beginnings(digits, region)):
        yield _ids(text_sql.begins_with(dialect, number, each))
    if len(digits) >= ENDING_LENGTH:
        yield _ids(ends_with(dialect, number, digits))
        yield _ids(and_(_is_scanned(), number.contains(digits, autoescape=True)))
    at_home = written_at_home(wanted, dialect)
    if at_home is not None:
        yield _ids(at_home)


def written_at_home(wanted: str, dialect: str) -> ColumnElement[bool] | None:
    """Whether a number is this one as people write it in its own country, with a 0; null where the text has none.

    No country is assumed: ``07400 123456`` is every number that ends with the digits after the 0.
    """
    digits = _bare(wanted)
    after_zero = digits.removeprefix("0")
    if not _NUMBER.fullmatch(digits) or not _AT_HOME_MIN <= len(after_zero) < len(digits):
        return None
    return ends_with(dialect, _CONTACT.c.phone, after_zero)


def ends_with(dialect: str, number: ColumnElement[Any], digits: str) -> ColumnElement[bool]:
    """Whether a number ends with at least ``ENDING_LENGTH`` digits, found by the index of its last ones."""
    last = PHONE_ENDINGS[dialect] == digits[-ENDING_LENGTH:]
    return last if len(digits) == ENDING_LENGTH else and_(last, number.endswith(digits, autoescape=True))


def _beginnings(digits: str, region: str | None) -> set[str]:
    """The beginnings of stored numbers that a typed beginning may mean: with its country code, or without."""
    found = {f"+{digits.removeprefix('00')}"}
    if region is not None:
        code = countries.calling_code(region)
        found |= {f"{code}{digits}", f"{code}{digits.removeprefix('0')}"}
    return found


def _by_name(wanted: str, dialect: str) -> Select[Any]:
    if dialect == "postgresql":
        return _ids(has_words(_CONTACT.c.name, wanted))
    return _ids(and_(_is_scanned(), text_sql.contains(_CONTACT.c.name, wanted)))


def _is_scanned() -> ColumnElement[bool]:
    newest = select(func.coalesce(func.max(_CONTACT.c.id), 0)).correlate(None).scalar_subquery()
    return _CONTACT.c.id > newest - SCANNED_MAX


def _beginning(word: str) -> ColumnElement[Any]:
    """Matches words that begin like this.

    PostgreSQL splits the text as it split the messages (``don't`` is two words, a price or an address one). The
    alternative matches the beginning of what is one word there (``noor@exam``).
    """
    quoted = "'" + word.replace("\\", "\\\\").replace("'", "''") + "':*"
    return func.to_tsquery(_WORDS, quoted).op("||")(sql_cast(quoted, postgresql.TSQUERY))
