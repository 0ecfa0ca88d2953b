"""Recipients that wait for an outbound chat that is over, and forms that are withdrawn, in chunks.

The change of state has taken effect already: this only lets the rows follow.
"""

from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from app.core.conversations import forms
from app.core.errors import InvalidState
from app.db import run
from app.models import ChatOutcome, InsertedForm, OutboundChat, OutboundChatRecipient, OutboundChatState

CHUNK, FORMS = 2_000, 50
_OVER = (OutboundChatState.STOPPED.value, OutboundChatState.ENDED.value)


def unfinished(session: Session) -> list[int]:
    """The outbound chats that are over and have waiting recipients, or forms to withdraw."""
    waiting = select(OutboundChatRecipient.contact_id).where(
        OutboundChatRecipient.outbound_chat_id == OutboundChat.id,
        OutboundChatRecipient.outcome == ChatOutcome.WAITING.value,
    )
    to_settle = or_(OutboundChat.is_withdrawing, waiting.exists())
    query = select(OutboundChat.id).where(OutboundChat.state.in_(_OVER), to_settle)
    return list(session.scalars(query.order_by(OutboundChat.id)))


def settle(session: Session, chat_id: int, *, at: datetime) -> None:
    """One chunk: waiting recipients become ``stopped``, then forms without an answer are withdrawn.

    The outbound chat is not locked: who visits holds their own row and waits for it.
    """
    chat = session.get_one(OutboundChat, chat_id)
    some = (
        select(OutboundChatRecipient.contact_id)
        .where(
            OutboundChatRecipient.outbound_chat_id == chat_id,
            OutboundChatRecipient.outcome == ChatOutcome.WAITING.value,
        )
        .order_by(OutboundChatRecipient.contact_id)
        .limit(CHUNK)
    )
    stopping = update(OutboundChatRecipient).where(
        OutboundChatRecipient.outbound_chat_id == chat_id,
        OutboundChatRecipient.outcome == ChatOutcome.WAITING.value,
        OutboundChatRecipient.contact_id.in_(some.scalar_subquery()),
    )
    stopped = run(session, stopping.values(outcome=ChatOutcome.STOPPED.value, changed_at=at)).rowcount
    if not stopped and chat.is_withdrawing:
        chat.is_withdrawing = _withdraw(session, chat, at)
        session.flush()


def _withdraw(session: Session, chat: OutboundChat, at: datetime) -> bool:
    """Withdraw some forms. Returns whether there may be more."""
    open_forms = (
        select(InsertedForm.id)
        .join(OutboundChatRecipient, OutboundChatRecipient.inserted_form_id == InsertedForm.id)
        .where(
            OutboundChatRecipient.outbound_chat_id == chat.id,
            InsertedForm.answered_at.is_(None),
            InsertedForm.withdrawn_at.is_(None),
            InsertedForm.expires_at > at,
        )
        .order_by(InsertedForm.id)
        .limit(FORMS)
    )
    found = session.scalars(open_forms).all()
    for inserted_form_id in found:
        try:
            forms.withdraw(session, inserted_form_id, actor=chat.edited_by or chat.created_by, at=at)
        except InvalidState:  # it was answered in the meantime
            continue
    return len(found) == FORMS
