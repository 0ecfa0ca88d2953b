"""The life of an outbound chat: scheduled, begun, stopped, ended.

A change of state takes effect immediately: no one gets a stopped one from then on. Its waiting recipients, and its
forms that are withdrawn, follow in chunks (``settling.py``).
"""

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import InvalidInput, InvalidState
from app.core.forms import publishing
from app.core.outbound_chats import audience
from app.core.outbound_chats.drafts import EDITABLE, lock, subject
from app.models import ChatOutcome, OptInForm, OutboundChat, OutboundChatRecipient, OutboundChatState

SCHEDULED_WITHIN = timedelta(days=5 * 365)
RUNNING = frozenset({OutboundChatState.EXPANDING, OutboundChatState.ACTIVE})
BY_AGENT, FORM_NOT_OFFERED, AUDIENCE = "agent", audience.FORM_NOT_OFFERED, "audience"
SYSTEM = "system"


def schedule(session: Session, chat_id: int, send_at: datetime, *, actor: str, at: datetime) -> OutboundChat:
    """Begin a draft at a time, or move the time of a scheduled one. Audited as ``outbound_chat.scheduled``.

    :raises NotFound: there is no such outbound chat
    :raises InvalidState: it has begun, or its form is not offered
    :raises InvalidInput: the time is past, more than five years ahead, or not before its end
    """
    chat = _not_begun(session, chat_id)
    if not at <= send_at <= at + SCHEDULED_WITHIN:
        raise InvalidInput("Choose a time in the future, within five years.", field="send_at")
    if chat.ends_at is not None and send_at >= chat.ends_at:
        raise InvalidInput("Choose a time before the end of the outbound chat.", field="send_at")
    refuse_unready(session, chat, at=at)
    chat.state, chat.send_at = OutboundChatState.SCHEDULED, send_at
    return _changed(session, chat, "scheduled", actor, at)


def unschedule(session: Session, chat_id: int, *, actor: str, at: datetime) -> OutboundChat:
    """Make a scheduled outbound chat a draft again. :raises InvalidState: it is not scheduled"""
    chat = lock(session, chat_id)
    if chat.state != OutboundChatState.SCHEDULED:
        raise InvalidState("This outbound chat is not scheduled.")
    chat.state, chat.send_at = OutboundChatState.DRAFT, None
    return _changed(session, chat, "unscheduled", actor, at)


def send(session: Session, chat_id: int, *, actor: str, at: datetime) -> OutboundChat:
    """Begin a draft or a scheduled outbound chat now: the worker begins within a second.

    Audited as ``outbound_chat.sent``.

    :raises NotFound, InvalidState: as ``schedule``
    """
    chat = _not_begun(session, chat_id)
    refuse_unready(session, chat, at=at)
    begin(chat, at=at)
    return _changed(session, chat, "sent", actor, at)


def begin(chat: OutboundChat, *, at: datetime) -> None:
    """Let the expansion of a locked outbound chat begin."""
    chat.state, chat.started_at, chat.position = OutboundChatState.EXPANDING, at, 0
    chat.send_at = chat.send_at or at


def stop(session: Session, chat_id: int, *, withdraws_forms: bool, actor: str, at: datetime) -> OutboundChat:
    """Stop an outbound chat: no one gets it any more. Audited as ``outbound_chat.stopped``.

    :param withdraws_forms: also withdraw its forms that were not answered
    :raises InvalidState: it has not begun, or has ended
    """
    chat = lock(session, chat_id)
    if chat.state not in RUNNING:
        raise InvalidState("Only an outbound chat that has begun and not ended can be stopped.")
    chat.is_withdrawing = withdraws_forms and chat.form_id is not None
    chat.edited_by = actor
    _stop(chat, BY_AGENT, at)
    return _changed(session, chat, "stopped", actor, at, withdraws_forms=chat.is_withdrawing)


def stop_by_system(session: Session, chat_id: int, reason: str, *, at: datetime) -> bool:
    """Stop an outbound chat that cannot begin or go on. Returns whether it was scheduled or running.

    :param reason: ``form_not_offered`` or ``audience``
    """
    chat = lock(session, chat_id)
    if chat.state not in RUNNING | {OutboundChatState.SCHEDULED}:
        return False
    _stop(chat, reason, at)
    _changed(session, chat, "stopped", SYSTEM, at, reason=reason)
    return True


def over(session: Session, *, at: datetime) -> list[int]:
    """The active outbound chats without a waiting recipient, or that have reached their end."""
    waiting = select(OutboundChatRecipient.contact_id).where(
        OutboundChatRecipient.outbound_chat_id == OutboundChat.id,
        OutboundChatRecipient.outcome == ChatOutcome.WAITING.value,
    )
    is_over = or_(OutboundChat.ends_at <= at, ~waiting.exists())
    active = select(OutboundChat.id).where(OutboundChat.state == OutboundChatState.ACTIVE.value, is_over)
    return list(session.scalars(active.order_by(OutboundChat.id)))


def end(session: Session, chat_id: int, *, at: datetime) -> None:
    """End an active outbound chat of ``over``."""
    chat = lock(session, chat_id)
    if chat.state == OutboundChatState.ACTIVE:
        chat.state, chat.finished_at, chat.updated_at = OutboundChatState.ENDED, at, at
        session.flush()


def may_deliver(chat: OutboundChat, *, at: datetime) -> bool:
    """Whether recipients get it at a visit now."""
    return chat.state in RUNNING and not is_past_end(chat, at=at)


def is_past_end(chat: OutboundChat, *, at: datetime) -> bool:
    return chat.ends_at is not None and chat.ends_at <= at


def refuse_unready(session: Session, chat: OutboundChat, *, at: datetime) -> None:
    """:raises InvalidState: its form is not offered, or its end is past
    :raises InvalidInput: its filter names what does not exist any more
    """
    if is_past_end(chat, at=at):
        raise InvalidState("The end of this outbound chat is in the past. Choose a later one.")
    if not audience.is_form_offered(session, form_of(session, chat)):
        raise InvalidState(
            "The form of this outbound chat is archived, or its subscription type is not live.",
            code=FORM_NOT_OFFERED,
        )
    audience.scope_of(session, chat.form_id, chat.query)


def form_of(session: Session, chat: OutboundChat) -> OptInForm | None:
    """The form that follows the message."""
    return publishing.find(session, chat.form_id) if chat.form_id is not None else None


def _not_begun(session: Session, chat_id: int) -> OutboundChat:
    chat = lock(session, chat_id)
    if chat.state not in EDITABLE:
        raise InvalidState("This outbound chat has begun already, or has ended.")
    return chat


def _stop(chat: OutboundChat, reason: str, at: datetime) -> None:
    chat.state, chat.stop_reason, chat.finished_at = OutboundChatState.STOPPED, reason, at
    chat.claimed_by = chat.claimed_at = None


def _changed(
    session: Session, chat: OutboundChat, act: str, actor: str, at: datetime, **details: object
) -> OutboundChat:
    chat.updated_at, chat.revision = at, chat.revision + 1
    audit.record(session, actor, f"outbound_chat.{act}", subject(chat), dict(details), at=at)
    session.flush()
    return chat
