"""What failed in the background, where no one who waits for it sees the error."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, one_of


class FailureKind(StrEnum):
    """``job``: a task of the worker, by its name. ``mail``: a mail to an agent, by the address."""

    JOB = "job"
    MAIL = "mail"


class Failure(Base):
    """A job that failed, or an agent whom a mail did not reach, with how often and why the last time.

    ``problem`` is one short line without numbers and addresses of people.
    """

    __tablename__ = "failures"
    __table_args__ = (one_of("kind", FailureKind), Index("ix_failures_last_at", "last_at"))

    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str] = mapped_column(String(254), primary_key=True)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    count: Mapped[int] = mapped_column(default=1)
    problem: Mapped[str] = mapped_column(String(300))
