"""The chunks of the jobs that tag, untag and archive contacts, and of their undo.

An undo leaves alone what was changed since: a tag that was detached or attached again, a contact that was brought
back.
"""

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.core.bulk import outcomes, selection
from app.core.bulk.outcomes import Item
from app.core.consent import locking
from app.core.consent.locking import SetRow
from app.core.consent.set_changes import Outcome
from app.core.contacts import sets, tags
from app.core.contacts.sets import Tagged
from app.core.ledger.canonical import microseconds
from app.models import BulkJob, JobKind

CHUNK = 1_000
# Of an undo: a contact that cannot be brought back, because another user has its address now.
ADDRESS_TAKEN = "address_taken"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Rows = dict[int, SetRow]


def tag(session: Session, job: BulkJob, at: datetime) -> bool:
    """Attach a tag to the next contacts; it is created with the first chunk. True: nothing is left."""

    def change(ids: Collection[int]) -> list[Item]:
        tag_id = _tag_id(session, job, at)
        rows = _rows(session, job, ids)
        have = sets.tagged(session, ids, tag_id) if tag_id else {}
        wanted = [Tagged(each, job.created_by, at) for each in rows if each not in have]
        if tag_id and not job.is_reading:
            sets.attach(session, tag_id, wanted, at=at)
        return _items(ids, rows, {each.contact_id: {"at": microseconds(at)} for each in wanted})

    return _run(session, job, change)


def untag(session: Session, job: BulkJob, at: datetime) -> bool:
    """Detach a tag from the next contacts. True: nothing is left."""

    def change(ids: Collection[int]) -> list[Item]:
        tag_id = _tag_id(session, job, at)
        rows = _rows(session, job, ids)
        have = sets.tagged(session, list(rows), tag_id) if tag_id else {}
        if tag_id and not job.is_reading:
            sets.detach(session, tag_id, list(have), at=at)
        details = {
            each.contact_id: {"by": each.created_by, "at": microseconds(each.created_at)} for each in have.values()
        }
        return _items(ids, rows, details)

    return _run(session, job, change)


def archive(session: Session, job: BulkJob, at: datetime) -> bool:
    """Archive the next contacts. True: nothing is left."""

    def change(ids: Collection[int]) -> list[Item]:
        rows = _rows(session, job, ids)
        wanted = [row for row in rows.values() if row.archived_at is None]
        if not job.is_reading:
            sets.archive(session, wanted, at=at)
        return _items(ids, rows, {row.id: {"at": microseconds(at)} for row in wanted})

    return _run(session, job, change)


def undo_tag(session: Session, job: BulkJob, at: datetime) -> bool:
    """Detach the tag from the next contacts that still have it from this job. True: nothing is left."""

    def change(rows: _Rows, done: dict[int, Any]) -> dict[int, str]:
        tag_id = job.parameters["tag_id"]
        have = sets.tagged(session, list(rows), tag_id)
        same = [each for each in have.values() if microseconds(each.created_at) == done[each.contact_id]["at"]]
        sets.detach(session, tag_id, [each.contact_id for each in same], at=at)
        return {each.contact_id: Outcome.RESTORED for each in same}

    return _undo(session, job, change)


def undo_untag(session: Session, job: BulkJob, at: datetime) -> bool:
    """Attach the tag again to the next contacts that do not have it. True: nothing is left."""

    def change(rows: _Rows, done: dict[int, Any]) -> dict[int, str]:
        tag_id = job.parameters["tag_id"]
        if not tags.exists(session, tag_id):
            return {}
        have = sets.tagged(session, list(rows), tag_id)
        again = [Tagged(each, done[each]["by"], _time(done[each]["at"])) for each in rows if each not in have]
        sets.attach(session, tag_id, again, at=at)
        return {each.contact_id: Outcome.RESTORED for each in again}

    return _undo(session, job, change)


def undo_archive(session: Session, job: BulkJob, at: datetime) -> bool:
    """Bring the next contacts back that are archived since this job. True: nothing is left."""

    def change(rows: _Rows, done: dict[int, Any]) -> dict[int, str]:
        same = [row for row in rows.values() if row.archived_at and microseconds(row.archived_at) == done[row.id]["at"]]
        taken = sets.with_taken_address(session, same)
        sets.unarchive(session, [row for row in same if row.id not in taken], at=at)
        return {row.id: ADDRESS_TAKEN if row.id in taken else Outcome.RESTORED for row in same}

    return _undo(session, job, change)


def _run(session: Session, job: BulkJob, change: Callable[[Collection[int]], list[Item]]) -> bool:
    ids = selection.next_chunk(session, job, CHUNK)
    if ids:
        outcomes.record(session, job, change(ids))
    return len(ids) < CHUNK


def _undo(session: Session, job: BulkJob, change: Callable[[_Rows, dict[int, Any]], dict[int, str]]) -> bool:
    found = outcomes.next_changed(session, job, CHUNK)
    if found:
        rows = sets.lock(session, [row.contact_id for row in found])
        kept = {row.contact_id: row.details for row in found if row.contact_id in rows and row.details}
        outcome = change({each: rows[each] for each in kept}, kept)
        items = [Item(each.contact_id, outcome.get(each.contact_id) or _left(rows, each.contact_id)) for each in found]
        outcomes.record_undo(session, job, items)
    return len(found) < CHUNK


def _left(rows: _Rows, contact_id: int) -> Outcome:
    return Outcome.CHANGED_SINCE if contact_id in rows else Outcome.ERASED


def _rows(session: Session, job: BulkJob, ids: Collection[int]) -> _Rows:
    if job.is_reading:
        rows = locking.read_set(session, ids)
        return {each: row for each, row in rows.items() if row.merged_into_id is None and row.erased_at is None}
    return sets.lock(session, ids)


def _items(ids: Collection[int], rows: _Rows, changed: dict[int, dict[str, Any]]) -> list[Item]:
    items = []
    for each in ids:
        outcome = Outcome.CHANGED if each in changed else Outcome.UNCHANGED
        items.append(Item(each, outcome if each in rows else Outcome.ERASED, None, changed.get(each)))
    return items


def _tag_id(session: Session, job: BulkJob, at: datetime) -> int | None:
    """The tag of a job, locked; null where it does not exist and is not to be created."""
    tag_id: int | None = job.parameters.get("tag_id")
    if tag_id is None:
        if job.kind == JobKind.TAG and not job.is_reading:
            tag_id = tags.create(session, job.parameters["tag"], actor=job.created_by, at=at).id
        else:
            found = tags.find_by_name(session, job.parameters["tag"])
            tag_id = found.id if found else None
        if tag_id is not None and not job.is_reading:
            job.parameters = {**job.parameters, "tag_id": tag_id}
    return tag_id if tag_id is not None and tags.exists(session, tag_id) else None


def _time(value: int) -> datetime:
    return _EPOCH + timedelta(microseconds=value)
