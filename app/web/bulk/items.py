"""What a job did with each contact: as lists by outcome, and as a file."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.core import audit, clock, phone
from app.core.bulk import items, jobs
from app.core.bulk.items import ItemWithContact
from app.core.workspace import settings
from app.web import csv_file, ids
from app.web.bulk.blueprint import blueprint
from app.web.bulk.shown import shown
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import current_actor, marketer_required

PAGE_SIZE = 50
_HEADER = ("contact_id", "external_id", "name", "phone", "email", "outcome", "undo_outcome")


@blueprint.get("/bulk/<int:job_id>/contacts")
@marketer_required
def items_page(job_id: int) -> str:
    """The contacts with one outcome of a job, or of its undo."""
    outcome, undo_outcome = (request.args.get(name, type=str) for name in ("outcome", "undo_outcome"))
    after = request.args.get("after", 0, type=ids.whole_number)
    with read_only() as session:
        job = jobs.find(session, job_id)
        found = items.page(
            session, job.id, outcome=outcome, undo_outcome=undo_outcome, after_id=after, limit=PAGE_SIZE + 1
        )
        return render_template(
            "bulk/items.html",
            job=shown(session, job, at=clock.now()),
            found=found[:PAGE_SIZE],
            outcome=outcome,
            undo_outcome=undo_outcome,
            is_first=after == 0,
            next_after=found[PAGE_SIZE - 1].contact.id if len(found) > PAGE_SIZE else None,
            time_zone=settings.get(session).time_zone,
            formatted=phone.formatted,
        )


@blueprint.post("/bulk/<int:job_id>/result")
@marketer_required
def result(job_id: int) -> ResponseReturnValue:
    """What a job did with each contact, as a file. The audit log keeps who downloaded it."""
    with unit_of_work() as session:
        job = jobs.find(session, job_id)
        audit.record(session, current_actor(), "bulk_job.downloaded", f"bulk_job:{job.id}", {}, at=clock.now())
    rows = csv_file.chunks(
        lambda session, after: items.page(session, job_id, after_id=after, limit=csv_file.CHUNK_SIZE),
        lambda each: each.contact.id,
        _row,
    )
    return csv_file.response(f"bulk-change-{job_id}.csv", _HEADER, rows)


def _row(each: ItemWithContact) -> tuple[object, ...]:
    contact, item = each.contact, each.item
    person = (contact.public_id, contact.external_id, contact.name, contact.phone, contact.email)
    return (*person, item.outcome, item.undo_outcome)
