"""What is known of the websites that use Assent."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import String
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
