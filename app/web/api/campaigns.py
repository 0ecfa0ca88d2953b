"""Campaigns: created, scheduled, sent, paused, resumed, canceled; and their audience."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.core import clock, contact_lists
from app.core.campaigns import audience, drafts, lifecycle, outcomes, trial, views
from app.core.campaigns.drafts import CampaignValues
from app.core.campaigns.views import CampaignView
from app.core.contacts import segments
from app.core.contacts import views as contact_views
from app.core.errors import InvalidInput, named
from app.models import Campaign, OptOutText, SmsMessage
from app.schemas.campaign import (
    AudienceInputSchema,
    AudienceSchema,
    CampaignListSchema,
    CampaignSchema,
    ChangedCampaignSchema,
    NewCampaignSchema,
    RecipientListSchema,
    RecipientPagingSchema,
    ScheduleSchema,
    TestSchema,
    TestTextSchema,
)
from app.schemas.contact import ContactValue
from app.schemas.paging import PagingSchema
from app.web import security, services
from app.web.api import auth, ids, pagination, search_queue
from app.web.api.auth import Scope
from app.web.api.blueprint import ApiBlueprint
from app.web.api.etags import use_etag
from app.web.api.pagination import Total

blueprint = ApiBlueprint("campaigns", __name__, description="Texts to everyone who is subscribed to a type.")
PER_PAGE = 20
RECIPIENTS_PER_PAGE = 50


@blueprint.post("/audience/preview", scope=Scope.READ, errors=(404,))
@blueprint.arguments(AudienceInputSchema)
@blueprint.response(200, AudienceSchema)
def preview_audience(body: dict[str, Any]) -> dict[str, Any]:
    """Count the people that a campaign would reach.

    All others are counted by their first reason. The rules of the subscription type always apply. `duplicate_number`:
    another eligible contact has the same number, and opted in later. Archived contacts that match the filter are
    counted, as `archived`.
    """
    with search_queue.turn():
        session = auth.read_session()
        found = audience.preview(session, ids.number(body["subscription_type_id"]) or 0, _query(session, body))
        sample = [_contact(each) for each in contact_views.of_ids(session, found.sample)]
    return {**vars(found), "sample": sample}


@blueprint.get("/campaigns")
@blueprint.arguments(PagingSchema, location="query")
@blueprint.response(200, CampaignListSchema)
def list_campaigns(query: dict[str, Any]) -> dict[str, Any]:
    """List campaigns, the newest first."""
    session, request = auth.read_session(), pagination.read(query, default=PER_PAGE)
    found = drafts.page(session, after=ids.key(request.after_id), limit=request.per_page + 1)
    page = pagination.by_key(request, found, lambda each: each.id, lambda: Total(views.count(session)))
    return page | {"data": views.views(session, page["data"], base=security.public_url())}


@blueprint.post("/campaigns", errors=(404,))
@blueprint.arguments(NewCampaignSchema)
@blueprint.commit(CampaignSchema, creates=True)
def create_campaign(session: Session, body: dict[str, Any]) -> CampaignView:
    """Create a campaign as a draft.

    It is one text to everyone who is subscribed to a type, or to some of them.
    """
    values = CampaignValues(
        name=body["name"],
        subscription_type_id=ids.number(body["subscription_type_id"]) or 0,
        body=body["body"],
        opt_out_text=OptOutText(body["opt_out_text"]),
        query=_query(session, body),
        price_ceiling_micros=body["price_ceiling_micros"],
    )
    return _view(session, drafts.create(session, values, actor=auth.caller().actor, at=clock.now()))


@blueprint.get("/campaigns/<campaign_id>", errors=(404,))
@blueprint.response(200, CampaignSchema)
def find_campaign(campaign_id: str) -> CampaignView:
    """Find a campaign by its id.

    `counts` change while it is sent.
    """
    use_etag()
    session = auth.read_session()
    return _view(session, drafts.get(session, ids.number(campaign_id) or 0))


def _current(session: Session, _names: Collection[str], campaign_id: str) -> CampaignView:
    return _view(session, drafts.get(session, ids.number(campaign_id) or 0))


@blueprint.put("/campaigns/<campaign_id>", errors=(404, 409))
@blueprint.arguments(ChangedCampaignSchema)
@blueprint.commit(CampaignSchema, current=_current)
def update_campaign(session: Session, body: dict[str, Any], campaign_id: str) -> CampaignView:
    """Change a campaign that is not being sent yet.

    This ends its approval. `invalid_state`: it is neither a draft nor scheduled.
    """
    campaign = drafts.get(session, ids.number(campaign_id) or 0)
    values = CampaignValues(
        name=body.get("name", campaign.name),
        subscription_type_id=_type_id(body, campaign),
        body=body.get("body", campaign.body),
        opt_out_text=OptOutText(body.get("opt_out_text", campaign.opt_out_text)),
        query=_changed_query(session, body, campaign),
        price_ceiling_micros=body.get("price_ceiling_micros", campaign.price_ceiling_micros),
    )
    actor = auth.caller().actor
    return _view(session, drafts.change(session, campaign.id, values, actor=actor, at=clock.now()))


@blueprint.post("/campaigns/<campaign_id>/schedule", errors=(404, 409))
@blueprint.arguments(ScheduleSchema)
@blueprint.commit(CampaignSchema)
def schedule_campaign(session: Session, body: dict[str, Any], campaign_id: str) -> CampaignView:
    """Schedule a campaign, or change its time.

    `invalid_state`: its subscription type is not live, or it was sent. `approval_needed`: it goes to so many people
    that a second person has to approve it first.
    """
    actor, send_at = auth.caller().actor, body["send_at"]
    campaign = lifecycle.schedule(session, ids.number(campaign_id) or 0, send_at, actor=actor, at=clock.now())
    return _view(session, campaign)


@blueprint.post("/campaigns/<campaign_id>/send", errors=(404, 409))
@blueprint.commit(CampaignSchema)
def send_campaign(session: Session, campaign_id: str) -> CampaignView:
    """Send a draft or a scheduled campaign now.

    The worker begins within a second. The errors are those of `schedule`.
    """
    return _step(session, campaign_id, lifecycle.send)


@blueprint.post("/campaigns/<campaign_id>/pause", errors=(404, 409))
@blueprint.commit(CampaignSchema)
def pause_campaign(session: Session, campaign_id: str) -> CampaignView:
    """Pause a campaign that is scheduled or being sent.

    Texts that the gateway has already cannot be stopped.
    """
    return _step(session, campaign_id, lifecycle.pause)


@blueprint.post("/campaigns/<campaign_id>/resume", errors=(404, 409))
@blueprint.commit(CampaignSchema)
def resume_campaign(session: Session, campaign_id: str) -> CampaignView:
    """Resume a paused campaign.

    `invalid_state`: it is not paused, or has reached its price ceiling. `approval_needed` as of `schedule`.
    """
    return _step(session, campaign_id, lifecycle.resume)


@blueprint.post("/campaigns/<campaign_id>/cancel", errors=(404, 409))
@blueprint.commit(CampaignSchema)
def cancel_campaign(session: Session, campaign_id: str) -> CampaignView:
    """Cancel a campaign that is scheduled, being sent or paused.

    What was sent stays sent; the rest is never sent.
    """
    return _step(session, campaign_id, lifecycle.cancel)


@blueprint.post("/campaigns/<campaign_id>/test", errors=(404, 409))
@blueprint.arguments(TestSchema)
@blueprint.commit(TestTextSchema)
def test_campaign(session: Session, body: dict[str, Any], campaign_id: str) -> SmsMessage:
    """Send the text of a campaign to one number, as a test.

    At most ten a day. `suppressed`, `opted_out`, `blocked`, `gdpr_optout`: a holder of the number does not want texts.
    """
    number, actor, base = ids.number(campaign_id) or 0, auth.caller().actor, security.public_url()
    one_way = not services.gateway().capabilities.receives
    return trial.send(session, number, body["phone"], base=base, one_way=one_way, actor=actor, at=clock.now())


@blueprint.get("/campaigns/<campaign_id>/recipients", errors=(404,))
@blueprint.arguments(RecipientPagingSchema, location="query")
@blueprint.response(200, RecipientListSchema)
def list_recipients(query: dict[str, Any], campaign_id: str) -> dict[str, Any]:
    """List the recipients of a campaign, each with its outcome.

    All of them, or those with one outcome or reason. People who were not eligible when the campaign was sent are in
    `counts.excluded`, and not here.
    """
    session, request = auth.read_session(), pagination.read(query, default=RECIPIENTS_PER_PAGE)
    campaign = drafts.get(session, ids.number(campaign_id) or 0)
    only = {"outcome": query["outcome"], "reason": query["reason"]}
    limit = request.per_page + 1
    found = outcomes.recipients_page(session, campaign.id, **only, after=ids.key(request.after_id), limit=limit)
    return pagination.by_key(
        request,
        found,
        lambda each: each.contact_id,
        lambda: Total(outcomes.count_recipients(session, campaign.id, **only)),
    )


def _step(session: Session, campaign_id: str, step: Callable[..., Campaign]) -> CampaignView:
    number, actor = ids.number(campaign_id) or 0, auth.caller().actor
    return _view(session, step(session, number, actor=actor, at=clock.now()))


def _view(session: Session, campaign: Campaign) -> CampaignView:
    return views.view(session, campaign, base=security.public_url())


def _type_id(body: Mapping[str, Any], campaign: Campaign) -> int:
    given = body.get("subscription_type_id")
    return campaign.subscription_type_id if given is None else ids.number(given) or 0


def _changed_query(session: Session, body: Mapping[str, Any], campaign: Campaign) -> dict[str, Any] | None:
    """The filter after a change. Null removes a filter of its kind only: else it would add people by surprise."""
    view = _view(session, campaign)
    kept = {"segment_id": view.segment_id, "query": view.query}
    given = {name: body[name] for name in kept if name in body}
    if kept | given == kept:
        return campaign.query
    return _query(session, given)


def _query(session: Session, body: Mapping[str, Any]) -> dict[str, Any] | None:
    """:raises InvalidInput: the body has both a segment and a filter. :raises NotFound: there is no such segment"""
    segment_id, query = body.get("segment_id"), body.get("query")
    if segment_id is not None and query is not None:
        raise InvalidInput("Give either segment_id or query.", field="query")
    if segment_id is None:
        return query
    with named("segment_id"):
        segment = segments.find(session, segment_id)
    return {"field": "segment_id", "operator": "=", "value": segment.public_id}


def _contact(view: contact_views.View) -> ContactValue:
    return ContactValue(
        view.row,
        auth.caller().workspace_key,
        view.opted_in,
        view.opted_out,
        view.has_sms_consent,
        bool(view.row.is_suppressed),
        tags=contact_lists.ids_in(view.row.tag_ids),
        notes=contact_lists.ids_in(view.row.note_ids),
    )
