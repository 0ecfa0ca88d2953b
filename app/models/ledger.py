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
    and the seals still hold. ``facts`` are what the state depends on, without personal data, so they are sealed
    with the event and never erased; ``core/ledger/facts.py`` lists them. ``contact_id`` is no foreign key: the event
    outlives the contact. ``recorded_xid`` is PostgreSQL's transaction id; events are sealed in its order.
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
    is_persons_word: Mapped[bool] = mapped_column(doc="whether the person said so, as known when it was recorded")
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    recorded_at: Mapped[datetime]
    recorded_xid: Mapped[int | None] = mapped_column(BigInteger)


# For the sealer on PostgreSQL, where ids become visible out of order.
UNSEALED_ORDER = Index("ix_consent_events_recorded_xid_id", ConsentEvent.recorded_xid, ConsentEvent.id).ddl_if(
    dialect="postgresql"
)


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
    """One batch of sealed events, signed and linked to the seal before it. Triggers refuse every change and deletion.

    ``ids`` are the ids of its events as ranges, ``leaves`` their hashes of 32 bytes each in the order of the ids, so
    that a changed event can be named. The signature is over ``core/ledger/seals.py``'s record of version ``version``.
    ``restore`` tells what a restore from a backup replaced. ``up_to_xid`` and ``up_to_id`` are the position that the
    sealer reached on PostgreSQL; they are not signed, and not part of a backup.
    """

    __tablename__ = "ledger_seals"
    __table_args__ = (Index("ix_ledger_seals_last_id", "last_id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
    previous: Mapped[bytes] = mapped_column(LargeBinary)
    root: Mapped[bytes] = mapped_column(LargeBinary)
    count: Mapped[int]
    ids: Mapped[list[list[int]]] = mapped_column(JSON)
    first_id: Mapped[int | None] = mapped_column(BigInteger)
    last_id: Mapped[int | None] = mapped_column(BigInteger)
    leaves: Mapped[bytes] = mapped_column(LargeBinary)
    restore: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    key_id: Mapped[str] = mapped_column(String(64))
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime]
    up_to_xid: Mapped[int | None] = mapped_column(BigInteger)
    up_to_id: Mapped[int | None] = mapped_column(BigInteger)


class SigningKey(Base):
    """An Ed25519 key that signs seals and receipts. Its id is the thumbprint of its JWK (RFC 7638).

    ``private_key`` is encrypted by a key derived from the secret key, and deleted when the key is retired. ``proof`` is
    made with the secret key, too: it shows that this installation made the key.
    """

    __tablename__ = "signing_keys"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    private_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    proof: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class PublishedHead(Base):
    """A head of the ledger that was published outside the database: ``way`` is ``webhook``, ``file`` or ``command``."""

    __tablename__ = "ledger_heads"

    id: Mapped[int] = mapped_column(primary_key=True)
    seal_id: Mapped[int]
    head: Mapped[dict[str, Any]]
    way: Mapped[str] = mapped_column(String(16))
    published_at: Mapped[datetime]


class LedgerVerification(Base):
    """One verification of the ledger: asked for, then run by the worker. ``result`` is null until it ends."""

    __tablename__ = "ledger_verifications"

    id: Mapped[int] = mapped_column(primary_key=True)
    requested_by: Mapped[str] = mapped_column(String(64))
    requested_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
