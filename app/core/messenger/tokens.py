"""The tokens of anonymous visitors: found, used, ended, forgotten. Only the SHA-256 of a token is kept."""

from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Table, bindparam, delete, func, or_, select, update
from sqlalchemy.orm import Session

from app.core.accounts.api_tokens import hash_of
from app.core.conversations import appending
from app.db import CompiledStatement, ReadConnection, insert_or_ignore
from app.models import Contact, Conversation, MessengerToken

PREFIX, LENGTH = "t_", 45
# A visitor who neither wrote nor saw anything new for so long starts anew.
KEPT, KEPT_WHEN_ENDED = timedelta(days=400), timedelta(days=1)
_TOKEN = cast(Table, MessengerToken.__table__)
_FIND = CompiledStatement(
    select(_TOKEN.c.contact_id, _TOKEN.c.ended_at).where(_TOKEN.c.token_hash == bindparam("token_hash"))
)
_USE = CompiledStatement(
    update(_TOKEN)
    .where(_TOKEN.c.token_hash == bindparam("token_hash"), _TOKEN.c.last_used_at < bindparam("yesterday"))
    .values(last_used_at=bindparam("at"))
)


def lead_of(session: Session | ReadConnection, token: str) -> int | None:
    """The lead who wrote with this token; null for a token that nobody knows, or that is of no use any more."""
    found = _FIND.one(session, token_hash=hash_of(token))
    return int(found[0]) if found and found[1] is None else None


def has_ended(session: Session, token: str) -> bool:
    found = _FIND.one(session, token_hash=hash_of(token))
    return found is not None and found[1] is not None


def is_one(text: str) -> bool:
    """Whether this can be a token at all."""
    return text.startswith(PREFIX) and len(text) == LENGTH


def lead_key(token: str) -> str:
    """What makes the lead of a token one, however often it is made."""
    return _lead_key(hash_of(token))


def keep(session: Session, token: str, lead_id: int, *, at: datetime) -> None:
    """From now on the token means this lead. Kept before, it stands."""
    row = {"token_hash": hash_of(token), "contact_id": lead_id, "created_at": at, "last_used_at": at}
    insert_or_ignore(session, MessengerToken, row)


def use(session: Session, token: str, *, at: datetime) -> None:
    """Note that it was used, to the day, so that an act seldom costs another write."""
    _USE.run(session, token_hash=hash_of(token), at=at, yesterday=at - timedelta(days=1))


def end(session: Session, token: str, *, at: datetime) -> None:
    """The token is of no use any more. Polls that go by memory take notice by their lead's newest conversation."""
    ending = update(MessengerToken).where(
        MessengerToken.token_hash == hash_of(token), MessengerToken.ended_at.is_(None)
    )
    lead_id = session.scalar(ending.values(ended_at=at).returning(MessengerToken.contact_id))
    newest = select(func.max(Conversation.id)).where(Conversation.contact_id == lead_id)
    conversation_id = session.scalar(newest) if lead_id is not None else None
    if conversation_id is not None:
        appending.touch(session, appending.lock(session, conversation_id), at=at)
        session.flush()


def forget(session: Session, *, at: datetime, limit: int = 1000) -> int:
    """Delete tokens that ended, or that nobody used for long; how many comes back, at most ``limit``.

    Whoever still has one becomes somebody new: their lead is not found by it any more, nor made again.
    """
    over = or_(MessengerToken.last_used_at < at - KEPT, MessengerToken.ended_at < at - KEPT_WHEN_ENDED)
    hashes = list(session.scalars(select(MessengerToken.token_hash).where(over).limit(limit)))
    if hashes:
        leads = update(Contact).where(Contact.lead_key.in_([_lead_key(each) for each in hashes]))
        session.execute(leads.values(lead_key=None), execution_options={"synchronize_session": False})
        session.execute(delete(MessengerToken).where(MessengerToken.token_hash.in_(hashes)))
    return len(hashes)


def _lead_key(token_hash: str) -> str:
    return f"messenger:{token_hash[:48]}"
