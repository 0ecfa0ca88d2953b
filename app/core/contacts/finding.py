"""Contacts for pages: a list of all, and a search by whatever an agent knows of one."""

import re
from typing import Any

from sqlalchemy import ColumnElement, Select, cast, func, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.core.contacts import records
from app.db import dialect_of
from app.models import Contact

FOUND_MAX = 50
# SQLite has no index of the words in names: it searches the names of this many contacts, the newest.
SEARCHED_NAMES = 200_000
_LABEL = re.compile(r"(?:lead\s+)?([0-9a-f]{6,24})", re.IGNORECASE)
_WORDS = text("'simple'")


def page(session: Session, *, before_id: int | None = None, limit: int) -> list[Contact]:
    """Contacts that are not archived, newest first.

    :param before_id: only those with a lower id
    """
    query = select(Contact).where(Contact.archived_at.is_(None)).order_by(Contact.id.desc()).limit(limit)
    return list(session.scalars(query.where(Contact.id < before_id) if before_id is not None else query))


def find_matching(session: Session, typed: str, *, region: str | None) -> list[Contact]:
    """The contacts with this number, address, external id or label, then those with it in their name, newest first.

    At most ``FOUND_MAX`` of each. Merged and erased contacts are left out.

    :param region: the country in which numbers without a ``+`` are read
    """
    wanted = " ".join(typed.replace("\0", "").split())
    if not wanted:
        return []
    names = named(session, wanted).order_by(Contact.id.desc()).limit(FOUND_MAX)
    by_name = session.scalars(select(Contact).where(Contact.id.in_(names)).order_by(Contact.id.desc()))
    found = {each.id: each for each in (*find_exactly(session, wanted, region=region), *by_name)}
    return [each for each in found.values() if each.merged_into_id is None and each.erased_at is None]


def find_exactly(session: Session, typed: str, *, region: str | None) -> list[Contact]:
    """The contacts with exactly this number, address, external id or label (``Lead 361421``), the newest first.

    :param region: the country in which numbers without a ``+`` are read
    """
    known = records.look_up(session, typed, region=region)
    label = _LABEL.fullmatch(typed.strip())
    if label is None:
        return known
    beginning = label[1].lower()
    # "g" comes after every hexadecimal digit
    labeled = select(Contact).where(Contact.public_id >= beginning, Contact.public_id < f"{beginning}g")
    return list({each.id: each for each in (*known, *session.scalars(labeled.limit(FOUND_MAX)))}.values())


def named(session: Session, wanted: str) -> Select[Any]:
    """The ids of the contacts whose name has this part (SQLite), or words with these beginnings (PostgreSQL)."""
    if dialect_of(session) == "postgresql":
        return select(Contact.id).where(func.to_tsvector(_WORDS, Contact.name).op("@@")(words_query(wanted)))
    searched = func.coalesce(select(func.max(Contact.id)).scalar_subquery(), 0) - SEARCHED_NAMES
    return select(Contact.id).where(Contact.id > searched, Contact.name.icontains(wanted, autoescape=True))


def words_query(wanted: str) -> ColumnElement[Any]:
    """PostgreSQL: a text search query for texts with every word that begins like one of these words."""
    query: ColumnElement[Any] = func.to_tsquery(_WORDS, "")
    for word in wanted.lower().split():
        if any(each.isalnum() for each in word):
            query = query.op("&&")(_beginning(word))
    return query


def _beginning(word: str) -> ColumnElement[Any]:
    """Matches words that begin like this.

    PostgreSQL splits the text as it split the messages (``don't`` is two words, a price or an address one). The
    alternative matches the beginning of what is one word there (``noor@exam``).
    """
    quoted = "'" + word.replace("\\", "\\\\").replace("'", "''") + "':*"
    return func.to_tsquery(_WORDS, quoted).op("||")(cast(quoted, postgresql.TSQUERY))
