"""Rules by which a bot writes to visitors of the messenger."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, one_of


class BotTrigger(StrEnum):
    """``open``: the visitor opens the messenger; ``page``: is on a page; ``words``: writes one of the words."""

    OPEN = "open"
    PAGE = "page"
    WORDS = "words"


class BotHours(StrEnum):
    """When a rule applies: always, or only inside or outside office hours."""

    ALWAYS = "always"
    INSIDE = "inside"
    OUTSIDE = "outside"


class BotRule(Base):
    """One rule. Of the rules that match, the one with the lowest ``position`` applies.

    Conditions, null or empty where there is none: ``page`` is a path in which ``*`` matches anything; ``seconds``
    the time on the page; ``is_signed_in``; ``not_asked_type_id``: the person was never asked for this type;
    ``segment_id``: the person is in this segment. Each applies once to a person.
    """

    __tablename__ = "bot_rules"
    __table_args__ = (one_of("trigger", BotTrigger), one_of("hours", BotHours), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    position: Mapped[int]
    is_on: Mapped[bool] = mapped_column(default=False)
    trigger: Mapped[BotTrigger] = mapped_column(String(8))
    words: Mapped[list[str]] = mapped_column(default=list)
    page: Mapped[str] = mapped_column(String(300), default="")
    seconds: Mapped[int] = mapped_column(default=0)
    is_signed_in: Mapped[bool | None]
    not_asked_type_id: Mapped[int | None] = mapped_column(ForeignKey("subscription_types.id"))
    segment_id: Mapped[int | None] = mapped_column(ForeignKey("segments.id"))
    hours: Mapped[BotHours] = mapped_column(String(8), default=BotHours.ALWAYS)
    body: Mapped[str] = mapped_column(Text)
    form_id: Mapped[int | None] = mapped_column(ForeignKey("optin_forms.id"))
    revision: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class BotGreeting(Base):
    """A rule that applied to a contact. Of visitors without a contact nothing is stored."""

    __tablename__ = "bot_greetings"
    __table_args__ = (Index("ix_bot_greetings_contact_id", "contact_id", "greeted_at"),)

    rule_id: Mapped[int] = mapped_column(ForeignKey("bot_rules.id"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), primary_key=True)
    greeted_at: Mapped[datetime]
