"""Which conversations changed lately, kept in the memory of one process, so that polls between changes read nothing.

Every process that is asked follows the database by one small statement at most every ``FRESH_FOR_S``, however many
people poll it. What it knows is never older than that, and every change is found in the end: the statement asks as
``inbox_changes.changed_since`` does, by numbers that no commit slips behind.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, Executable, Table, and_, bindparam, select

from app.core.conversations import changes as inbox_changes
from app.db import CompiledStatement, ReadConnection
from app.models import Conversation, Workspace

FRESH_FOR_S = 0.25
KEPT = 2000  # conversations that changed last
Looking = Callable[[], AbstractContextManager[ReadConnection]]
_CONVERSATION = cast(Table, Conversation.__table__)
_WORKSPACE = cast(Table, Workspace.__table__)


@dataclass(frozen=True, slots=True)
class _Change:
    change_number: int
    revision: int
    contact_id: int
    serial: int


class Changes:
    """What one process knows of changes. ``serial`` grows whenever it hears of some; threads may share it.

    :param fresh_for_s: how old what it knows may be; 0 asks the database each time
    :param kept: how many conversations it remembers at least
    """

    def __init__(self, fresh_for_s: float = FRESH_FOR_S, *, kept: int = KEPT) -> None:
        self.fresh_for_s, self.kept = fresh_for_s, kept
        self.serial = 0
        self.workspace_revision = 0
        self._lock = threading.Lock()
        self._asked_at_s = float("-inf")
        self._cursor: int | None = None
        self._conversations: OrderedDict[int, _Change] = OrderedDict()
        self._contacts: dict[int, int] = {}  # contact to the serial at which one of theirs changed
        self._forgotten = 0  # of what was known up to this serial, some is gone
        self._complete_from = 0  # every change with this number or a higher one is kept
        self._newest = 0

    def follow(self, looking: Looking) -> int:
        """Be up to date; the serial comes back. One statement when what is known is too old, else none.

        :param looking: ``Database.read_connection``
        """
        if time.monotonic() - self._asked_at_s < self.fresh_for_s:
            return self.serial
        with self._lock:
            now_s = time.monotonic()
            if now_s - self._asked_at_s >= self.fresh_for_s:
                with looking() as read_connection:
                    self._ask(read_connection)
                self._asked_at_s = now_s
            return self.serial

    def touched(self, since: int, contact_id: int, conversation_ids: Collection[int]) -> bool:
        """Whether a conversation of this contact, or one of these, changed after ``since``, or may have."""
        if since < self._forgotten or self._contacts.get(contact_id, 0) > since:
            return True
        found = (self._conversations.get(each) for each in conversation_ids)
        return any(change is not None and change.serial > since for change in found)

    def has_none_since(self, cursor: str | None) -> bool:
        """Whether ``inbox_changes.changed_since`` would tell nothing of this cursor. False where memory cannot tell."""
        after, known = inbox_changes.read_cursor(cursor)
        if after is None or after < self._complete_from:
            return False
        if after > self._newest:
            return True
        with self._lock:
            found = [(each.change_number, number, each.revision) for number, each in self._conversations.items()]
        changed = sorted(each for each in found if each[0] >= after)[: inbox_changes.CHANGES_MAX]
        return inbox_changes.checksum([(number, revision) for _, number, revision in changed]) in {"0", known}

    def _ask(self, read_connection: ReadConnection) -> None:
        if self._cursor is not None:
            rows = _SINCE.all(read_connection, after=self._cursor, limit=self.kept + 1)
            if len(rows) <= self.kept:
                return self._hear(rows)
        rows = _NEWEST.all(read_connection, limit=self.kept)
        self.serial += 1
        self._forgotten = self.serial
        self._conversations.clear()
        self._contacts.clear()
        self._hear(rows[::-1])
        self._complete_from = rows[-1][4] + 1 if len(rows) == self.kept else 0
        return None

    def _hear(self, rows: list[Any]) -> None:
        self._cursor, self.workspace_revision = rows[0][0], rows[0][1]
        serial = self.serial + 1
        for _, _, number, revision, change_number, contact_id in rows:
            if number is None:
                continue
            before = self._conversations.get(number)
            if before is not None and (before.revision, before.change_number) == (revision, change_number):
                continue  # told again, because an older transaction was still running
            for whose in {contact_id, before.contact_id if before else contact_id}:
                self._contacts[whose] = serial
            self._conversations[number] = _Change(change_number, revision, contact_id, serial)
            self._conversations.move_to_end(number)
            self._newest = max(self._newest, change_number)
            self.serial = serial
        self._forget()

    def _forget(self) -> None:
        if len(self._conversations) <= 2 * self.kept:
            return
        while len(self._conversations) > self.kept:
            _, gone = self._conversations.popitem(last=False)
            self._complete_from = max(self._complete_from, gone.change_number + 1)
            self._forgotten = max(self._forgotten, gone.serial)
        self._contacts = {whose: serial for whose, serial in self._contacts.items() if serial > self._forgotten}


def _asking(dialect: str, *, is_first: bool) -> Executable:
    """Cursor, the workspace's revision, and conversations: those changed since, or the newest of all."""
    revision = select(_WORKSPACE.c.revision).where(_WORKSPACE.c.id == 1).scalar_subquery()
    now = select(inbox_changes.cursor_now(dialect).label("cursor"), revision.label("revision")).subquery("now")
    real: ColumnElement[bool] = inbox_changes.is_no_future(dialect)
    condition = real if is_first else and_(_CONVERSATION.c.change_number >= bindparam("after"), real)
    order = _CONVERSATION.c.change_number.desc() if is_first else _CONVERSATION.c.change_number
    columns = [_CONVERSATION.c[name] for name in ("id", "revision", "change_number", "contact_id")]
    return (
        select(now.c.cursor, now.c.revision, *columns)
        .select_from(now.outerjoin(_CONVERSATION, condition))
        .order_by(order)
        .limit(bindparam("limit"))
    )


_SINCE = CompiledStatement(lambda dialect: _asking(dialect, is_first=False))
_NEWEST = CompiledStatement(lambda dialect: _asking(dialect, is_first=True))
