"""The consent ledger: append-only events, their evidence, the texts that were shown, and the seals."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import BIG_KEY, Base, one_of


class Action(StrEnum):
    """What an event records. Events without a subscription type or contact name their subject by the destination."""

    OPT_IN = "opt_in"
    OPT_OUT = "opt_out"
    CLAIM = "claim"
    SUPPRESS = "suppress"
    LIFT = "lift"
    NUMBER_CHANGE = "number_change"
    GDPR_OFF = "gdpr_off"
    GDPR_ON = "gdpr_on"
    MERGE = "merge"
    ERASE = "erase"


class Source(StrEnum):
    """The way by which a change reached us."""

    FORM = "form"
    PREFERENCE_CENTER = "preference_center"
    KEYWORD = "keyword"
    AGENT = "agent"
    API = "api"
    IMPORT = "import"
    BULK = "bulk"
    SITE = "site"
    MESSENGER = "messenger"
    CONNECTOR = "connector"
    CARRIER = "carrier"
    VERIFICATION = "verification"
    SYSTEM = "system"


class EvidenceLevel(StrEnum):
    """How certain it is that the person acted, from weakest to strongest."""

    REPORTED = "reported"
    IMPORT = "import"
    WEB_UNVERIFIED = "web_unverified"
    PERSONAL_LINK = "personal_link"
    SIGNED_IDENTITY = "signed_identity"
    OTP = "otp"
    MO_REPLY = "mo_reply"


class ConsentEvent(Base):
    """One event of the ledger. Triggers refuse every change and deletion.

    ``evidence_hash`` is the SHA-256 of the evidence's salt and its canonical JSON, so that the evidence can be erased
    and the seals still hold. ``leaf`` and ``seal_id`` are null until the sealer fills both, the only update that the
    trigger allows. ``contact_id`` is no foreign key: the event outlives the contact. ``recorded_xid`` is PostgreSQL's
    transaction id.
    """

    __tablename__ = "consent_events"
    __table_args__ = (
        one_of("action", Action),
        one_of("source", Source),
        one_of("evidence_level", EvidenceLevel),
        Index("ix_consent_events_contact_id_id", "contact_id", "id"),
        Index("ix_consent_events_destination_hash_id", "destination_hash", "id"),
        Index("ix_consent_events_inserted_form_id", "inserted_form_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    contact_id: Mapped[int | None]
    subscription_type_id: Mapped[int | None] = mapped_column(ForeignKey("subscription_types.id"))
    action: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(24))
    actor: Mapped[str] = mapped_column(String(64))
    evidence_level: Mapped[str] = mapped_column(String(24))
    destination_hash: Mapped[str | None] = mapped_column(String(32))
    form_version_id: Mapped[int | None] = mapped_column(ForeignKey("optin_form_versions.id"))
    inserted_form_id: Mapped[int | None] = mapped_column(BIG_KEY)
    evidence_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_xid: Mapped[int | None] = mapped_column(BigInteger)
    leaf: Mapped[bytes | None] = mapped_column(LargeBinary)
    seal_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_seals.id"))


class ConsentEvidence(Base):
    """What proves one event and identifies a person.

    Erasure sets ``erased_at`` and clears every other column, salt included. Triggers refuse any other change, and every
    deletion.
    """

    __tablename__ = "consent_evidence"

    event_id: Mapped[int] = mapped_column(BIG_KEY, ForeignKey("consent_events.id"), primary_key=True)
    destination: Mapped[str | None] = mapped_column(String(254))
    ip_address: Mapped[str | None] = mapped_column(String(64))
    user_agent: Mapped[str | None] = mapped_column(String(512))
    origin: Mapped[str | None] = mapped_column(String(255))
    page: Mapped[str | None] = mapped_column(Text)
    locale: Mapped[str | None] = mapped_column(String(8))
    wording_hash: Mapped[str | None] = mapped_column(ForeignKey("wordings.hash"))
    note: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    salt: Mapped[bytes | None] = mapped_column(LargeBinary)
    erased_at: Mapped[datetime | None]


class Wording(Base):
    """The exact text that was once shown, addressed by the SHA-256 of ``body`` (canonical JSON)."""

    __tablename__ = "wordings"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    body: Mapped[str] = mapped_column(Text)


class LedgerSeal(Base):
    """One batch of sealed events: Merkle root, previous seal, count and signature."""

    __tablename__ = "ledger_seals"

    id: Mapped[int] = mapped_column(primary_key=True)
    previous: Mapped[bytes] = mapped_column(LargeBinary)
    root: Mapped[bytes] = mapped_column(LargeBinary)
    count: Mapped[int]
    key_id: Mapped[str] = mapped_column(String(32))
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime]


class SigningKey(Base):
    """An Ed25519 key that signs seals and receipts.

    ``private_key`` is encrypted by a key derived from the secret key. Retired keys stay for verifying.
    """

    __tablename__ = "signing_keys"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    private_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
