"""Conversations between a contact and agents."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import BIG_KEY, Base, one_of


class ConversationState(StrEnum):
    """``outbound``: started by an outbound chat, or as one by the API, and neither the contact nor an agent wrote in it
    since. It is in no list of the inbox; the contact sees it as open.
    """

    OPEN = "open"
    CLOSED = "closed"
    OUTBOUND = "outbound"


class ConversationChannel(StrEnum):
    """How the contact writes and reads: in the messenger, or by text. A conversation never changes its channel."""

    MESSENGER = "messenger"
    SMS = "sms"


class MessageKind(StrEnum):
    """``note`` and ``event`` are for agents only; the contact never sees them."""

    MESSAGE = "message"
    NOTE = "note"
    FORM = "form"
    EVENT = "event"


_WITH_KEY = text("client_key IS NOT NULL")
_WITH_FORM = text("inserted_form_id IS NOT NULL")


class Conversation(Base):
    """One conversation. ``core/conversations/appending.py`` locks the row while it assigns numbers and revisions.

    ``last_number`` is the number of the newest message, ``last_message_number`` of the newest that is no event.
    ``revision`` grows with every change; ``last_contact_revision`` is the revision of the contact's last action.
    ``change_number`` orders changes of all conversations (``core/conversations/changes.py``). ``client_key`` is an
    idempotency key of the page that started the conversation.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        one_of("state", ConversationState),
        one_of("channel", ConversationChannel),
        Index("ix_conversations_state_updated_at_id", "state", "updated_at", "id"),
        Index("ix_conversations_state_assignee_id", "state", "assignee_id", "updated_at", "id"),
        Index("ix_conversations_contact_id_id", "contact_id", "id"),
        Index("ix_conversations_change_number", "change_number"),
        Index("ix_conversations_updated_at_id", "updated_at", "id"),
        Index(
            "ix_conversations_client_key",
            "contact_id",
            "client_key",
            unique=True,
            sqlite_where=_WITH_KEY,
            postgresql_where=_WITH_KEY,
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    channel: Mapped[str] = mapped_column(
        String(12), default=ConversationChannel.MESSENGER, server_default=text("'messenger'")
    )
    state: Mapped[str] = mapped_column(String(8), default=ConversationState.OPEN)
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    last_number: Mapped[int] = mapped_column(default=0)
    last_message_number: Mapped[int] = mapped_column(default=0)
    revision: Mapped[int] = mapped_column(default=0)
    last_contact_revision: Mapped[int] = mapped_column(default=0)
    contact_seen_number: Mapped[int] = mapped_column(default=0)
    change_number: Mapped[int] = mapped_column(BigInteger)
    client_key: Mapped[str | None] = mapped_column(String(64))
    custom_attributes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class Message(Base):
    """One message of a conversation. ``number`` counts them without gaps.

    ``revision`` is the conversation's at the message's last change (a form's card changes when it is seen and
    answered). ``author`` is ``contact``, ``agent:3``, ``bot:3`` (a rule of bots), ``outbound:4`` (an outbound chat) or
    ``system``. ``client_key`` is an idempotency key.
    """

    __tablename__ = "messages"
    __table_args__ = (
        CheckConstraint("kind IN ('message', 'note', 'form', 'event')", name="kind"),
        UniqueConstraint("conversation_id", "number"),
        Index("ix_messages_conversation_id_revision", "conversation_id", "revision"),
        Index(
            "ix_messages_client_key",
            "conversation_id",
            "client_key",
            unique=True,
            sqlite_where=_WITH_KEY,
            postgresql_where=_WITH_KEY,
        ),
        Index(
            "ix_messages_inserted_form_id",
            "inserted_form_id",
            unique=True,
            sqlite_where=_WITH_FORM,
            postgresql_where=_WITH_FORM,
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    conversation_id: Mapped[int] = mapped_column(BIG_KEY, ForeignKey("conversations.id"))
    number: Mapped[int]
    revision: Mapped[int]
    kind: Mapped[str] = mapped_column(String(8))
    author: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text, default="")
    inserted_form_id: Mapped[int | None] = mapped_column(BIG_KEY, ForeignKey("inserted_forms.id"))
    client_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]


class ConversationRead(Base):
    """The revision up to which an agent has read a conversation."""

    __tablename__ = "conversation_reads"

    conversation_id: Mapped[int] = mapped_column(BIG_KEY, ForeignKey("conversations.id"), primary_key=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"), primary_key=True)
    revision: Mapped[int]


class ConversationPresence(Base):
    """When an agent last had a conversation on the screen."""

    __tablename__ = "conversation_presence"

    conversation_id: Mapped[int] = mapped_column(BIG_KEY, ForeignKey("conversations.id"), primary_key=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"), primary_key=True)
    seen_at: Mapped[datetime]


# For the inbox search on PostgreSQL. On SQLite it uses the table ``message_search``, a trigram index that triggers
# maintain (migrations).
MESSAGE_WORDS = Index(
    "ix_messages_words",
    func.to_tsvector(text("'simple'"), func.without_marks(Message.body)),
    postgresql_using="gin",
).ddl_if(dialect="postgresql")
