"""All outbound chats, the newest first."""

from flask import render_template, request

from app.core.forms import publishing
from app.core.outbound_chats import drafts, report
from app.core.workspace import settings
from app.web import ids
from app.web.outbound_chats.blueprint import blueprint
from app.web.services import read_only
from app.web.sign_in.setup import marketer_required

PAGE_SIZE = 25


@blueprint.get("/outbound-chats")
@marketer_required
def list_page() -> str:
    after = request.args.get("after", type=ids.whole_number)
    with read_only() as session:
        found = drafts.page(session, after=after, limit=PAGE_SIZE + 1)
        shown = found[:PAGE_SIZE]
        return render_template(
            "outbound_chats/list.html",
            chats=shown,
            delivered=report.delivered_counts(session, [each.id for each in shown]),
            forms=publishing.names(session, {each.form_id for each in shown if each.form_id}),
            is_first=after is None,
            next_after=shown[-1].id if len(found) > PAGE_SIZE else None,
            time_zone=settings.get(session).time_zone,
        )
