"""Polls of the messenger: what is new to a visitor since their last poll, and earlier messages.

An open panel polls every second, and there is rarely anything new. Each process therefore caches what each
visitor knows, and queries the database only when one of their conversations has changed since.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, case, select
from sqlalchemy.orm import Session

from app.core.conversations import views as conversation_views
from app.core.conversations.appending import IN_MESSENGER
from app.core.conversations.change_cache import ChangeCache
from app.core.conversations.views import ContactView
from app.core.errors import NotFound
from app.core.messenger import visitors
from app.core.messenger.visitors import Visitor
from app.db import CompiledStatement, Database, ReadConnection
from app.models import Conversation, ConversationState

CACHED_MAX = 20_000
# An ended token or session is noticed after this time at the latest; until then its polls report nothing new.
CACHED_FOR_S = 120
# A poll covers the most recently changed conversations, and the open ones among those before them.
_LATEST, _LATEST_OPEN = 5, 20
KNOWN_CHARS_MAX = 100 * len("123456789012345678:123456789,")
_CONVERSATION = Conversation.__table__


_REVISIONS = CompiledStatement(
    select(*(_CONVERSATION.c[name] for name in ("id", "revision", "updated_at", "state")))
    .where(_CONVERSATION.c.contact_id == bindparam("contact_id"), _CONVERSATION.c.last_message_number > 0, IN_MESSENGER)
    .order_by(
        case((_CONVERSATION.c.state == ConversationState.CLOSED.value, 1), else_=0),
        _CONVERSATION.c.updated_at.desc(),
        _CONVERSATION.c.id.desc(),
    )
    .limit(_LATEST + _LATEST_OPEN)
)


@dataclass(frozen=True)
class News:
    """What is new to a visitor, the most recently changed last. ``is_more``: poll again immediately."""

    views: list[ContactView]
    is_more: bool


@dataclass(slots=True)
class _Cached:
    """A visitor's conversations (id to revision) as of the change ``serial``."""

    visitor: Visitor
    revisions: dict[int, int]
    serial: int
    workspace_revision: int
    since_s: float


class Polls:
    """The poll cache of one process, shared by its threads."""

    def __init__(self, changes: ChangeCache) -> None:
        self._changes = changes
        self._lock = threading.Lock()
        self._cache: OrderedDict[str, _Cached] = OrderedDict()

    def news(self, database: Database, bearer: str, known: Mapping[int, int], *, at: datetime) -> tuple[Visitor, News]:
        """The visitor, and what changed in their conversations since the revisions that they know, by conversation id.

        "Nothing new" may come from the cache, which is at most ``ChangeCache.fresh_for_s`` behind.

        :raises NotFound: the token is unknown or has ended, or the session is over
        """
        serial = self._changes.follow(database.read_connection)
        cached = self._cache.get(bearer)
        current = cached if cached and self._is_current(cached, database) else None
        if current and _is_known(current.revisions, known):
            return current.visitor, News([], is_more=False)
        with database.read_connection() as connection:
            # Time ends a session. What ends a token changes a conversation, so a token that is cached has not ended.
            if current is None or current.visitor.is_signed:
                visitor = visitors.visitor(connection, bearer)
                is_same = current is not None and current.visitor == visitor
                revisions = current.revisions if current and is_same else _revisions(connection, visitor)
                current = self._store(bearer, visitor, revisions, serial)
            return current.visitor, _news(connection, current.visitor, current.revisions, known, at=at)

    def _is_current(self, cached: _Cached, database: Database) -> bool:
        is_old = time.monotonic() - cached.since_s > CACHED_FOR_S
        if is_old or cached.workspace_revision != self._changes.workspace_revision:
            return False
        contact_id, user_id = cached.visitor.contact_id, cached.visitor.user_id
        if contact_id is not None:
            return not self._changes.touched(cached.serial, contact_id, cached.revisions)
        serial = self._changes.serial
        if cached.serial == serial or user_id is None:
            return True
        with database.read_connection() as connection:
            is_unknown = visitors.user_contact(connection, user_id) is None
        if is_unknown:
            cached.serial = serial
        return is_unknown

    def _store(self, bearer: str, visitor: Visitor, revisions: dict[int, int], serial: int) -> _Cached:
        cached = _Cached(visitor, revisions, serial, self._changes.workspace_revision, time.monotonic())
        with self._lock:
            self._cache[bearer] = cached
            self._cache.move_to_end(bearer)
            if len(self._cache) > CACHED_MAX:
                self._cache.popitem(last=False)
        return cached


def earlier(
    session: Session | ReadConnection, visitor: Visitor, conversation_id: int, *, before: int, at: datetime
) -> ContactView:
    """The messages of one conversation before the message ``before``.

    :raises NotFound: there is no such conversation, or it is not the visitor's
    """
    if visitor.contact_id is None:
        raise NotFound("There is no such conversation.")
    return conversation_views.contact_page(session, conversation_id, visitor.contact_id, before=before, at=at)


def _is_known(revisions: Mapping[int, int], known: Mapping[int, int]) -> bool:
    return all(revision <= known.get(conversation_id, 0) for conversation_id, revision in revisions.items())


def _revisions(connection: ReadConnection, visitor: Visitor) -> dict[int, int]:
    """Id to revision of the conversations that a poll covers, the most recently changed last."""
    if visitor.contact_id is None:
        return {}
    found = _REVISIONS.all(connection, contact_id=visitor.contact_id)
    if len(found) > 1:
        found.sort(key=lambda row: (row[2], row[0]))
        found = [*(row for row in found[:-_LATEST] if row[3] != ConversationState.CLOSED), *found[-_LATEST:]]
    return {row[0]: row[1] for row in found}


def _news(
    connection: ReadConnection,
    visitor: Visitor,
    revisions: Mapping[int, int],
    known: Mapping[int, int],
    *,
    at: datetime,
) -> News:
    views: list[ContactView] = []
    is_more = False
    for conversation_id, revision in revisions.items():
        after = known.get(conversation_id, 0)
        if visitor.contact_id is None or revision <= after:
            continue
        if after:
            view = conversation_views.contact_news(connection, conversation_id, visitor.contact_id, after=after, at=at)
            is_more = is_more or view.revision < revision
        else:
            view = conversation_views.contact_page(connection, conversation_id, visitor.contact_id, at=at)
        views.append(view)
    return News(views, is_more)
