"""Sender health: what became of the texts of the last days, and what people did after campaigns."""

from flask import render_template

from app.core import clock
from app.core.campaigns import health
from app.core.workspace import settings
from app.web.campaigns.blueprint import blueprint
from app.web.services import read_only
from app.web.sign_in.setup import marketer_required


@blueprint.get("/campaigns/health")
@marketer_required
def health_page() -> str:
    with read_only() as session:
        at, workspace = clock.now(), settings.get(session)
        found = health.read(session, at=at)
        lag = at - found.push.oldest_at if found.push.oldest_at else None
        return render_template(
            "campaigns/health.html",
            health=found,
            within_days=health.WITHIN_DAYS,
            lag_minutes=round(lag.total_seconds() / 60) if lag else 0,
            time_zone=workspace.time_zone,
            is_stopped=workspace.sending_stopped_at is not None,
            stopped_at=workspace.sending_stopped_at,
        )
