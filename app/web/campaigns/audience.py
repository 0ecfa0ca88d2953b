"""The audience of a campaign: the people behind each number, and why one person is not reached."""

from flask import render_template, request
from sqlalchemy.orm import Session

from app.core import phone
from app.core.campaigns import audience, drafts
from app.core.contacts import finding, records
from app.core.workspace import settings
from app.models import Campaign, Contact
from app.web import ids
from app.web.campaigns.blueprint import blueprint
from app.web.services import read_only
from app.web.sign_in.setup import marketer_required

PAGE_SIZE = 50
FOUND_MAX = 10


@blueprint.get("/campaigns/<int:campaign_id>/audience")
@marketer_required
def audience_page(campaign_id: int) -> str:
    """The people who are reached, or who are not for one reason."""
    reason, after = request.args.get("reason") or None, request.args.get("after", type=ids.whole_number)
    with read_only() as session:
        campaign = drafts.get(session, campaign_id)
        found = audience.people(
            session,
            campaign.subscription_type_id,
            campaign.query,
            reason,
            after=after,
            limit=PAGE_SIZE + 1,
        )
        contacts = records.find_by_ids(session, found)
        return render_template(
            "campaigns/people.html",
            campaign=campaign,
            reason=reason,
            people=[contacts[each] for each in found[:PAGE_SIZE] if each in contacts],
            is_first=after is None,
            next_after=found[PAGE_SIZE - 1] if len(found) > PAGE_SIZE else None,
            time_zone=settings.get(session).time_zone,
            formatted=phone.formatted,
        )


@blueprint.get("/campaigns/<int:campaign_id>/why")
@marketer_required
def why_page(campaign_id: int) -> str:
    """Why one person would not get the text. ``q`` is a whole number, address or external id."""
    typed = request.args.get("q", "").strip()[:254]
    with read_only() as session:
        campaign, workspace = drafts.get(session, campaign_id), settings.get(session)
        found = finding.find_exactly(session, typed, region=workspace.default_country)[:FOUND_MAX] if typed else []
        return render_template(
            "campaigns/why.html",
            campaign=campaign,
            typed=typed,
            found=[(contact, _why(session, campaign, contact)) for contact in found],
            time_zone=workspace.time_zone,
            formatted=phone.formatted,
        )


def _why(session: Session, campaign: Campaign, contact: Contact) -> audience.Why:
    return audience.why(session, campaign.subscription_type_id, campaign.query, contact.id)
