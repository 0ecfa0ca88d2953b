"""The list of imports."""

from flask import render_template, request

from app.core.imports import drafts, report
from app.core.workspace import settings
from app.web import formatting, ids
from app.web.imports.blueprint import blueprint
from app.web.services import read_only
from app.web.sign_in.setup import marketer_required

PAGE_SIZE = 50


@blueprint.get("/imports")
@marketer_required
def list_page() -> str:
    """Every import, newest first, also those that were not started."""
    before = request.args.get("before", type=ids.whole_number)
    with read_only() as session:
        found = drafts.newest(session, before_id=before, limit=PAGE_SIZE + 1)
        return render_template(
            "imports/list.html",
            jobs=found[:PAGE_SIZE],
            reports={job.id: report.of_job(job) for job in found},
            next_before=found[PAGE_SIZE - 1].id if len(found) > PAGE_SIZE else None,
            is_first=before is None,
            names=formatting.agent_names(session),
            time_zone=settings.get(session).time_zone,
        )
