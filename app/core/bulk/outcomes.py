"""What a job did with each contact, written chunk by chunk."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.core.bulk import jobs
from app.core.consent.set_changes import Outcome
from app.db import Same, insert_columns, insert_rows, run
from app.models import BulkJob, BulkJobItem

EXAMPLES_MAX = 20
_ITEM = BulkJobItem.__table__


class Item(NamedTuple):
    """What became of one contact: ``changed``, ``unchanged`` or the reason why it was skipped.

    Of an undo: ``restored``, or the reason why it was left alone. ``details`` is what the undo needs to know.
    """

    contact_id: int
    outcome: str
    event_id: int | None = None
    details: dict[str, Any] | None = None


def record(session: Session, job: BulkJob, items: Sequence[Item]) -> None:
    """Count what a chunk did, and keep it for the result and the undo. A dry run keeps some examples instead.

    The examples are ids of contacts by outcome, in ``position["examples"]``. ``position["after"]`` is the last contact.
    """
    outcomes: dict[str, int] = {}
    examples = {outcome: list(ids) for outcome, ids in job.position.get("examples", {}).items()}
    for each in items:
        outcomes[each.outcome] = outcomes.get(each.outcome, 0) + 1
        some = examples.setdefault(each.outcome, [])
        if len(some) < EXAMPLES_MAX:
            some.append(each.contact_id)
    if job.is_reading:
        job.position = {"after": items[-1].contact_id, "examples": examples}
    else:
        keep(session, job, items)
        job.position = {"after": items[-1].contact_id}
    jobs.add_outcomes(job, outcomes)


def keep(session: Session, job: BulkJob, items: Sequence[Item]) -> None:
    """Write what a chunk did with each contact."""
    if items:
        columns = dict(zip(Item._fields, zip(*items, strict=True), strict=True))
        insert_columns(session, BulkJobItem, {"job_id": Same(job.id), **columns}, several_at_once=True)


def next_changed(session: Session, job: BulkJob, limit: int) -> list[Any]:
    """The next contacts that a job changed: rows of ``contact_id``, ``event_id`` and ``details``."""
    query = select(_ITEM.c.contact_id, _ITEM.c.event_id, _ITEM.c.details).where(
        _ITEM.c.job_id == job.id, _ITEM.c.outcome == jobs.CHANGED, _ITEM.c.contact_id > job.position.get("after", 0)
    )
    return list(run(session, query.order_by(_ITEM.c.contact_id).limit(limit)))


def record_undo(session: Session, job: BulkJob, items: Sequence[Item]) -> None:
    """Count what a chunk of an undo did, and keep it beside what the job did."""
    outcomes: dict[str, int] = {}
    for each in items:
        outcome = jobs.CHANGED if each.outcome == Outcome.RESTORED else each.outcome
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    insert_rows(session, BulkJobItem, [_undone(job, each) for each in items], _keeping_the_rest)
    job.position = {"after": items[-1].contact_id}
    jobs.add_outcomes(job, outcomes)


def _undone(job: BulkJob, item: Item) -> Mapping[str, Any]:
    undone = {"undo_outcome": item.outcome, "undo_event_id": item.event_id}
    return {"job_id": job.id, "contact_id": item.contact_id, "outcome": jobs.CHANGED, **undone}


def _keeping_the_rest(insert: postgresql.Insert) -> postgresql.Insert:
    undone = {name: insert.excluded[name] for name in ("undo_outcome", "undo_event_id")}
    return insert.on_conflict_do_update(index_elements=_ITEM.primary_key, set_=undone)
