"""Publishes the head of the ledger once a day: to webhooks with the topic ``ledger.head``, and to a file."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.config import Settings
from app.core import clock, outbox
from app.core.ledger import head, head_file
from app.core.webhooks import endpoints
from app.db import Database

# Shorter than a day, so that a check each hour publishes at least once a day.
EVERY = timedelta(hours=23)
# PostgreSQL's advisory lock, so that two workers publish one head. On SQLite writers take turns anyway.
_LOCK = text("SELECT pg_advisory_xact_lock(4275)")


def publish_when_due(database: Database, settings: Settings) -> list[str]:
    """Publish the head everywhere it was not published in the last day. Returns the ways: ``webhook``, ``file``.

    Before the first seal there is no head, and nothing is published.

    :raises OSError: the file cannot be written; the webhook is sent all the same
    """
    ways = ["webhook"] if _publish(database, "webhook", _to_webhooks) else []
    if settings.ledger_head_file:
        file = Path(settings.ledger_head_file)
        is_written = _publish(database, "file", lambda _session, current: head_file.append(file, current))
        ways += ["file"] if is_written else []
    return ways


def _publish(database: Database, way: str, send: Callable[[Session, dict[str, Any]], object]) -> bool:
    """Send the head when it is due, and remember it.

    :param send: returns false when the head is wanted nowhere
    """
    now = clock.now()
    with database.unit_of_work() as session:
        if not database.is_sqlite:
            session.execute(_LOCK)
        last, current = head.last_published(session, way=way), head.current(session)
        is_due = last is None or abs(now - last.published_at) >= EVERY  # a clock ahead is set back
        if current is None or not is_due or send(session, current) is False:
            return False
        head.mark_published(session, current, way=way, at=now)
        return True


def _to_webhooks(session: Session, current: dict[str, Any]) -> bool:
    if not endpoints.is_topic_chosen(session, endpoints.HEAD_TOPIC):
        return False
    outbox.add(session, [endpoints.HEAD_TOPIC], contact_id=None, payload=current, at=clock.now())
    return True
