"""Helpers for tests of conversations, and the query plans of statements."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.orm import Session

from app.core.conversations import lifecycle, messages, views
from app.core.conversations.appending import LockedConversation, NewMessage
from app.core.errors import NotFound
from app.db import Database
from app.models import Conversation, Message
from tests import make
from tests.make import NOON

ANA = "agent:1"


def start(session: Session) -> LockedConversation:
    """Start an empty conversation with sam, who has a number."""
    return lifecycle.start(session, make.contact(session, phone_number=make.SAMS_NUMBER).id, at=NOON)


def post(session: Session, conversation_id: int, body: str = "Hello", author: str = "contact", **more: Any) -> Message:
    return messages.post(session, conversation_id, NewMessage(author, body, **more), at=NOON)


def bodies_seen_by_contact(session: Session, chat: Conversation, after: int = 0) -> list[str]:
    view = views.contact_news(session, chat.id, chat.contact_id, after=after, at=NOON)
    return [message.body for message in view.messages]


def unseen_by_contact(session: Session, conversation_id: int, contact_id: int) -> int:
    """The number of messages from others that the contact has not seen."""
    try:
        view = views.contact_page(session, conversation_id, contact_id, at=NOON)
    except NotFound:
        return 0
    return sum(not each.is_own and each.number > view.contact_seen_number for each in view.messages)


def started_by_contact(
    session: Session, body: str = "Hello", minute: int = 0, assignee_id: int | None = None, **who: object
) -> int:
    """Start a conversation with a message of its contact; returns its id."""
    at = NOON + timedelta(minutes=minute)
    chat = lifecycle.start(session, make.contact(session, **who).id, at=at, assignee_id=assignee_id)
    messages.post(session, chat.id, NewMessage("contact", body), at=at)
    return chat.id


def query_plans(database: Database, act: Callable[[Session], object]) -> str:
    """The plans of the statements that ``act`` runs, as if the tables were too large to be scanned."""
    with database.unit_of_work() as session:
        if not database.is_sqlite:
            session.execute(text("SET LOCAL enable_seqscan = off"))
            session.execute(text("SET LOCAL enable_sort = off"))
        statements: list[tuple[str, Any]] = []
        connection = session.connection()

        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            statements.append((statement, parameters))

        event.listen(connection, "before_cursor_execute", note)
        act(session)
        event.remove(connection, "before_cursor_execute", note)
        explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        plans = [connection.exec_driver_sql(f"{explain} {statement}", values).all() for statement, values in statements]
    return "\n".join(str(row) for plan in plans for row in plan)
