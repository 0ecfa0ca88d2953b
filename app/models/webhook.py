"""Webhook endpoints, the messages for them, and the state of each delivery."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import BIG_KEY, Base, one_of


class DisabledReason(StrEnum):
    """``gone``: the endpoint answered 410."""

    MANUAL = "manual"
    GONE = "gone"


class DeliveryState(StrEnum):
    """``failed``: not sent any more, unless it is replayed."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


_WAITING = text("state = 'waiting'")


class WebhookEndpoint(Base):
    """The address that webhooks are sent to, with its topics and secrets.

    Secrets are encrypted (``core/webhooks/signatures.py``), not hashed, because they are needed for signing.
    With ``has_hub_signature`` requests carry ``X-Hub-Signature``, as Intercom's do.
    ``consecutive_failures`` counts attempts since the last success; after many failures the endpoint is paused until
    ``paused_until``. A deleted endpoint is hidden; housekeeping deletes its deliveries.
    """

    __tablename__ = "webhook_endpoints"
    __table_args__ = (one_of("disabled_reason", DisabledReason),)

    id: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    topics: Mapped[list[str]] = mapped_column(default=list)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    previous_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_secret_until: Mapped[datetime | None]
    has_hub_signature: Mapped[bool] = mapped_column(default=False)
    disabled_reason: Mapped[str | None] = mapped_column(String(16))
    disabled_at: Mapped[datetime | None]
    enabled_at: Mapped[datetime]
    consecutive_failures: Mapped[int] = mapped_column(default=0)
    paused_until: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]
    last_failure_at: Mapped[datetime | None]
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class WebhookMessage(Base):
    """One event as it is published to all endpoints. ``public_id`` is the ``webhook-id`` of every attempt.

    ``body`` is built when the event is routed and does not change with its contact. ``event_id`` is the id of the
    outbox event; null for a test. ``contact_id`` is negative for an event about a number without a
    contact (``outbox.ordering_key_of_number``).
    """

    __tablename__ = "webhook_messages"
    __table_args__ = (
        Index("ix_webhook_messages_contact_id", "contact_id"),
        Index("ix_webhook_messages_created_at", "created_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(48), unique=True)
    event_id: Mapped[int | None] = mapped_column(BIG_KEY, unique=True)
    topic: Mapped[str] = mapped_column(String(40))
    contact_id: Mapped[int | None]
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class WebhookDelivery(Base):
    """The delivery of one message to one endpoint.

    Deliveries with the same ``ordering_key`` (a contact's id) are sent one after the other; null waits for none.
    ``attempts`` counts since the delivery was created or replayed, ``earlier_attempts`` before that.
    ``lease_id`` identifies the running attempt until ``leased_until``; after that, another attempt may start.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        one_of("state", DeliveryState),
        Index(
            "ix_webhook_deliveries_due",
            "endpoint_id",
            "next_attempt_at",
            "id",
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
        Index(
            "ix_webhook_deliveries_ordering_key",
            "endpoint_id",
            "ordering_key",
            "id",
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
        Index("ix_webhook_deliveries_endpoint_id_id", "endpoint_id", "id"),
        Index("ix_webhook_deliveries_endpoint_id_state_id", "endpoint_id", "state", "id"),
        Index("ix_webhook_deliveries_message_id", "message_id"),
        Index("ix_webhook_deliveries_created_at", "created_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("webhook_endpoints.id"))
    message_id: Mapped[int] = mapped_column(BIG_KEY, ForeignKey("webhook_messages.id"))
    ordering_key: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(12), default=DeliveryState.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    earlier_attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    give_up_at: Mapped[datetime]
    lease_id: Mapped[str | None] = mapped_column(String(16))
    leased_until: Mapped[datetime | None]
    first_attempt_at: Mapped[datetime | None]
    last_attempt_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    last_request_headers: Mapped[dict[str, Any] | None]
    last_status: Mapped[int | None]
    last_answer_headers: Mapped[dict[str, Any] | None]
    last_answer: Mapped[str | None] = mapped_column(Text)
    last_problem: Mapped[str | None] = mapped_column(Text)
    last_duration_ms: Mapped[int | None]
    created_at: Mapped[datetime]
