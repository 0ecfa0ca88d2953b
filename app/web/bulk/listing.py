"""Every bulk job, newest first."""

from flask import render_template, request

from app.core import clock
from app.core.bulk import jobs
from app.core.workspace import settings
from app.web import formatting, ids
from app.web.bulk.blueprint import blueprint
from app.web.bulk.shown import all_shown
from app.web.services import read_only
from app.web.sign_in.setup import marketer_required

PAGE_SIZE = 50


@blueprint.get("/bulk")
@marketer_required
def list_page() -> str:
    before = request.args.get("before", type=ids.whole_number)
    at = clock.now()
    with read_only() as session:
        found = jobs.newest(session, before_id=before, limit=PAGE_SIZE + 1)
        return render_template(
            "bulk/list.html",
            jobs=all_shown(session, found[:PAGE_SIZE], at=at),
            is_first=before is None,
            next_before=found[PAGE_SIZE - 1].id if len(found) > PAGE_SIZE else None,
            names=formatting.actor_names(session),
            time_zone=settings.get(session).time_zone,
        )
