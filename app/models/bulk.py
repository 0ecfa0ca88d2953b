"""Bulk jobs: long changes of many contacts, imports, exports and exact counts, with their items and files."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import BIG_KEY, Base, one_of


class JobKind(StrEnum):
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    TAG = "tag"
    UNTAG = "untag"
    ARCHIVE = "archive"
    IMPORT_CHECK = "import_check"
    IMPORT = "import"
    EXPORT = "export"
    COUNT = "count"


class JobState(StrEnum):
    """``draft``: an upload or its settings are not complete; nothing runs before it is started."""

    DRAFT = "draft"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    CANCELED = "canceled"
    UNDOING = "undoing"
    UNDONE = "undone"
    FAILED = "failed"


class FilePurpose(StrEnum):
    UPLOAD = "upload"
    RESULT = "result"


_HAS_DETAILS = text("details IS NOT NULL")
_IS_UNDONE = text("undo_outcome IS NOT NULL")
UNFINISHED = (JobState.QUEUED, JobState.RUNNING, JobState.UNDOING)
_UNFINISHED = text("state IN ('queued', 'running', 'undoing')")


class BulkJob(Base):
    """One job. The worker runs it in chunks; each chunk is one transaction that also moves ``position``.

    ``is_reading``: it changes no contact (a dry run, an export, a count), so it need not wait for other jobs.
    ``parameters`` are what was asked for, ``position`` is where the next chunk begins; both depend on the kind.
    ``done`` of ``total`` contacts or rows are through (``total`` is null until it is known): ``changed``,
    ``unchanged``, or skipped for a reason (``skipped``: how many for each). ``undo`` has the same counts of an undo.
    ``claimed_by`` is the part that works on it, until ``claimed_at`` is too old. ``attempts`` counts failures since the
    last chunk that succeeded.
    """

    __tablename__ = "bulk_jobs"
    __table_args__ = (
        one_of("kind", JobKind),
        one_of("state", JobState),
        CheckConstraint("done >= 0 AND changed >= 0 AND unchanged >= 0", name="counts"),
        Index("ix_bulk_jobs_unfinished", "id", sqlite_where=_UNFINISHED, postgresql_where=_UNFINISHED),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(12))
    is_reading: Mapped[bool]
    subscription_type_id: Mapped[int | None] = mapped_column(ForeignKey("subscription_types.id"))
    parameters: Mapped[dict[str, Any]]
    position: Mapped[dict[str, Any]] = mapped_column(default=dict)
    total: Mapped[int | None]
    done: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[dict[str, Any]] = mapped_column(default=dict)
    undo: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    is_cancel_requested: Mapped[bool] = mapped_column(default=False)
    claimed_by: Mapped[str | None] = mapped_column(String(32))
    claimed_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(String(255))
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class BulkJobItem(Base):
    """What a job did with one contact: ``changed``, ``unchanged`` or the reason why it was skipped.

    ``event_id`` is the event of the ledger that it wrote, ``undo_event_id`` the one that an undo wrote.
    ``undo_outcome`` is ``restored`` or the reason why it was left alone. ``details`` depends on the kind of job; an
    import keeps the values here that it replaced. Deleted 30 days after the job, and ``details`` when the person is
    erased.
    """

    __tablename__ = "bulk_job_items"
    __table_args__ = (
        # For erasing a person: few jobs keep details.
        Index("ix_bulk_job_items_details", "contact_id", sqlite_where=_HAS_DETAILS, postgresql_where=_HAS_DETAILS),
        # For lists by outcome: few contacts of a large job may have one.
        Index("ix_bulk_job_items_outcome", "job_id", "outcome", "contact_id"),
        Index(
            "ix_bulk_job_items_undo_outcome",
            "job_id",
            "undo_outcome",
            "contact_id",
            sqlite_where=_IS_UNDONE,
            postgresql_where=_IS_UNDONE,
        ),
    )

    job_id: Mapped[int] = mapped_column(BIG_KEY, ForeignKey("bulk_jobs.id"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(32))
    event_id: Mapped[int | None] = mapped_column(BIG_KEY)
    undo_outcome: Mapped[str | None] = mapped_column(String(32))
    undo_event_id: Mapped[int | None] = mapped_column(BIG_KEY)
    details: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class JobFile(Base):
    """A file that was uploaded for a job or made by it, in slices. Deleted 30 days after it was made."""

    __tablename__ = "job_files"
    __table_args__ = (
        one_of("purpose", FilePurpose),
        Index("ix_job_files_job_id", "job_id"),
        Index("ix_job_files_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(BIG_KEY, ForeignKey("bulk_jobs.id"))
    purpose: Mapped[str] = mapped_column(String(8))
    name: Mapped[str] = mapped_column(String(255))
    media_type: Mapped[str] = mapped_column(String(80))
    size_bytes: Mapped[int] = mapped_column(BIG_KEY)
    slices: Mapped[int]
    created_at: Mapped[datetime]


class JobFileSlice(Base):
    """At most 512 kB of a file, so that neither a request nor a row gets large."""

    __tablename__ = "job_file_slices"

    file_id: Mapped[int] = mapped_column(ForeignKey("job_files.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(LargeBinary)
