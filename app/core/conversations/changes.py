"""Which conversations changed: asked by number, so that nothing escapes whoever asks again."""

import zlib
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, Table, and_, bindparam, func, literal_column, select, true
from sqlalchemy.orm import Session

from app.db import dialect_of, run
from app.models import Conversation

CHANGES_MAX = 200
_CONVERSATION = cast(Table, Conversation.__table__)
_SNAPSHOT = "pg_snapshot_{}(pg_current_snapshot())::text::bigint"


@dataclass(frozen=True)
class Changes:
    """Which conversations changed. The next call asks after ``cursor``."""

    cursor: str
    conversation_ids: list[int]


def changed_since(session: Session, cursor: str | None, *, limit: int = CHANGES_MAX) -> Changes:
    """Which conversations were changed by what was committed since ``cursor`` was given out. One statement.

    Nothing escapes: on PostgreSQL, where a change that began earlier may be committed later, conversations carry the
    number of the transaction that changed them, and a cursor is the oldest one that was still running. So some come
    twice; when nothing but those would come, nothing does.

    :param cursor: null, or one that cannot be read: where things stand now, and no conversations
    """
    after, known = read_cursor(cursor)
    rows = run(session, _CHANGES[dialect_of(session)], {"after": 2**62 if after is None else after, "limit": limit})
    found = list(rows)
    changed = [row for row in found if row.id is not None]
    told = checksum([(row.id, row.revision) for row in changed])
    onward = f"{changed[-1].change_number if len(changed) == limit else found[0].cursor}-{told}"
    return Changes(onward, [] if told == known else [row.id for row in changed])


def read_cursor(cursor: str | None) -> tuple[int | None, str]:
    """The number that a cursor asks after (null: it cannot be read), and the checksum of what was told with it."""
    after, _, known = (cursor or "").partition("-")
    return int(after) if after.isascii() and after.isdigit() and len(after) < 19 else None, known


def checksum(changed: list[tuple[int, int]]) -> str:
    """What tells one list of conversations and their revisions from another; ``0`` for none."""
    return str(zlib.crc32(repr(changed).encode())) if changed else "0"


def cursor_now(dialect: str) -> ColumnElement[int]:
    """From which number on changes may still come."""
    if dialect == "postgresql":
        return literal_column(_SNAPSHOT.format("xmin"))
    newest = _CONVERSATION.alias("newest")
    return select(func.coalesce(func.max(newest.c.change_number), 0) + 1).scalar_subquery()


def is_no_future(dialect: str) -> ColumnElement[bool]:
    """Numbers from before a restore may lie in the future of a PostgreSQL server: they are no changes."""
    if dialect == "postgresql":
        return _CONVERSATION.c.change_number < literal_column(_SNAPSHOT.format("xmax"))
    return true()


def _changes(dialect: str) -> Select[Any]:
    now = select(cursor_now(dialect).label("cursor")).subquery("now")
    changed = and_(_CONVERSATION.c.change_number >= bindparam("after"), is_no_future(dialect))
    return (
        select(now.c.cursor, _CONVERSATION.c.id, _CONVERSATION.c.revision, _CONVERSATION.c.change_number)
        .select_from(now.outerjoin(_CONVERSATION, changed))
        .order_by(_CONVERSATION.c.change_number, _CONVERSATION.c.id)
        .limit(bindparam("limit"))
    )


_CHANGES = {dialect: _changes(dialect) for dialect in ("sqlite", "postgresql")}
