"""Which contacts a bulk job is about: some by their public ids, or all that match a filter and a search text.

A selection is ``{"contact_ids": [public ids]}``, or ``{"query": filter or null, "q": search text}``. It is evaluated
while the job runs: contacts that match by then are part of it.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session

from app.core.bulk import jobs, outcomes
from app.core.bulk.outcomes import Item
from app.core.consent.set_changes import Outcome
from app.core.contacts import filters, search_plans, typed_search
from app.core.contacts import search as contact_search
from app.core.contacts.search_walks import Order
from app.core.errors import InvalidInput
from app.core.signing import is_public_id
from app.db import run
from app.models import BulkJob, Contact

IDS_MAX = 10_000
_CONTACT = Contact.__table__
Selection = Mapping[str, Any]


def check(session: Session, selection: Selection) -> None:
    """Check that a selection can be evaluated. An empty query selects every contact.

    :raises InvalidInput: it selects in no way or in two; an id, the query or the search text is invalid, or there are
        too many ids
    """
    if ("contact_ids" in selection) == bool({"query", "q"} & set(selection)):
        raise InvalidInput("Choose contacts either by their ids or by a filter.", field="contact_ids")
    if "contact_ids" in selection:
        _check_ids(selection["contact_ids"])
        return
    typed = selection.get("q") or ""
    if not isinstance(typed, str) or len(typed) > typed_search.TYPED_MAX:
        raise InvalidInput("A search is text of at most %(most)s characters.", field="q", most=typed_search.TYPED_MAX)
    if selection.get("query") is not None:
        contact_search.check(session, filters.read(selection["query"]))


def next_ids(session: Session, selection: Selection, after_id: int, limit: int) -> list[int]:
    """The ids of the next contacts after this one, in ascending order; empty at the end.

    Archived contacts are left out unless the query asks about them or a text is searched. Merged and erased ones are
    left out always.

    :param after_id: 0 for the first
    """
    ids, key = _ids(session, selection)
    # both bounds, or a planner walks from the start of one of them
    behind = and_(key > after_id, _CONTACT.c.id > after_id)
    return list(run(session, ids.where(behind).order_by(key).limit(limit)).scalars())


def next_chunk(session: Session, job: BulkJob, limit: int) -> list[int]:
    """The next contacts of a job after ``position["after"]``.

    Sets its total before the first, and counts the given contacts that are left out: ``archived``, ``merged``,
    ``erased`` or ``not_found``.
    """
    if job.total is None:
        job.total = count(session, job.parameters["selection"])
        _record_left_out(session, job, set(job.parameters["selection"].get("contact_ids", ())))
    return next_ids(session, job.parameters["selection"], job.position.get("after", 0), limit)


def count(session: Session, selection: Selection) -> int:
    """How many contacts are selected now, exactly."""
    ids, _ = _ids(session, selection)
    return int(run(session, select(func.count()).select_from(ids.subquery())).scalar_one())


def _record_left_out(session: Session, job: BulkJob, public_ids: set[str]) -> None:
    names = ("id", "archived_at", "merged_into_id", "erased_at")
    given = select(*(_CONTACT.c[name] for name in names)).where(_CONTACT.c.public_id.in_(public_ids))
    found = run(session, given).all()
    items = [Item(row.id, reason) for row in found if (reason := _why_left_out(row))]
    if not job.is_reading:
        outcomes.keep(session, job, items)
    left_out = Counter(each.outcome for each in items) + Counter({"not_found": len(public_ids) - len(found)})
    jobs.add_outcomes(job, left_out)
    job.total = (job.total or 0) + left_out.total()


def _why_left_out(row: Any) -> str | None:
    if row.erased_at is not None:
        return Outcome.ERASED
    if row.merged_into_id is not None:
        return Outcome.MERGED
    return Outcome.ARCHIVED if row.archived_at is not None else None


def _check_ids(ids: object) -> None:
    if not isinstance(ids, list) or not all(isinstance(each, str) and is_public_id(each) for each in ids):
        raise InvalidInput("Give a list of ids of contacts.", field="contact_ids")
    if not 1 <= len(ids) <= IDS_MAX:
        raise InvalidInput("Choose 1 to %(most)s contacts, or use a filter.", field="contact_ids", most=IDS_MAX)


def _ids(session: Session, selection: Selection) -> tuple[Select[Any], ColumnElement[int]]:
    """The query for the ids of the selected contacts, and the column that it can be read along."""
    if "contact_ids" in selection:
        wanted = _CONTACT.c.public_id.in_(selection["contact_ids"])
        return select(_CONTACT.c.id).where(wanted, _CONTACT.c.archived_at.is_(None)), _CONTACT.c.id
    raw = selection.get("query")
    filtered = filters.read(raw) if raw is not None else None
    query = typed_search.and_typed(filtered, str(selection.get("q") or ""))
    plan = search_plans.plan(query, Order(), contact_search.context_of(session, query))
    key = cast(ColumnElement[int], plan.keys[-1])
    return select(key).select_from(plan.source).where(plan.where), key
