"""Contacts."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    Text,
    func,
    literal_column,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class ContactRole(StrEnum):
    USER = "user"
    LEAD = "lead"


_OUT_OF_REACH = text("sms_block IS NOT NULL OR archived_at IS NOT NULL")
_HAD_NUMBERS = text("former_phone_hashes IS NOT NULL")


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
        # For searches by the beginning of an address.
        Index(
            "ix_contacts_email",
            "email",
            postgresql_ops={"email": "text_pattern_ops"},
            postgresql_where=text("email IS NOT NULL"),
        ),
        Index("ix_contacts_created_at_id", "created_at", "id"),
        Index("ix_contacts_updated_at_id", "updated_at", "id"),
        Index("ix_contacts_last_seen_at_id", "last_seen_at", "id"),
        Index("ix_contacts_phone_country_id", "phone_country", "id"),
        # The few contacts that a count of everyone who opted in takes away.
        Index("ix_contacts_out_of_reach", "id", sqlite_where=_OUT_OF_REACH, postgresql_where=_OUT_OF_REACH),
        Index("ix_contacts_former_numbers", "id", sqlite_where=_HAD_NUMBERS, postgresql_where=_HAD_NUMBERS),
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


def _number(value: int) -> ColumnElement[Any]:
    """A number in the text of the statement, so that the expression is the one of the index."""
    return literal_column(str(value))


_AT: ColumnElement[str] = literal_column("'@'")
# The order of names: without regard to capitals (on SQLite only of ASCII letters), by so many characters (on
# PostgreSQL, whose index entries have to stay small).
SORTED_NAME_MAX = 200
SORTED_NAMES: Mapping[str, ColumnElement[Any]] = {
    "sqlite": cast(Any, Contact.name).collate("NOCASE"),
    "postgresql": func.lower(func.left(Contact.name, _number(SORTED_NAME_MAX))),
}
# The last digits of a number.
ENDING_LENGTH = 4
PHONE_ENDINGS: Mapping[str, ColumnElement[Any]] = {
    "sqlite": func.substr(Contact.phone, _number(-ENDING_LENGTH)),
    "postgresql": func.right(Contact.phone, _number(ENDING_LENGTH)),
}
EMAIL_DOMAINS: Mapping[str, ColumnElement[Any]] = {
    "sqlite": func.substr(Contact.email, func.instr(Contact.email, _AT) + _number(1)),
    "postgresql": func.split_part(Contact.email, _AT, _number(2)),
}
# Indexes that only one database has, by its name.
# For the inbox search.
NAME_WORDS = Index(
    "ix_contacts_name_words",
    func.to_tsvector(text("'simple'"), func.without_marks(Contact.name)),
    postgresql_using="gin",
    postgresql_where=text("name IS NOT NULL"),
).ddl_if(dialect="postgresql")
ONLY_ON: Mapping[str, tuple[Index, ...]] = {
    "sqlite": (
        Index("ix_contacts_name_nocase_id", SORTED_NAMES["sqlite"], Contact.id).ddl_if(dialect="sqlite"),
        Index("ix_contacts_phone_substr_id", PHONE_ENDINGS["sqlite"], Contact.id).ddl_if(dialect="sqlite"),
        Index("ix_contacts_email_substr_id", EMAIL_DOMAINS["sqlite"], Contact.id).ddl_if(dialect="sqlite"),
    ),
    "postgresql": (
        NAME_WORDS,
        Index("ix_contacts_name_lower_id", SORTED_NAMES["postgresql"], Contact.id).ddl_if(dialect="postgresql"),
        Index("ix_contacts_phone_right_id", PHONE_ENDINGS["postgresql"], Contact.id).ddl_if(dialect="postgresql"),
        Index("ix_contacts_email_domain_id", EMAIL_DOMAINS["postgresql"], Contact.id).ddl_if(dialect="postgresql"),
    ),
}
