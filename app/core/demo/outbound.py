"""The outbound chat of the demo: sent to a few people, of whom one signed up, and ended."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.conversations import messages
from app.core.demo import texts
from app.core.demo.people import OFFERS
from app.core.demo.shop import Shop
from app.core.outbound_chats import delivering, drafts, expansion, lifecycle, settling
from app.core.outbound_chats.drafts import ChatValues
from app.models import Contact, OutboundChatRecipient

_PART = "demo"
# Who gets it, and after how many hours they visit; null: not before it ends.
VISITS = {"Lucas Petit": 40, "Mia Rossi": 5, "Aoife Byrne": 71, "Yusuf Demir": None}
ENDS_AFTER = timedelta(days=5)


def send(session: Session, shop: Shop, *, at: datetime) -> None:
    """The marketer asks people who bought, but never signed up."""
    names = [{"field": "name", "operator": "=", "value": name} for name in VISITS]
    values = ChatValues(
        texts.OUTBOUND_NAME,
        texts.OUTBOUND_BODY,
        shop.forms[OFFERS].id,
        {"operator": "OR", "value": names},
        at + ENDS_AFTER,
    )
    chat = drafts.create(session, values, actor=shop.marketer, at=at)
    lifecycle.send(session, chat.id, actor=shop.marketer, at=at)
    expansion.claim(session, chat.id, _PART, at=at)
    session.expire(chat)
    if expansion.begin(session, chat.id, _PART, expansion.count(session, chat.id), at=at):
        expansion.write(session, chat.id, _PART, expansion.read(session, chat.id, at=at), at=at)


def visit(session: Session, contact: Contact, *, at: datetime) -> None:
    """One of them comes back and sees it."""
    delivering.deliver(session, contact.id, at=at)
    for recipient in session.scalars(select(OutboundChatRecipient).filter_by(contact_id=contact.id)):
        if recipient.conversation_id is not None and recipient.message_number is not None:
            messages.mark_seen_by_contact(session, recipient.conversation_id, recipient.message_number, at=at)


def end(session: Session, *, at: datetime) -> None:
    """It ends, and the one who did not come back does not get it any more."""
    for chat_id in lifecycle.over(session, at=at):
        lifecycle.end(session, chat_id, at=at)
        settling.settle(session, chat_id, at=at)
