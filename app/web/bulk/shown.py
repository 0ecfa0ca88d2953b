"""What pages show of a job: its title, its selection in words, and its counts as rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app, url_for
from sqlalchemy.orm import Session

from app.core.bulk import jobs
from app.core.bulk.items import RESTORED
from app.core.bulk.jobs import CHANGED, UNCHANGED
from app.core.contacts import segments
from app.core.subscriptions import subscription_types
from app.models import BulkJob, JobKind, JobState
from app.web.bulk import labels

# Kinds of jobs with their own pages.
_PAGES = {JobKind.IMPORT: "imports.import_page", JobKind.EXPORT: "exports.list_page"}


@dataclass(frozen=True)
class Row:
    """How many contacts have one outcome."""

    outcome: str
    count: int


@dataclass(frozen=True)
class ShownJob:
    """A job with what its pages say about it.

    :param has_items: it kept what it did with each contact; a change of contacts does, for 30 days
    :param waits_for: the title of the job that must end first; ``waits_for_id``: its id
    """

    job: BulkJob
    title: str
    rows: list[Row]
    undo_rows: list[Row]
    is_unfinished: bool
    may_undo: bool
    has_items: bool
    waits_for: str | None = None
    waits_for_id: int | None = None

    @property
    def total(self) -> int | None:
        """How many contacts the job, or its undo, is about; null when that is not known yet."""
        return self.job.changed if self.is_undo else self.job.total

    @property
    def done(self) -> int:
        return int((self.job.undo or {}).get("done", 0)) if self.is_undo else self.job.done

    @property
    def is_undo(self) -> bool:
        return self.job.undo is not None

    @property
    def address(self) -> str:
        """The path of the job's page."""
        return own_page(self.job) or url_for("bulk.job_page", job_id=self.job.id)

    @property
    def items_of(self) -> int | None:
        """The id of the job whose contacts can be listed."""
        return self.job.id if self.has_items else None

    @property
    def state(self) -> str:
        return "canceling" if self.job.is_cancel_requested and self.job.state == JobState.RUNNING else self.job.state


@dataclass(frozen=True)
class Selected:
    """The contacts of a job: ``count`` of them by their ids, or those that match; ``segment`` is the name of one."""

    count: int | None = None
    filter: str | None = None
    search: str | None = None
    segment: str | None = None


def shown(session: Session, job: BulkJob, *, at: datetime) -> ShownJob:
    """A job as its pages show it."""
    return all_shown(session, [job], at=at)[0]


def all_shown(session: Session, found: Sequence[BulkJob], *, at: datetime) -> list[ShownJob]:
    """Jobs as their pages show them."""
    names = {each.id: each.name for each in subscription_types.find_all(session)}
    return [_shown(session, each, names, at=at) for each in found]


def own_page(job: BulkJob) -> str | None:
    """The path of the page that only this kind of job has; null where it has none."""
    endpoint = _PAGES.get(JobKind(job.kind))
    if endpoint not in current_app.view_functions:
        return None
    return url_for(endpoint, job_id=job.id if job.kind == JobKind.IMPORT else None)


def selection_of(session: Session, job: BulkJob) -> Selected | None:
    """The contacts of a job; null where it has no selection."""
    asked = job.parameters.get("selection")
    if asked is None:
        return None
    if "contact_ids" in asked:
        return Selected(count=len(asked["contact_ids"]))
    query = asked.get("query")
    compact = json.dumps(query, ensure_ascii=False, separators=(",", ":")) if query else None
    return Selected(filter=compact, search=asked.get("q") or None, segment=_segment(session, query))


def _segment(session: Session, query: Any) -> str | None:
    """The name of the segment where the query is that and nothing else; null too where it is deleted."""
    if not isinstance(query, dict) or query.get("field") != "segment_id" or query.get("operator") != "=":
        return None
    return next((each.name for each in segments.find_all(session) if each.public_id == query.get("value")), None)


def _shown(session: Session, job: BulkJob, names: Mapping[int, str], *, at: datetime) -> ShownJob:
    first = jobs.waits_for(session, job, at=at)
    return ShownJob(
        job,
        labels.title(job, names),
        _rows({"changed": job.changed, "unchanged": job.unchanged, "skipped": job.skipped}, CHANGED),
        _rows(job.undo or {}, RESTORED),
        is_unfinished=job.state in jobs.UNFINISHED,
        may_undo=jobs.may_undo(job, at=at) and job.changed > 0,
        has_items=job.done > 0 and jobs.has_items(job, at=at),
        waits_for=labels.title(first, names) if first else None,
        waits_for_id=first.id if first else None,
    )


def _rows(counts: Mapping[str, Any], changed: str) -> list[Row]:
    """What was changed first, then what was not, then the reasons, the most frequent first."""
    if not counts:
        return []
    skipped = sorted(counts["skipped"].items(), key=lambda pair: (-pair[1], pair[0]))
    first = [Row(changed, counts["changed"])]
    first += [Row(UNCHANGED, counts["unchanged"])] if counts["unchanged"] else []
    return [*first, *(Row(reason, number) for reason, number in skipped)]
