"""The one organization that this installation serves, and its policy."""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, LargeBinary, String, Text, text, true
from sqlalchemy.orm import Mapped, deferred, mapped_column

from app.models.base import Base


class Workspace(Base):
    """The table has one row, with the policy. Infrastructure and secrets are settings (``app/config.py``)."""

    __tablename__ = "workspace"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    name: Mapped[str] = mapped_column(String(120))
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    default_country: Mapped[str | None] = mapped_column(String(2))
    allowed_countries: Mapped[list[str]] = mapped_column(default=list, doc="ISO codes; empty: every country")
    allowed_origins: Mapped[list[str]] = mapped_column(default=list)
    privacy_url: Mapped[str] = mapped_column(Text, default="")
    terms_url: Mapped[str] = mapped_column(Text, default="")
    help_contact: Mapped[str] = mapped_column(Text, default="", doc="email address, phone number or web address")
    controller_name: Mapped[str] = mapped_column(
        String(120), default="", server_default="", doc="who is responsible for the data; empty: the workspace's name"
    )
    controller_address: Mapped[str] = mapped_column(Text, default="", server_default="", doc="postal address")
    controller_contact: Mapped[str] = mapped_column(Text, default="", server_default="", doc="empty: help_contact")
    jurisdiction: Mapped[str] = mapped_column(Text, default="", server_default="", doc="whose law applies")
    storage_location: Mapped[str] = mapped_column(Text, default="", server_default="", doc="where data is stored")
    purpose: Mapped[str] = mapped_column(Text, default="", server_default="", doc="added to that of each type")
    recipients: Mapped[list[str]] = mapped_column(
        default=list, server_default=text("'[]'"), doc="third parties that get the data, such as the SMS carrier"
    )
    accent_color: Mapped[str] = mapped_column(String(7), default="#0b6e4f", server_default=text("'#0b6e4f'"))
    submissions_per_address: Mapped[int] = mapped_column(default=600, doc="submissions an hour from one address")
    submissions_per_number: Mapped[int] = mapped_column(default=60, doc="submissions an hour for one number")
    api_calls_per_minute: Mapped[int] = mapped_column(
        default=10_000, server_default=text("10000"), doc="per token; counted in windows of ten seconds"
    )
    agents_write_legal_text: Mapped[bool] = mapped_column(
        default=True, server_default=true(), doc="whether agents may send forms with a legal text that no admin wrote"
    )
    erasure_requests: Mapped[bool] = mapped_column(
        default=True, server_default=true(), doc="whether people may ask for deletion on their preference page"
    )
    erasure_due_days: Mapped[int] = mapped_column(
        default=30, server_default=text("30"), doc="by when such a request is due"
    )
    evidence_retention_years: Mapped[int] = mapped_column(
        default=5, server_default=text("5"), doc="how long evidence is kept after the last opt-out"
    )
    messenger_key: Mapped[str] = mapped_column(String(32), default=lambda: secrets.token_urlsafe(12), doc="public")
    messenger_secret: Mapped[str] = mapped_column(
        String(64), default=lambda: secrets.token_hex(32), doc="sites sign their users' identity with it"
    )
    messenger_office_name: Mapped[str] = mapped_column(String(120), default="", doc="empty: the workspace's name")
    messenger_greeting: Mapped[dict[str, Any]] = mapped_column(default=dict, doc="locale to text")
    messenger_accent_color: Mapped[str] = mapped_column(String(7), default="", doc="empty: the workspace's")
    sending_stopped_at: Mapped[datetime | None] = mapped_column(doc="set: no marketing text is sent until it is lifted")
    stop_scope: Mapped[str] = mapped_column(
        String(12), default="all_sms", server_default=text("'all_sms'"), doc="programme, all_sms or all_channels"
    )
    quiet_hours: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True), doc="null: none; else as core/quiet_hours.py reads it"
    )
    frequency_cap: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True), doc='null: none; else {"messages": n, "hours": n} for one number'
    )
    texts_per_second: Mapped[int] = mapped_column(default=0, server_default=text("0"), doc="of one sender; 0: no limit")
    approval_above: Mapped[int | None] = mapped_column(
        doc="recipients from which a second person approves; null: never"
    )
    currency: Mapped[str] = mapped_column(String(3), default="USD", server_default=text("'USD'"))
    text_prices: Mapped[dict[str, Any]] = mapped_column(
        default=dict, server_default=text("'{}'"), doc="country to millionths of the currency for one segment"
    )
    confirmation_limits: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True), doc="null: the defaults of core/confirmations"
    )
    previous_messenger_secret: Mapped[str | None] = mapped_column(String(64), doc="valid until previous_secret_ends_at")
    previous_secret_ends_at: Mapped[datetime | None]
    site_subscription_type_id: Mapped[int | None] = mapped_column(
        doc="what sms_optin of a page's user object opts in to; null: nothing"
    )
    office_hours: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True), doc="null: always open; else as core/workspace/office_hours.py reads it"
    )
    bot_pause_hours: Mapped[int] = mapped_column(
        default=24, server_default=text("24"), doc="bots greet one person at most once in so many hours; 0: no limit"
    )
    number_rules: Mapped[str | None] = mapped_column(Text, doc="version of the rules of the last check of numbers")
    clock_noted_at: Mapped[datetime | None] = mapped_column(doc="when the worker looked at the clock last")
    clock_steady_since: Mapped[datetime | None] = mapped_column(doc="last jump of the clock; null: none was noted")
    unpurged_erasure_at: Mapped[datetime | None] = mapped_column(doc="last erasure that SQLite's files still show")
    is_demo: Mapped[bool] = mapped_column(default=False)
    logo: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    logo_type: Mapped[str | None] = mapped_column(String(40))
    logo_hash: Mapped[str | None] = mapped_column(String(16))
    key_check: Mapped[str] = mapped_column(String(64), doc="a value that only the matching secret key computes")
    revision: Mapped[int] = mapped_column(default=1, doc="grows with each change; caches are keyed by it")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
