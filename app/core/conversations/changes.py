"""Change feed of conversations with a gap-free cursor."""

import zlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, literal_column, select, true
from sqlalchemy.orm import Session

from app.db import dialect_of, run
from app.models import Conversation

CHANGES_MAX = 200
_CONVERSATION = Conversation.__table__
_SNAPSHOT = "pg_snapshot_{}(pg_current_snapshot())::text::bigint"


@dataclass(frozen=True)
class ChangeFeed:
    """Which conversations changed. The next call passes ``cursor``."""

    cursor: str
    conversation_ids: list[int]


def changed_since(session: Session, cursor: str | None, *, limit: int = CHANGES_MAX) -> ChangeFeed:
    """Which conversations were changed by transactions that committed after ``cursor`` was issued. One statement.

    No change is missed, but for those of more than ``limit`` conversations: these are the newest ones. On PostgreSQL,
    where a transaction that began earlier may commit later, each conversation carries the number of the transaction
    that changed it, and a cursor is the oldest transaction that was still running when it was issued. Some
    conversations are therefore returned twice; if all of them would be repeats, none is.

    :param cursor: null or unreadable: return the current cursor and no conversations
    """
    after, known = read_cursor(cursor)
    rows = run(session, _CHANGES[dialect_of(session)], {"after": 2**62 if after is None else after, "limit": limit})
    found = list(rows)
    changed = [row for row in reversed(found) if row.id is not None]
    returned = checksum([(row.id, row.revision) for row in changed])
    return ChangeFeed(f"{found[0].cursor}-{returned}", [] if returned == known else [row.id for row in changed])


def read_cursor(cursor: str | None) -> tuple[int | None, str]:
    """The change number in a cursor (null: unreadable), and the checksum of what was returned with it."""
    after, _, known = (cursor or "").partition("-")
    return int(after) if after.isascii() and after.isdigit() and len(after) < 19 else None, known


def checksum(changed: list[tuple[int, int]]) -> str:
    """Distinguishes one list of conversation ids and revisions from another; ``0`` for an empty one."""
    return str(zlib.crc32(repr(changed).encode())) if changed else "0"


def cursor_now(dialect: str) -> ColumnElement[int]:
    """The lowest change number that a change may still get."""
    if dialect == "postgresql":
        return literal_column(_SNAPSHOT.format("xmin"))
    newest = _CONVERSATION.alias("newest")
    return select(func.coalesce(func.max(newest.c.change_number), 0) + 1).scalar_subquery()


def is_not_future(dialect: str) -> ColumnElement[bool]:
    """Leaves out change numbers above the server's own: a restored PostgreSQL database may contain some."""
    if dialect == "postgresql":
        return _CONVERSATION.c.change_number < literal_column(_SNAPSHOT.format("xmax"))
    return true()


def _changes(dialect: str) -> Select[Any]:
    now = select(cursor_now(dialect).label("cursor")).subquery("now")
    changed = and_(_CONVERSATION.c.change_number >= bindparam("after"), is_not_future(dialect))
    return (
        select(now.c.cursor, _CONVERSATION.c.id, _CONVERSATION.c.revision)
        .select_from(now.outerjoin(_CONVERSATION, changed))
        .order_by(_CONVERSATION.c.change_number.desc(), _CONVERSATION.c.id.desc())
        .limit(bindparam("limit"))
    )


_CHANGES = {dialect: _changes(dialect) for dialect in ("sqlite", "postgresql")}
