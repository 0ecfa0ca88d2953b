"""Exact counts that take too long for a page: a job counts in chunks, and the page shows its result for a while."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from app.core.bulk import jobs
from app.core.contacts import filters, search, search_plans, typed_search
from app.core.contacts.search_walks import Order
from app.db import run
from app.models import BulkJob, Contact, JobKind, JobState

REMEMBERED = timedelta(minutes=10)
# So many ids are looked at in one transaction.
CHUNK = 50_000
_NEWEST = 50
_CONTACT = Contact.__table__


def start(session: Session, selection: Mapping[str, Any], *, actor: str, at: datetime) -> BulkJob:
    """The job that counts a selection: one that is counting it, or a new one.

    :param selection: ``query`` and ``q``, as ``core/bulk/selection.py`` has them
    """
    found = newest(session, selection, at=at)
    if found is not None and found.state in jobs.UNFINISHED:
        return found
    job = jobs.create(session, JobKind.COUNT, {"selection": selection}, actor=actor, at=at)
    jobs.start(session, job, at=at)
    return job


def newest(session: Session, selection: Mapping[str, Any], *, at: datetime) -> BulkJob | None:
    """The newest count of a selection that runs, or ended less than ``REMEMBERED`` ago; null where there is none."""
    counts = select(BulkJob).where(BulkJob.kind == JobKind.COUNT.value).order_by(BulkJob.id.desc()).limit(_NEWEST)
    for job in session.scalars(counts):
        is_recent = job.finished_at is None or job.finished_at > at - REMEMBERED
        is_usable = job.state == JobState.DONE or job.state in jobs.UNFINISHED
        if is_recent and is_usable and job.parameters["selection"] == selection:
            return job
    return None


def result(job: BulkJob) -> int:
    """How many contacts a count has found so far."""
    return int(job.position.get("found", 0))


def step(session: Session, job: BulkJob, at: datetime) -> bool:
    """Count in the next ids; true when all are counted. ``done`` of ``total`` are ids."""
    del at
    selection = job.parameters["selection"]
    filtered = filters.read(selection["query"]) if selection["query"] is not None else None
    query = typed_search.and_typed(filtered, selection["q"])
    last = job.total if job.total is not None else int(session.scalar(select(func.max(Contact.id))) or 0)
    begin = job.done
    end = last if search.is_typed(query) else min(begin + CHUNK, last)
    plan = search_plans.plan(query, Order(), search.context_of(session, query))
    key = plan.keys[-1]
    # both, or a planner walks from the start of one of them
    within = and_(key > begin, key <= end, _CONTACT.c.id > begin, _CONTACT.c.id <= end)
    counted = run(session, select(func.count()).select_from(plan.source).where(within, plan.where)).scalar_one()
    job.total, job.done = last, end
    job.position = {"found": result(job) + counted}
    return end >= last
