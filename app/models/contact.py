"""Contacts."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class ContactRole(StrEnum):
    USER = "user"
    LEAD = "lead"


class Contact(Base):
    """One person. Role ``user``: identified by ``external_id`` or email; role ``lead``: anonymous.

    ``phone`` is E.164 when it is a valid number, else the text as given. ``phone_hash`` is keyed (``core/signing.py``).
    ``email_hash`` is keyed, too, and null where ``email`` is not a valid address.
    ``sms_block`` is the first reason in this row that stops texts of every type; only ``core/consent/eligibility.py``
    computes it. Suppressions are not in it: they belong to the number.
    ``lead_key`` finds the same lead again for an anonymous person: by channel and destination, or by messenger token.
    ``former_phone_hashes`` are the hashes of earlier numbers, so that an erasure finds what is kept about those.
    A merged or erased contact stays archived, without any identifying data: its row remains because the ledger refers
    to its id.
    """

    __tablename__ = "contacts"
    __table_args__ = (
        CheckConstraint("role IN ('user', 'lead')", name="role"),
        # For searches by the beginning of a number, in the order of code points in every database locale.
        Index(
            "ix_contacts_phone",
            "phone",
            "id",
            postgresql_ops={"phone": "text_pattern_ops"},
            postgresql_where=text("phone IS NOT NULL"),
        ),
        Index("ix_contacts_phone_hash", "phone_hash", postgresql_where=text("phone_hash IS NOT NULL")),
        Index("ix_contacts_email", "email", postgresql_where=text("email IS NOT NULL")),
        Index("ix_contacts_created_at_id", "created_at", "id"),
        Index("ix_contacts_updated_at_id", "updated_at", "id"),
        Index(
            "ix_contacts_merged_into_id",
            "merged_into_id",
            sqlite_where=text("merged_into_id IS NOT NULL"),
            postgresql_where=text("merged_into_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(24), unique=True)
    role: Mapped[str] = mapped_column(String(8))
    external_id: Mapped[str | None] = mapped_column(String(255), unique=True)
    lead_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    name: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(String(254))
    email_hash: Mapped[str | None] = mapped_column(String(32))
    phone: Mapped[str | None] = mapped_column(String(64))
    phone_hash: Mapped[str | None] = mapped_column(String(32))
    former_phone_hashes: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    phone_country: Mapped[str | None] = mapped_column(String(2))
    gdpr_optin: Mapped[bool | None]
    sms_block: Mapped[str | None] = mapped_column(String(32))
    locale: Mapped[str | None] = mapped_column(String(16))
    time_zone: Mapped[str | None] = mapped_column(String(64))
    custom_attributes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    avatar: Mapped[str | None] = mapped_column(Text, doc="web address of a picture")
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    unsubscribed_from_emails: Mapped[bool] = mapped_column(server_default=text("false"))
    signed_up_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"))
    erased_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]
    blocked_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


# For the inbox search on PostgreSQL.
NAME_WORDS = Index(
    "ix_contacts_name_words",
    func.to_tsvector(text("'simple'"), Contact.name),
    postgresql_using="gin",
    postgresql_where=text("name IS NOT NULL"),
).ddl_if(dialect="postgresql")
