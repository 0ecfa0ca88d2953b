"""The ledger: append-only events, the evidence beside them, the words that were shown, the seals."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base

BIG_KEY = BigInteger().with_variant(Integer(), "sqlite")


class Action(StrEnum):
    OPT_IN = "opt_in"
    OPT_OUT = "opt_out"


class Source(StrEnum):
    FORM = "form"
    PREFERENCE_CENTER = "preference_center"
    KEYWORD = "keyword"
    AGENT = "agent"
    API = "api"
    IMPORT = "import"
    BULK = "bulk"
    SITE = "site"
    CONNECTOR = "connector"
    CARRIER = "carrier"
    VERIFICATION = "verification"


class EvidenceLevel(StrEnum):
    """How sure we are that it was the person; from weakest to strongest."""

    REPORTED = "reported"
    IMPORT = "import"
    WEB_UNVERIFIED = "web_unverified"
    PERSONAL_LINK = "personal_link"
    SIGNED_IDENTITY = "signed_identity"
    OTP = "otp"
    MO_REPLY = "mo_reply"


class ConsentEvent(Base):
    """One line of the ledger. Never changed, never deleted: triggers refuse both.

    ``leaf`` and ``seal_id`` are null until the sealer fills both, the only update that the trigger allows.
    ``contact_id`` is no foreign key: the line outlives the contact. ``recorded_xid`` is PostgreSQL's transaction id.
    """

    __tablename__ = "consent_events"
    __table_args__ = (
        Index("ix_consent_events_contact_id_id", "contact_id", "id"),
        Index("ix_consent_events_destination_hash_id", "destination_hash", "id"),
        Index("ix_consent_events_inserted_form_id", "inserted_form_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    contact_id: Mapped[int]
    subscription_type_id: Mapped[int] = mapped_column(ForeignKey("subscription_types.id"))
    action: Mapped[str] = mapped_column(String(8))
    source: Mapped[str] = mapped_column(String(24))
    actor: Mapped[str] = mapped_column(String(64))
    evidence_level: Mapped[str] = mapped_column(String(24))
    destination_hash: Mapped[str | None] = mapped_column(String(32))
    form_version_id: Mapped[int | None] = mapped_column(ForeignKey("optin_form_versions.id"))
    inserted_form_id: Mapped[int | None] = mapped_column(BIG_KEY)
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_xid: Mapped[int | None] = mapped_column(BigInteger)
    leaf: Mapped[bytes | None] = mapped_column(LargeBinary)
    seal_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_seals.id"))


class ConsentEvidence(Base):
    """What proves one event and identifies a person. Never changed; it can be erased, the event cannot."""

    __tablename__ = "consent_evidence"

    event_id: Mapped[int] = mapped_column(BIG_KEY, ForeignKey("consent_events.id"), primary_key=True)
    destination: Mapped[str | None] = mapped_column(String(254))
    address: Mapped[str | None] = mapped_column(String(64))
    user_agent: Mapped[str | None] = mapped_column(String(512))
    origin: Mapped[str | None] = mapped_column(String(255))
    page: Mapped[str | None] = mapped_column(Text)
    locale: Mapped[str | None] = mapped_column(String(8))
    wording_hash: Mapped[str | None] = mapped_column(ForeignKey("wordings.hash"))
    note: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    salt: Mapped[bytes] = mapped_column(LargeBinary)


class Wording(Base):
    """The exact words once shown, addressed by the SHA-256 of ``body`` (canonical JSON)."""

    __tablename__ = "wordings"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    body: Mapped[str] = mapped_column(Text)


class LedgerSeal(Base):
    """One batch of sealed events: Merkle root, the seal before, count and signature."""

    __tablename__ = "ledger_seals"

    id: Mapped[int] = mapped_column(primary_key=True)
    previous: Mapped[bytes] = mapped_column(LargeBinary)
    root: Mapped[bytes] = mapped_column(LargeBinary)
    count: Mapped[int]
    key_id: Mapped[str] = mapped_column(String(32))
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime]
