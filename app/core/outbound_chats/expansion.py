"""Turns the audience of an outbound chat into recipients, in chunks by contact.

Every chunk is one transaction that writes recipients and moves the position. What a killed worker did not commit is
done again by another one; two workers cannot both commit a chunk (``core/contacts/expanding.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.contacts import expanding
from app.core.contacts.expanding import Expansion
from app.core.errors import InvalidState
from app.core.outbound_chats import audience, drafts, lifecycle
from app.core.outbound_chats.audience import Audience
from app.db import Same, dialect_of, insert_columns, is_in, run
from app.models import ChatOutcome, OutboundChat, OutboundChatRecipient, OutboundChatState

_CHAT = OutboundChat.__table__
_RECIPIENT = OutboundChatRecipient.__table__
_EXPANSION = Expansion(_CHAT)
CHUNK = 5_000


@dataclass(frozen=True)
class Chunk:
    """The next recipients behind ``position``."""

    position: int
    contact_ids: Sequence[int]
    is_last: bool


def due(session: Session, *, at: datetime) -> list[int]:
    """The outbound chats that a worker has to begin or go on with, and that none works on."""
    return _EXPANSION.due(session, at=at)


def claim(session: Session, chat_id: int, part: str, *, at: datetime) -> bool:
    """Claim an outbound chat for one part of the work; false where another part has it, or there is nothing to do."""
    return _EXPANSION.claim(session, chat_id, part, at=at)


def count(session: Session, chat_id: int) -> Audience | None:
    """The audience of an outbound chat that is about to begin; null where that is known. Only reads.

    :raises InvalidInput: the filter names what does not exist any more
    """
    chat = session.get_one(OutboundChat, chat_id)
    return None if chat.position or chat.total else audience.preview(session, chat.form_id, chat.query)


def begin(session: Session, chat_id: int, part: str, counted: Audience | None, *, at: datetime) -> bool:
    """Begin a claimed outbound chat, or go on with it. Returns whether there is something to expand.

    It is stopped instead where its form is not offered any more.
    """
    chat = drafts.lock(session, chat_id)
    if chat.claimed_by != part or chat.state not in {OutboundChatState.SCHEDULED, OutboundChatState.EXPANDING}:
        return False
    try:
        lifecycle.refuse_unready(session, chat, at=at)
    except InvalidState:
        lifecycle.stop_by_system(session, chat_id, lifecycle.FORM_NOT_OFFERED, at=at)
        return False
    if chat.state == OutboundChatState.SCHEDULED:
        lifecycle.begin(chat, at=at)
    if counted is not None:
        chat.total, chat.excluded = counted.total, dict(counted.excluded)
    session.flush()
    return True


def fail(session: Session, chat_id: int, *, at: datetime) -> None:
    """Stop an outbound chat whose audience cannot be read any more."""
    lifecycle.stop_by_system(session, chat_id, lifecycle.AUDIENCE, at=at)


def read(session: Session, chat_id: int, *, at: datetime, chunk: int = CHUNK) -> Chunk:  # noqa: ARG001 - jobs/expand.py
    """The next recipients. Only reads, so that no writer waits for it."""
    chat = session.get_one(OutboundChat, chat_id)
    scope = audience.scope_of(session, chat.form_id, chat.query)
    found = run(session, audience.eligible_after(scope, chat.position, chunk)).scalars().all()
    return Chunk(chat.position, found, is_last=len(found) < chunk)


def write(session: Session, chat_id: int, part: str, chunk: Chunk, *, at: datetime) -> None:
    """Write the recipients of a chunk, and move the position behind them.

    :raises InvalidState: another worker has it by now, or it was stopped; nothing may be committed
    """
    added = _write(session, chat_id, chunk.contact_ids, at) if chunk.contact_ids else 0
    values: dict[str, Any] = {"eligible": _CHAT.c.eligible + added, "claimed_at": at}
    values["position"] = chunk.contact_ids[-1] if chunk.contact_ids else chunk.position
    if chunk.is_last:
        values |= {"state": OutboundChatState.ACTIVE.value, "claimed_by": None, "claimed_at": None}
    _EXPANSION.advance(session, chat_id, part, chunk.position, values)
    if chunk.is_last:
        # Let the parts add up, although some people changed their mind while the recipients were written.
        chat = session.get_one(OutboundChat, chat_id, populate_existing=True)
        chat.total = chat.eligible + sum(chat.excluded.values())
        session.flush()


def _write(session: Session, chat_id: int, contact_ids: Sequence[int], at: datetime) -> int:
    """Write the recipients but those that a merge wrote already. Returns how many."""
    known = select(_RECIPIENT.c.contact_id).where(
        _RECIPIENT.c.outbound_chat_id == chat_id, is_in(dialect_of(session), _RECIPIENT.c.contact_id, "ids")
    )
    written = set(run(session, known, {"ids": list(contact_ids)}).scalars())
    new = sorted(expanding.not_erased(session, contact_ids) - written)
    if new:
        insert_columns(
            session,
            OutboundChatRecipient,
            {
                "contact_id": new,
                "outbound_chat_id": Same(chat_id),
                "outcome": Same(ChatOutcome.WAITING.value),
                "changed_at": Same(at),
            },
        )
    return len(new)
