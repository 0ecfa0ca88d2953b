"""Recent changes of conversations in the memory of one process, so that a poll without news reads nothing.

A process reads the changes by one small statement at most every ``FRESH_FOR_S``, however many people poll it. Its
memory is never older than that, and it misses no change: the statement uses the same gap-free numbers as
``changes.changed_since``.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Executable, and_, bindparam, select

from app.core.conversations import changes
from app.db import CompiledStatement, ReadConnection
from app.models import Conversation, Workspace

FRESH_FOR_S = 0.25
CACHED = 2000  # conversations, those that changed last
OpenReadConnection = Callable[[], AbstractContextManager[ReadConnection]]
_CONVERSATION = Conversation.__table__
_WORKSPACE = Workspace.__table__


@dataclass(frozen=True, slots=True)
class _Change:
    change_number: int
    revision: int
    contact_id: int
    serial: int


class ChangeCache:
    """The changes that one process knows; threads share it. ``serial`` grows with every change that it reads.

    :param fresh_for_s: maximum age of its knowledge; 0 reads the database at every call
    :param cached: how many conversations it keeps at least
    """

    def __init__(self, fresh_for_s: float = FRESH_FOR_S, *, cached: int = CACHED) -> None:
        self.fresh_for_s, self.cached = fresh_for_s, cached
        self.serial = 0
        self.workspace_revision = 0
        self._lock = threading.Lock()
        self._read_at_s = float("-inf")
        self._cursor: int | None = None
        self._conversations: OrderedDict[int, _Change] = OrderedDict()
        self._contacts: dict[int, int] = {}  # contact id to the serial of the last change of one of their conversations
        self._evicted_serial = 0  # some changes up to this serial are no longer cached
        self._complete_from = 0  # every change with this number or a higher one is cached
        self._newest = 0

    def follow(self, open_connection: OpenReadConnection) -> int:
        """Read new changes and return the serial. One statement if the cache is older than ``fresh_for_s``, else none.

        :param open_connection: ``Database.read_connection``
        """
        if time.monotonic() - self._read_at_s < self.fresh_for_s:
            return self.serial
        with self._lock:
            now_s = time.monotonic()
            if now_s - self._read_at_s >= self.fresh_for_s:
                with open_connection() as connection:
                    self._read(connection)
                self._read_at_s = now_s
            return self.serial

    def touched(self, since: int, contact_id: int, conversation_ids: Collection[int]) -> bool:
        """Whether a conversation of this contact, or one of these, changed after the serial ``since``, or may have."""
        if since < self._evicted_serial or self._contacts.get(contact_id, 0) > since:
            return True
        found = (self._conversations.get(each) for each in conversation_ids)
        return any(change is not None and change.serial > since for change in found)

    def has_none_since(self, cursor: str | None) -> bool:
        """Whether ``changes.changed_since`` would return no conversation. False if the cache cannot tell."""
        after, known = changes.read_cursor(cursor)
        if after is None or after < self._complete_from:
            return False
        if after > self._newest:
            return True
        with self._lock:
            found = [(each.change_number, number, each.revision) for number, each in self._conversations.items()]
        changed = sorted(each for each in found if each[0] >= after)[-changes.CHANGES_MAX :]
        return changes.checksum([(number, revision) for _, number, revision in changed]) in {"0", known}

    def _read(self, connection: ReadConnection) -> None:
        if self._cursor is not None:
            rows = _SINCE.all(connection, after=self._cursor, limit=self.cached + 1)
            if len(rows) <= self.cached:
                return self._store(rows)
        rows = _NEWEST.all(connection, limit=self.cached)
        self.serial += 1
        self._evicted_serial = self.serial
        self._conversations.clear()
        self._contacts.clear()
        self._store(rows[::-1])
        self._complete_from = rows[-1][4] + 1 if len(rows) == self.cached else 0
        return None

    def _store(self, rows: list[Any]) -> None:
        self._cursor, self.workspace_revision = rows[0][0], rows[0][1]
        serial = self.serial + 1
        for _, _, number, revision, change_number, contact_id in rows:
            if number is None:
                continue
            before = self._conversations.get(number)
            if before is not None and (before.revision, before.change_number) == (revision, change_number):
                continue  # a repeat, because an older transaction was still running
            for each in {contact_id, before.contact_id if before else contact_id}:
                self._contacts[each] = serial
            self._conversations[number] = _Change(change_number, revision, contact_id, serial)
            self._conversations.move_to_end(number)
            self._newest = max(self._newest, change_number)
            self.serial = serial
        self._evict()

    def _evict(self) -> None:
        if len(self._conversations) <= 2 * self.cached:
            return
        while len(self._conversations) > self.cached:
            _, oldest = self._conversations.popitem(last=False)
            self._complete_from = max(self._complete_from, oldest.change_number + 1)
            self._evicted_serial = max(self._evicted_serial, oldest.serial)
        self._contacts = {each: serial for each, serial in self._contacts.items() if serial > self._evicted_serial}


def _statement(dialect: str, *, is_first: bool) -> Executable:
    """Cursor, the workspace's revision, and conversations: those changed since, or (``is_first``) the newest."""
    revision = select(_WORKSPACE.c.revision).where(_WORKSPACE.c.id == 1).scalar_subquery()
    now = select(changes.cursor_now(dialect).label("cursor"), revision.label("revision")).subquery("now")
    not_future: ColumnElement[bool] = changes.is_not_future(dialect)
    condition = not_future if is_first else and_(_CONVERSATION.c.change_number >= bindparam("after"), not_future)
    order = _CONVERSATION.c.change_number.desc() if is_first else _CONVERSATION.c.change_number
    columns = [_CONVERSATION.c[name] for name in ("id", "revision", "change_number", "contact_id")]
    return (
        select(now.c.cursor, now.c.revision, *columns)
        .select_from(now.outerjoin(_CONVERSATION, condition))
        .order_by(order)
        .limit(bindparam("limit"))
    )


_SINCE = CompiledStatement(lambda dialect: _statement(dialect, is_first=False))
_NEWEST = CompiledStatement(lambda dialect: _statement(dialect, is_first=True))
