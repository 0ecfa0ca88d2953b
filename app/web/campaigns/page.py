"""The page of one campaign: its audience and cost before it is sent, then its progress and its report."""

from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from flask import render_template
from sqlalchemy.orm import Session
from wtforms import StringField
from wtforms.validators import DataRequired

from app.core import clock
from app.core.campaigns import audience, cost, drafts, lifecycle, outcomes, short_links
from app.core.campaigns.audience import Audience
from app.core.campaigns.cost import Estimate
from app.core.errors import AssentError
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.models import Campaign, CampaignState, Outcome, Workspace
from app.web import composing, formatting
from app.web.campaigns import checking, labels
from app.web.campaigns.blueprint import blueprint
from app.web.composing import ScheduleForm
from app.web.formkit import Form, text
from app.web.i18n import lazy_gettext, sentence_of
from app.web.security import public_url
from app.web.services import read_only
from app.web.sign_in.setup import current_actor, marketer_required

BEFORE = frozenset({CampaignState.DRAFT, CampaignState.SCHEDULED})
UNFINISHED = frozenset({CampaignState.SCHEDULED, CampaignState.EXPANDING, CampaignState.SENDING})


class TestForm(Form):
    phone = StringField(
        lazy_gettext("Phone number"), [DataRequired(lazy_gettext("Enter a phone number."))], filters=[text]
    )


class CeilingForm(Form):
    price_ceiling_micros = StringField(lazy_gettext("New price ceiling"), filters=[text])


@dataclass(frozen=True)
class Before:
    """What is known before a campaign is sent. ``problem``: why its audience cannot be counted."""

    audience: Audience | None = None
    estimate: Estimate | None = None
    check: checking.Checked = field(default_factory=checking.Checked)
    problem: str = ""
    needs_approval: bool = False


@dataclass(frozen=True)
class Progress:
    """What became of the recipients. ``rows``: outcomes with their number, ``skipped`` and ``excluded`` by reason.

    :param clicks: the addresses in the text, each with how often its link was opened
    """

    counts: dict[str, Any]
    rows: list[tuple[str, int]]
    deferred: list[tuple[str, str | None, int]]
    done: int
    clicks: list[tuple[str, int]]

    @property
    def skipped(self) -> list[tuple[str, int]]:
        return sorted(self.counts["skipped"].items(), key=lambda pair: (-pair[1], pair[0]))

    @property
    def excluded(self) -> list[tuple[str, int]]:
        return sorted(self.counts["excluded"].items(), key=lambda pair: (-pair[1], pair[0]))


@blueprint.get("/campaigns/<int:campaign_id>")
@marketer_required
def campaign_page(campaign_id: int) -> str:
    with read_only() as session:
        return shown(session, drafts.get(session, campaign_id))


@blueprint.get("/campaigns/<int:campaign_id>/progress")
@marketer_required
def progress(campaign_id: int) -> str:
    """The part of the page that changes while a campaign is sent. ``data-unfinished`` is gone at the end."""
    with read_only() as session:
        campaign = drafts.get(session, campaign_id)
        return render_template("campaigns/_progress.html", **_progress(session, campaign, settings.get(session)))


def shown(
    session: Session,
    campaign: Campaign,
    *,
    test: TestForm | None = None,
    schedule: ScheduleForm | None = None,
    ceiling: CeilingForm | None = None,
) -> str:
    """The page of a campaign, with the forms that were refused."""
    workspace = settings.get(session)
    subscription_type = subscription_types.find(session, campaign.subscription_type_id)
    return render_template(
        "campaigns/campaign.html",
        before=_before(session, campaign) if campaign.state in BEFORE else None,
        subscription_type=subscription_type,
        reaches_without_opt_in=lifecycle.reaches_without_opt_in(subscription_type),
        chosen=composing.chosen(session, campaign.query, ZoneInfo(workspace.time_zone)),
        test_form=test or TestForm(formdata=None),
        schedule_form=schedule
        or ScheduleForm(formdata=None, data={"send_at": composing.local(campaign.send_at, workspace.time_zone)}),
        ceiling_form=ceiling or CeilingForm(formdata=None),
        names=formatting.actor_names(session),
        held=composing.held(session, campaign.state, workspace.time_zone),
        actor=current_actor(),
        sender=workspace.name,
        opt_out_texts=labels.OPT_OUT_TEXTS,
        **_progress(session, campaign, workspace),
    )


def _before(session: Session, campaign: Campaign) -> Before:
    check = checking.check(session, campaign)
    try:
        found = audience.preview(session, campaign.subscription_type_id, campaign.query)
        estimate = None
        if found.eligible and not check.problem:
            estimate = cost.estimate(session, campaign, base=public_url(), one_way=checking.is_one_way())
    except AssentError as error:
        return Before(check=check, problem=sentence_of(error))
    return Before(found, estimate, check, needs_approval=lifecycle.needs_approval(session, campaign, found.eligible))


def _progress(session: Session, campaign: Campaign, workspace: Workspace) -> dict[str, Any]:
    """What the page and its changing part both show."""
    return {
        "campaign": campaign,
        "progress": None if campaign.state in BEFORE else progress_of(session, campaign),
        "is_unfinished": campaign.state in UNFINISHED,
        "pauses": labels.PAUSES,
        "currency": workspace.currency,
        "time_zone": workspace.time_zone,
        "is_stopped": workspace.sending_stopped_at is not None,
        "now": clock.now(),
    }


def progress_of(session: Session, campaign: Campaign) -> Progress:
    """What became of the recipients until now."""
    counts = outcomes.counts(session, campaign)
    rows = [(each.value, counts[each]) for each in Outcome if each != Outcome.SKIPPED and counts[each]]
    deferred = outcomes.deferred_by(session, campaign.id) if counts[Outcome.DEFERRED] else {}
    waiting = counts[Outcome.QUEUED] + counts[Outcome.DEFERRED]
    return Progress(
        counts,
        rows,
        sorted(((reason, rule, number) for (reason, rule), number in deferred.items()), key=lambda each: -each[2]),
        done=max(campaign.eligible - waiting, 0),
        clicks=short_links.clicks(session, campaign.id),
    )
