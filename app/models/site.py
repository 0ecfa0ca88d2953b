"""What is known of the websites that use Assent."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class Script(StrEnum):
    """The scripts that a website loads."""

    EMBED = "embed"
    MESSENGER = "messenger"
    SITE = "site"


class SnippetOrigin(Base):
    """An origin whose pages loaded one of the scripts. Any page can say so: it is shown, and nothing depends on it.

    ``last_seen_at`` is at most an hour behind.
    """

    __tablename__ = "snippet_origins"

    origin: Mapped[str] = mapped_column(String(300), primary_key=True)
    script: Mapped[Script] = mapped_column(String(12), primary_key=True)
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]


class SiteSample(Base):
    """What the pages of one path sent last, without personal data.

    ``path`` has no query, and ids in it are replaced. ``shape`` contains kinds and codes of values, never values.
    ``last_seen_at`` and ``views`` are a few seconds behind.
    """

    __tablename__ = "site_samples"

    origin: Mapped[str] = mapped_column(String(300), primary_key=True)
    path: Mapped[str] = mapped_column(String(200), primary_key=True)
    shape: Mapped[dict[str, Any]]
    views: Mapped[int]
    first_seen_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    last_seen_at: Mapped[datetime] = mapped_column(index=True)


class SiteCountKind(StrEnum):
    """``refused``: a value of a page's user object; ``identity``: a signature that is not valid."""

    REFUSED = "refused"
    IDENTITY = "identity"


class SiteCount(Base):
    """How often websites sent something that was refused on one day (UTC), by reason (``phone_number:not_e164``)."""

    __tablename__ = "site_counts"

    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[SiteCountKind] = mapped_column(String(12), primary_key=True)
    reason: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]


class SiteClaim(Base):
    """The last claim that a page made about a contact: a keyed hash of it, so that a repeated claim writes nothing."""

    __tablename__ = "site_claims"

    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(32))
    claimed_at: Mapped[datetime] = mapped_column(index=True)
