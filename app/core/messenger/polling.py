"""What a visitor sees in the messenger: what is new since they last asked, and what was said before.

People with an open panel ask every second, and hardly ever is there something new. So a process remembers what it told
each of them, and asks the database again only when one of their conversations has changed since.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, bindparam, case, select
from sqlalchemy.orm import Session

from app.core.conversations import views as conversation_views
from app.core.conversations.change_cache import ChangeCache
from app.core.conversations.views import ContactView
from app.core.errors import NotFound
from app.core.messenger import visitors as messenger
from app.core.messenger.visitors import Visitor
from app.db import CompiledStatement, Database, ReadConnection
from app.models import Conversation, ConversationState

REMEMBERED = 20_000
# A token or a session that is over is noticed at the latest then; until then it is told that there is nothing new.
REMEMBERED_FOR_S = 120
# What a person finds when they come back, and what is followed while they are there: the newest lines of the
# conversations in which something happened last, and of the open ones among those before.
_LATEST, _LATEST_OPEN = 5, 20
KNOWN_CHARS_MAX = 100 * len("123456789012345678:123456789,")
_CONVERSATION = cast(Table, Conversation.__table__)


_STANDING = CompiledStatement(
    select(*(_CONVERSATION.c[name] for name in ("id", "revision", "updated_at", "state")))
    .where(_CONVERSATION.c.contact_id == bindparam("contact_id"), _CONVERSATION.c.last_message_number > 0)
    .order_by(
        case((_CONVERSATION.c.state == ConversationState.OPEN.value, 0), else_=1),
        _CONVERSATION.c.updated_at.desc(),
        _CONVERSATION.c.id.desc(),
    )
    .limit(_LATEST + _LATEST_OPEN)
)


@dataclass(frozen=True)
class News:
    """What is new to a visitor, where something happened last coming last; ``is_more``: ask again at once."""

    views: list[ContactView]
    is_more: bool


@dataclass(slots=True)
class _Remembered:
    """How a visitor's conversations stood (id to revision) when the process had heard of changes up to ``serial``."""

    who: Visitor
    standing: dict[int, int]
    serial: int
    workspace_revision: int
    since_s: float


class Polls:
    """The polls of one process; threads share it."""

    def __init__(self, changes: ChangeCache) -> None:
        self._changes = changes
        self._lock = threading.Lock()
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()

    def news(self, database: Database, bearer: str, known: Mapping[int, int], *, at: datetime) -> tuple[Visitor, News]:
        """Who asks, and what changed in their conversations since the revisions that they know, by conversation id.

        Nothing new is told from memory, which is at most ``ChangeCache.fresh_for_s`` behind.

        :raises NotFound: a stranger: an unknown or ended token, a session that is over
        """
        serial = self._changes.follow(database.read_connection)
        remembered = self._remembered.get(bearer)
        if remembered and self._still_holds(remembered, database) and _is_known(remembered.standing, known):
            return remembered.who, News([], is_more=False)
        with database.read_connection() as look:
            who = messenger.visitor(look, bearer)
            standing = _standing(look, who)
            told = _news(look, who, standing, known, at=at)
        self._remember(bearer, who, standing, serial)
        return who, told

    def _still_holds(self, remembered: _Remembered, database: Database) -> bool:
        is_old = time.monotonic() - remembered.since_s > REMEMBERED_FOR_S
        if is_old or remembered.workspace_revision != self._changes.workspace_revision:
            return False
        contact_id, user_id = remembered.who.contact_id, remembered.who.user_id
        if contact_id is not None:
            return not self._changes.touched(remembered.serial, contact_id, remembered.standing)
        serial = self._changes.serial
        if remembered.serial == serial or user_id is None:
            return True
        with database.read_connection() as read_connection:
            is_nobody_yet = messenger.user_contact(read_connection, user_id) is None
        if is_nobody_yet:
            remembered.serial = serial
        return is_nobody_yet

    def _remember(self, bearer: str, who: Visitor, standing: dict[int, int], serial: int) -> None:
        revision = self._changes.workspace_revision
        with self._lock:
            self._remembered[bearer] = _Remembered(who, standing, serial, revision, time.monotonic())
            self._remembered.move_to_end(bearer)
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)


def earlier(
    session: Session | ReadConnection, who: Visitor, conversation_id: int, *, before: int, at: datetime
) -> ContactView:
    """The lines of one conversation before the line ``before``.

    :raises NotFound: there is no such conversation, or it is not theirs
    """
    if who.contact_id is None:
        raise NotFound("There is no such conversation.")
    return conversation_views.contact_page(session, conversation_id, who.contact_id, before=before, at=at)


def _is_known(standing: Mapping[int, int], known: Mapping[int, int]) -> bool:
    return all(revision <= known.get(conversation_id, 0) for conversation_id, revision in standing.items())


def _standing(look: ReadConnection, who: Visitor) -> dict[int, int]:
    """Id to revision of the conversations that are followed, where something happened last coming last."""
    if who.contact_id is None:
        return {}
    found = _STANDING.all(look, contact_id=who.contact_id)
    if len(found) > 1:
        found.sort(key=lambda row: (row[2], row[0]))
        found = [*(row for row in found[:-_LATEST] if row[3] == ConversationState.OPEN), *found[-_LATEST:]]
    return {row[0]: row[1] for row in found}


def _news(
    look: ReadConnection, who: Visitor, standing: Mapping[int, int], known: Mapping[int, int], *, at: datetime
) -> News:
    views: list[ContactView] = []
    is_more = False
    for conversation_id, revision in standing.items():
        after = known.get(conversation_id, 0)
        if who.contact_id is None or revision <= after:
            continue
        if after:
            view = conversation_views.contact_news(look, conversation_id, who.contact_id, after=after, at=at)
            is_more = is_more or view.revision < revision
        else:
            view = conversation_views.contact_page(look, conversation_id, who.contact_id, at=at)
        views.append(view)
    return News(views, is_more)
