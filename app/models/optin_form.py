"""Opt-in forms, their frozen versions, and inserted forms."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import BIG_KEY, Base


class OptInForm(Base):
    """``version`` is the number of the newest version. ``key`` is the random key in snippets.

    The allowed origins are not frozen: removing one takes effect immediately for every inserted form.
    ``is_inline``: configured in one conversation, for that conversation only; lists do not show it.
    """

    __tablename__ = "optin_forms"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    version: Mapped[int] = mapped_column(default=1)
    allowed_origins: Mapped[list[str]] = mapped_column(default=list)
    is_inline: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]


class OptInFormVersion(Base):
    """A form as it was published. A trigger refuses changes. Empty ``button_text`` means "Sign Up Now"."""

    __tablename__ = "optin_form_versions"
    __table_args__ = (UniqueConstraint("form_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    form_id: Mapped[int] = mapped_column(ForeignKey("optin_forms.id"))
    number: Mapped[int]
    subscription_type_id: Mapped[int] = mapped_column(ForeignKey("subscription_types.id"), index=True)
    locale: Mapped[str] = mapped_column(String(8))
    accent_color: Mapped[str] = mapped_column(String(7))
    default_country: Mapped[str | None] = mapped_column(String(2))
    verify_number: Mapped[str] = mapped_column(String(8), default="off", server_default=text("'off'"))
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]

    texts: Mapped[list["OptInFormText"]] = relationship(order_by="OptInFormText.locale", lazy="selectin")


class OptInFormText(Base):
    """One version's texts in one language. The version's own language has a row, too. Legal text is Markdown.

    A checkbox text in the version's own language means that the form has a box, which must be ticked.
    """

    __tablename__ = "optin_form_texts"

    version_id: Mapped[int] = mapped_column(ForeignKey("optin_form_versions.id"), primary_key=True)
    locale: Mapped[str] = mapped_column(String(8), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    button_text: Mapped[str] = mapped_column(Text, default="")
    legal_text: Mapped[str] = mapped_column(Text, default="")
    success_text: Mapped[str] = mapped_column(Text, default="")
    checkbox_text: Mapped[str] = mapped_column(Text, default="")


_ANSWERED = text("answered_at IS NOT NULL")


class InsertedForm(Base):
    """One version in one conversation or page for one contact. The row of a public form is created when it is answered.

    ``token`` is the last part of the embed's address; for a public form it is the nonce of that render. An answer that
    the person undid counts as none: ``answered_at`` is null again, and ``undone_at`` tells when.
    """

    __tablename__ = "inserted_forms"
    __table_args__ = (
        Index("ix_inserted_forms_contact_id_id", "contact_id", "id"),
        Index(
            "ix_inserted_forms_answered",
            "form_id",
            "answered_at",
            sqlite_where=_ANSWERED,
            postgresql_where=_ANSWERED,
        ),
    )

    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    token: Mapped[str] = mapped_column(String(32), unique=True)
    form_id: Mapped[int] = mapped_column(ForeignKey("optin_forms.id"))
    version_id: Mapped[int] = mapped_column(ForeignKey("optin_form_versions.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"))
    conversation_id: Mapped[int | None] = mapped_column(BIG_KEY, ForeignKey("conversations.id"))
    inserted_by: Mapped[str] = mapped_column(String(64))
    origin: Mapped[str | None] = mapped_column(String(255))
    submitted_destination_hash: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    confirming_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]


class FormDailyCount(Base):
    """How often a form was inserted, seen and submitted on one day, in shards against lock contention.

    ``day`` is one of the workspace's time zone. ``locale`` is the language that the form was shown in; empty where it
    was not shown yet. ``signed_up``: submissions that opted a person in who was not before.
    """

    __tablename__ = "form_daily_counts"

    form_id: Mapped[int] = mapped_column(ForeignKey("optin_forms.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    locale: Mapped[str] = mapped_column(String(8), primary_key=True, default="")
    shard: Mapped[int] = mapped_column(primary_key=True)
    inserted: Mapped[int] = mapped_column(default=0)
    seen: Mapped[int] = mapped_column(default=0)
    submitted: Mapped[int] = mapped_column(default=0)
    signed_up: Mapped[int] = mapped_column(default=0)
