"""Tags of contacts, and notes about them."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import BIG_KEY, Base


class Tag(Base):
    """A label that contacts can have. ``name_key`` is the name in lower case: names differ by more than capitals."""

    __tablename__ = "tags"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    name_key: Mapped[str] = mapped_column(String(240), unique=True)
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class ContactTag(Base):
    """One contact has one tag. The primary key finds the contacts of a tag, the index the tags of a contact."""

    __tablename__ = "contact_tags"
    __table_args__ = (Index("ix_contact_tags_contact_id_tag_id", "contact_id", "tag_id"),)

    tag_id: Mapped[int] = mapped_column(ForeignKey("tags.id"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), primary_key=True)
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class ContactNote(Base):
    """What an agent wrote about a contact. The contact never sees it; erasing the person deletes it."""

    __tablename__ = "contact_notes"
    __table_args__ = (Index("ix_contact_notes_contact_id_id", "contact_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
