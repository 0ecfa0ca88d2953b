"""What can be done with a campaign: test, schedule, send, approve, pause, resume, cancel, delete."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from app.core import clock
from app.core.campaigns import drafts, lifecycle, trial
from app.core.errors import Forbidden, InvalidInput, InvalidState, TooMany
from app.core.wording import translatable
from app.core.workspace import settings
from app.models import Campaign
from app.web.campaigns import checking, fields, page
from app.web.campaigns.blueprint import blueprint
from app.web.campaigns.page import CeilingForm, TestForm
from app.web.composing import ScheduleForm
from app.web.formkit import Form, accepted, refuse
from app.web.i18n import gettext, sentence_of
from app.web.security import public_url
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import current_actor, marketer_required

STEPS: dict[str, tuple[Callable[..., Campaign], str]] = {
    "send": (lifecycle.send, translatable("The campaign is being sent.")),
    "unschedule": (lifecycle.unschedule, translatable("The campaign is a draft again. Nothing will be sent.")),
    "approve": (lifecycle.approve, translatable("The campaign is approved.")),
    "pause": (lifecycle.pause, translatable("The campaign is paused. No further text is sent.")),
    "resume": (lifecycle.resume, translatable("The campaign goes on.")),
    "cancel": (lifecycle.cancel, translatable("The campaign is canceled. Texts that were sent stay sent.")),
}


@blueprint.post("/campaigns/<int:campaign_id>/<any(send, unschedule, approve, pause, resume, cancel):step>")
@marketer_required
def step_campaign(campaign_id: int, step: str) -> ResponseReturnValue:
    """What the state of the campaign does not allow is said on its page."""
    act, done = STEPS[step]
    try:
        with unit_of_work() as session:
            act(session, campaign_id, actor=current_actor(), at=clock.now())
        flash(gettext(done))
    except (InvalidState, InvalidInput, Forbidden) as error:
        flash(sentence_of(error), "warning")
    return _to_page(campaign_id)


@blueprint.post("/campaigns/<int:campaign_id>/delete")
@marketer_required
def delete_campaign(campaign_id: int) -> ResponseReturnValue:
    try:
        with unit_of_work() as session:
            drafts.delete_draft(session, campaign_id, actor=current_actor(), at=clock.now())
    except InvalidState as error:
        flash(sentence_of(error), "warning")
        return _to_page(campaign_id)
    flash(gettext("The draft is deleted."))
    return redirect(url_for("campaigns.list_page"), 303)


@blueprint.post("/campaigns/<int:campaign_id>/schedule")
@marketer_required
def schedule_campaign(campaign_id: int) -> ResponseReturnValue:
    def save(form: ScheduleForm) -> ResponseReturnValue:
        with unit_of_work() as session:
            send_at = form.moment(ZoneInfo(settings.get(session).time_zone))
            lifecycle.schedule(session, campaign_id, send_at, actor=current_actor(), at=clock.now())
        flash(gettext("The campaign is scheduled."))
        return _to_page(campaign_id)

    form = ScheduleForm()
    return accepted(form, save) or _refused(campaign_id, form, schedule=form)


@blueprint.post("/campaigns/<int:campaign_id>/test")
@marketer_required
def test_campaign(campaign_id: int) -> ResponseReturnValue:
    def send(form: TestForm) -> ResponseReturnValue:
        with unit_of_work() as session:
            trial.send(
                session,
                campaign_id,
                form.phone.data or "",
                base=public_url(),
                actor=current_actor(),
                at=clock.now(),
                one_way=checking.is_one_way(),
            )
        flash(gettext("The test is on its way."))
        return _to_page(campaign_id)

    form = TestForm()
    try:
        return accepted(form, send) or _refused(campaign_id, form, test=form)
    except TooMany as error:
        refuse(form, error)
        return _refused(campaign_id, form, test=form)


@blueprint.post("/campaigns/<int:campaign_id>/ceiling")
@marketer_required
def change_ceiling(campaign_id: int) -> ResponseReturnValue:
    def save(form: CeilingForm) -> ResponseReturnValue:
        ceiling = fields.micros_of(form.price_ceiling_micros.data or "")
        with unit_of_work() as session:
            lifecycle.change_ceiling(session, campaign_id, ceiling, actor=current_actor(), at=clock.now())
        flash(gettext("The price ceiling is changed. Resume the campaign when you are ready."))
        return _to_page(campaign_id)

    form = CeilingForm()
    return accepted(form, save) or _refused(campaign_id, form, ceiling=form)


def _refused(
    campaign_id: int,
    form: Form,
    *,
    test: TestForm | None = None,
    schedule: ScheduleForm | None = None,
    ceiling: CeilingForm | None = None,
) -> ResponseReturnValue:
    for sentence in form.form_errors:
        flash(sentence, "warning")
    with read_only() as session:
        campaign = drafts.get(session, campaign_id)
        return page.shown(session, campaign, test=test, schedule=schedule, ceiling=ceiling), 422


def _to_page(campaign_id: int) -> ResponseReturnValue:
    return redirect(url_for("campaigns.campaign_page", campaign_id=campaign_id), 303)
