"""The tokens of anonymous visitors. Only the SHA-256 of a token is stored."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, func, or_, select, update
from sqlalchemy.orm import Session

from app.core.conversations import appending
from app.core.conversations.contact_messages import WRITER_COLUMNS, Writer
from app.core.signing import hash_of_token
from app.db import CompiledStatement, ReadConnection, insert_or_ignore
from app.models import Contact, Conversation, MessengerToken

PREFIX, LENGTH = "t_", 45
_KEY_PREFIX = "messenger:"
_RECORD_USE_EVERY = timedelta(days=1)
# A token that was not used for this long is deleted; the visitor starts again as a new lead.
UNUSED_AFTER, ENDED_AFTER = timedelta(days=400), timedelta(days=1)
_TOKEN = MessengerToken.__table__
_CONTACT = Contact.__table__
_FIND = CompiledStatement(
    select(_TOKEN.c.contact_id, _TOKEN.c.ended_at).where(_TOKEN.c.token_hash == bindparam("token_hash"))
)
_LOCK_LEAD = CompiledStatement(
    select(*WRITER_COLUMNS, _TOKEN.c.last_used_at)
    .select_from(_CONTACT.join(_TOKEN, _TOKEN.c.contact_id == _CONTACT.c.id))
    .where(_TOKEN.c.token_hash == bindparam("token_hash"), _TOKEN.c.ended_at.is_(None))
    .with_for_update(of=_CONTACT)
)
_USE = CompiledStatement(
    update(_TOKEN)
    .where(_TOKEN.c.token_hash == bindparam("token_hash"), _TOKEN.c.last_used_at < bindparam("yesterday"))
    .values(last_used_at=bindparam("at"))
)


def lead_of(session: Session | ReadConnection, token: str) -> int | None:
    """The lead of this token; null when the token is unknown or has ended."""
    found = _FIND.one(session, token_hash=hash_of_token(token))
    return int(found[0]) if found and found[1] is None else None


def lock_lead(session: Session, token: str, *, at: datetime) -> Writer | None:
    """The lead of this token, locked, who writes now: the use is recorded. Null as ``lead_of``."""
    token_hash = hash_of_token(token)
    if (row := _LOCK_LEAD.one(session, token_hash=token_hash)) is None:
        return None
    *writer, last_used_at = row
    if last_used_at < at - _RECORD_USE_EVERY:
        _use(session, token_hash, at=at)
    return Writer(*writer)


def has_ended(session: Session, token: str) -> bool:
    found = _FIND.one(session, token_hash=hash_of_token(token))
    return found is not None and found[1] is not None


def is_token(text: str) -> bool:
    """Whether the text has the shape of a token."""
    return text.startswith(PREFIX) and len(text) == LENGTH


def lead_key(token: str) -> str:
    """The lead key of a token. It is unique, so concurrent requests create one lead only."""
    return _lead_key(hash_of_token(token))


def is_lead_key(key: str) -> bool:
    """Whether this is the lead key of some token."""
    return key.startswith(_KEY_PREFIX)


def store(session: Session, token: str, lead_id: int, *, at: datetime) -> None:
    """Store the token of a lead; does nothing when the token is stored already."""
    row = {"token_hash": hash_of_token(token), "contact_id": lead_id, "created_at": at, "last_used_at": at}
    insert_or_ignore(session, MessengerToken, row)


def record_use(session: Session, token: str, *, at: datetime) -> None:
    """Record that the token was used, at most once a day, so that few calls cost a write."""
    _use(session, hash_of_token(token), at=at)


def end(session: Session, token: str, *, at: datetime) -> None:
    """End the token. Cached polls notice, because the lead's newest conversation gets a new revision."""
    ending = update(MessengerToken).where(
        MessengerToken.token_hash == hash_of_token(token), MessengerToken.ended_at.is_(None)
    )
    lead_id = session.scalar(ending.values(ended_at=at).returning(MessengerToken.contact_id))
    newest = select(func.max(Conversation.id)).where(Conversation.contact_id == lead_id)
    conversation_id = session.scalar(newest) if lead_id is not None else None
    if conversation_id is not None:
        appending.touch(session, appending.lock(session, conversation_id), at=at)
        session.flush()


def delete_expired(session: Session, *, at: datetime, limit: int = 1000) -> int:
    """Delete tokens that have ended or were not used for a long time; returns their number, at most ``limit``.

    A visitor who still has such a token becomes a new lead; the old lead is no longer found by it.
    """
    expired = or_(MessengerToken.last_used_at < at - UNUSED_AFTER, MessengerToken.ended_at < at - ENDED_AFTER)
    hashes = list(session.scalars(select(MessengerToken.token_hash).where(expired).limit(limit)))
    if hashes:
        leads = update(Contact).where(Contact.lead_key.in_([_lead_key(each) for each in hashes]))
        session.execute(leads.values(lead_key=None), execution_options={"synchronize_session": False})
        session.execute(delete(MessengerToken).where(MessengerToken.token_hash.in_(hashes)))
    return len(hashes)


def _use(session: Session, token_hash: str, *, at: datetime) -> None:
    _USE.run(session, token_hash=token_hash, at=at, yesterday=at - _RECORD_USE_EVERY)


def _lead_key(token_hash: str) -> str:
    return f"{_KEY_PREFIX}{token_hash[:48]}"
