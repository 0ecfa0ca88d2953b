"""What became of each recipient: lists by outcome and reason, and a file."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.core import audit, clock, phone
from app.core.campaigns import drafts, outcomes, short_links
from app.core.campaigns.outcomes import Recipient
from app.core.workspace import settings
from app.models import Outcome
from app.web import csv_file, ids
from app.web.campaigns.blueprint import blueprint
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import current_actor, marketer_required

PAGE_SIZE = 50
_HEADER = ("contact_id", "name", "phone", "outcome", "reason", "rule", "error_code", "due_at", "changed_at")


@blueprint.get("/campaigns/<int:campaign_id>/recipients")
@marketer_required
def recipients_page(campaign_id: int) -> str:
    outcome, reason = request.args.get("outcome") or None, request.args.get("reason") or None
    after = request.args.get("after", type=ids.whole_number)
    with read_only() as session:
        campaign = drafts.get(session, campaign_id)
        found = outcomes.recipients_page(
            session, campaign.id, outcome=outcome, reason=reason, after=after, limit=PAGE_SIZE + 1
        )
        return render_template(
            "campaigns/recipients.html",
            campaign=campaign,
            outcome=outcome if outcome in set(Outcome) else None,
            reason=reason,
            recipients=found[:PAGE_SIZE],
            is_first=after is None,
            next_after=found[PAGE_SIZE - 1].contact_id if len(found) > PAGE_SIZE else None,
            time_zone=settings.get(session).time_zone,
            formatted=phone.formatted,
        )


@blueprint.post("/campaigns/<int:campaign_id>/report")
@marketer_required
def report(campaign_id: int) -> ResponseReturnValue:
    """What became of each recipient, as a file. The audit log keeps who downloaded it."""
    with unit_of_work() as session:
        subject = drafts.subject(drafts.get(session, campaign_id))
        audit.record(session, current_actor(), "campaign.downloaded", subject, {}, at=clock.now())
    rows = csv_file.chunks(
        lambda session, after: outcomes.recipients_page(session, campaign_id, after=after, limit=csv_file.CHUNK_SIZE),
        lambda each: each.contact_id,
        _row,
    )
    return csv_file.response(f"campaign-{campaign_id}.csv", _HEADER, rows)


@blueprint.get("/campaigns/<int:campaign_id>/clicks.csv")
@marketer_required
def clicks_file(campaign_id: int) -> ResponseReturnValue:
    """How often each link was opened, as a file. It holds no person."""
    with read_only() as session:
        found = short_links.clicks(session, drafts.get(session, campaign_id).id)
    return csv_file.response(f"campaign-{campaign_id}-clicks.csv", ("address", "clicks"), iter([list(found)]))


def _row(each: Recipient) -> tuple[object, ...]:
    times = (at.isoformat(timespec="seconds") if at else None for at in (each.due_at, each.changed_at))
    person = (each.contact_public_id, each.name, each.phone)
    return (*person, each.outcome, each.reason, each.rule, each.error_code, *times)
