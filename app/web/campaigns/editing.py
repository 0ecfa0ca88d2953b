"""The composer: write a campaign, check its text and its audience, and save it as a draft."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import clock, sms_text
from app.core.campaigns import drafts, lifecycle
from app.core.contacts import filter_form
from app.core.errors import InvalidInput, InvalidState
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.models import Campaign
from app.web import composing, filter_words
from app.web.campaigns import checking, fields
from app.web.campaigns.blueprint import blueprint
from app.web.campaigns.fields import CampaignForm
from app.web.composing import Built
from app.web.formkit import refuse
from app.web.i18n import gettext, sentence_of
from app.web.ids import parse_id
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import current_actor, marketer_required

# What the buttons beside the text do with it. Nothing is replaced without them.
REPLACEMENTS: dict[str, Callable[[str], str]] = {
    "plain": sms_text.in_plain_characters,
    "letters": sms_text.in_plain_letters,
}


@blueprint.route("/campaigns/new", methods=["GET", "POST"])
@marketer_required
def new_campaign() -> ResponseReturnValue:
    return _composer(None)


@blueprint.route("/campaigns/<int:campaign_id>/edit", methods=["GET", "POST"])
@marketer_required
def edit_campaign(campaign_id: int) -> ResponseReturnValue:
    return _composer(campaign_id)


@blueprint.post("/campaigns/check")
@marketer_required
def check_text() -> str:
    """What the composer says about the text as it is typed. Nothing is saved."""
    with read_only() as session:
        form, built = CampaignForm(session), Built(filter_form.from_fields(request.form))
        workspace = settings.get(session)
        return render_template(
            "campaigns/_check.html",
            check=_checked(session, form, built),
            sender=workspace.name,
            time_zone=workspace.time_zone,
        )


def _composer(campaign_id: int | None) -> ResponseReturnValue:
    with read_only() as session:
        campaign = drafts.get_editable(session, campaign_id) if campaign_id is not None else None
        zone = ZoneInfo(settings.get(session).time_zone)
        values, built = fields.values_of(campaign, zone) if campaign else (_first_values(session), Built())
        form = CampaignForm(session, data=values)
        if request.method == "GET":
            return _page(session, form, built, campaign)
        built = Built(filter_form.from_fields(request.form))
        act = request.form.get("do", "save")
        if act != "save":
            return _page(session, form, _pressed(form, built, act), campaign)
        query, errors = composing.query_of(form, built, zone)
    if form.validate() and not errors:
        try:
            with unit_of_work() as session:
                saved = _save(session, form, query, campaign_id)
                address = url_for("campaigns.campaign_page", campaign_id=saved.id)
            flash(gettext("The campaign is saved. Nothing is sent yet."))
            return redirect(address, 303)
        except (InvalidInput, InvalidState) as error:
            refuse(form, error)
    if wrong := errors.get("segment") or errors.get(""):
        refuse(form, wrong)
    with read_only() as session:
        campaign = drafts.get(session, campaign_id) if campaign_id is not None else None
        return _page(session, form, Built(built.form, errors), campaign), 422


def _save(session: Session, form: CampaignForm, query: dict[str, object] | None, campaign_id: int | None) -> Campaign:
    values, actor, at = form.values(query), current_actor(), clock.now()
    if campaign_id is None:
        return drafts.create(session, values, actor=actor, at=at)
    revision = parse_id(form.revision.data)
    return drafts.change(session, campaign_id, values, revision=revision, actor=actor, at=at)


def _pressed(form: CampaignForm, built: Built, act: str) -> Built:
    """What a button other than "Save" changes: the text, or the rows of the filter."""
    if replace := REPLACEMENTS.get(act):
        form.body.data = replace(form.body.data or "")
        return built
    return composing.pressed(form, built, act, request.form.get("new", ""))


def _first_values(session: Session) -> dict[str, object]:
    live = [each for each in subscription_types.find_live(session) if each.channel == "sms"]
    first = live[0].id if live else ""
    audience = composing.first_audience(session, request.args.get("segment"))
    return {"subscription_type_id": str(first), "opt_out_text": "link", **audience}


def _checked(session: Session, form: CampaignForm, built: Built) -> checking.Checked:
    zone = ZoneInfo(settings.get(session).time_zone)
    query, _ = composing.query_of(form, built, zone)
    try:
        values = form.values(query)
    except InvalidInput:
        values = CampaignForm(session, formdata=None, data={"body": form.body.data}).values(query)
    unsaved = Campaign(
        name=values.name,
        subscription_type_id=values.subscription_type_id,
        body=values.body,
        opt_out_text=values.opt_out_text.value,
        query=query,
    )
    return checking.check(session, unsaved)


def _page(session: Session, form: CampaignForm, built: Built, campaign: Campaign | None) -> str:
    workspace = settings.get(session)
    return render_template(
        "campaigns/edit.html",
        variable_example=composing.VARIABLE_EXAMPLE,
        form=form,
        built=built,
        errors={place: sentence_of(error) for place, error in built.errors.items() if place != "segment"},
        words=filter_words.of_workspace(session),
        campaign=campaign,
        check=_checked(session, form, built),
        variables=composing.variables(session),
        currency=workspace.currency,
        sender=workspace.name,
        time_zone=workspace.time_zone,
        reaches_without_opt_in={
            each.id: lifecycle.reaches_without_opt_in(each) for each in subscription_types.find_all(session)
        },
        has_types=bool(form.subscription_type_id.choices),
    )
