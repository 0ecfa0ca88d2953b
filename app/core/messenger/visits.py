"""A visit: the panel begins, and what waits for the visitor is written into their conversation.

A panel asks once whether something waits (``is_expected``, which only reads) and reports the visit then (``record``).
"""

from datetime import datetime

from sqlalchemy.orm import Session

from app.core.messenger import visitors
from app.core.messenger.visitors import Visitor
from app.core.outbound_chats import delivering


def is_expected(session: Session, visitor: Visitor) -> bool:
    """Whether something waits for this visitor."""
    return visitor.contact_id is not None and delivering.is_waiting(session, visitor.contact_id)


def record(session: Session, bearer: str, *, at: datetime) -> int:
    """Deliver the outbound chats that wait for a visitor; returns how many. Each is delivered once.

    :raises NotFound: the visitor is unknown
    """
    found = visitors.visitor(session, bearer)
    return delivering.deliver(session, found.contact_id, at=at) if found.contact_id is not None else 0
