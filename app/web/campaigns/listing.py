"""All campaigns, the newest first."""

from flask import render_template, request

from app.core.campaigns import drafts, outcomes
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.models import CampaignState
from app.web import formatting, ids
from app.web.campaigns.blueprint import blueprint
from app.web.services import read_only
from app.web.sign_in.setup import marketer_required

PAGE_SIZE = 25


@blueprint.get("/campaigns")
@marketer_required
def list_page() -> str:
    after = request.args.get("after", type=ids.whole_number)
    with read_only() as session:
        found = drafts.page(session, after=after, limit=PAGE_SIZE + 1)
        shown = found[:PAGE_SIZE]
        workspace = settings.get(session)
        return render_template(
            "campaigns/list.html",
            campaigns=shown,
            counts={each.id: outcomes.counts(session, each) for each in shown if each.state != CampaignState.DRAFT},
            types={each.id: each for each in subscription_types.find_all(session)},
            is_first=after is None,
            next_after=shown[-1].id if len(found) > PAGE_SIZE else None,
            names=formatting.actor_names(session),
            time_zone=workspace.time_zone,
            is_stopped=workspace.sending_stopped_at is not None,
        )
