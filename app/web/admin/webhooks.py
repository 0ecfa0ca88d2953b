"""Pages of webhook endpoints and their deliveries."""

import json
from collections.abc import Callable
from functools import partial

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import BooleanField, SelectMultipleField, StringField
from wtforms.validators import DataRequired
from wtforms.widgets import CheckboxInput, ListWidget

from app.core import audit, clock, outbox
from app.core.errors import InvalidState, NotFound
from app.core.webhooks import attempts, deliveries, endpoints, payloads, routing
from app.core.webhooks.deliveries import DeliveryWithMessage
from app.core.webhooks.endpoints import TOPICS, Counts, EndpointChange
from app.core.wording import translatable
from app.core.workspace import settings
from app.http_client import URL_MAX, Reach
from app.models import DeliveryState, WebhookEndpoint
from app.web import ids, services
from app.web.admin.blueprint import blueprint
from app.web.formatting import agent_names
from app.web.formkit import Form, accepted, choices, flash_undo, rule, text
from app.web.i18n import gettext, lazy_gettext, ngettext, sentence_of
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import admin_required, current_actor


class EndpointForm(Form):
    url = StringField(
        lazy_gettext("Address"),
        [
            DataRequired(lazy_gettext("Enter the address that receives events.")),
            rule(lambda url: endpoints.read_url(url, _reach())),
        ],
        filters=[text],
    )
    topics = SelectMultipleField(
        lazy_gettext("Topics"),
        [rule(endpoints.read_topics)],
        choices=choices((topic, lazy_gettext(words)) for topic, words in TOPICS.items()),
        widget=ListWidget(),
        option_widget=CheckboxInput(),
    )
    hub_signature = BooleanField(lazy_gettext("Also sign as Intercom does"))


@blueprint.get("/admin/webhooks")
@admin_required
def webhooks_page() -> str:
    with read_only() as session:
        found = endpoints.find_all(session)
        return render_template(
            "admin/webhooks.html",
            endpoints=found,
            health={each.id: health_of(each) for each in found},
            counts=endpoints.counts(session, found),
            nothing=Counts(),
            count_max=endpoints.COUNT_MAX,
            failed_events=audit.newest(session, subject=outbox.AUDIT_SUBJECT, limit=10),
            time_zone=settings.get(session).time_zone,
        )


@blueprint.route("/admin/webhooks/new", methods=["GET", "POST"])
@admin_required
def new_webhook() -> ResponseReturnValue:
    form = EndpointForm()
    page = partial(render_template, "admin/webhook_new.html", form=form, topics=TOPICS, url_max=URL_MAX)
    return accepted(form, _created) or (page(), form.status)


@blueprint.route("/admin/webhooks/<int:endpoint_id>", methods=["GET", "POST"])
@admin_required
def webhook_page(endpoint_id: int) -> ResponseReturnValue:
    with read_only() as session:
        endpoint = endpoints.find(session, endpoint_id)
    stored = {"url": endpoint.url, "topics": endpoint.topics, "hub_signature": endpoint.has_hub_signature}
    form = EndpointForm(data=stored)
    return accepted(form, partial(_changed, endpoint_id=endpoint_id)) or (_page(form, endpoint_id), form.status)


@blueprint.get("/admin/webhooks/<int:endpoint_id>/deliveries/<int:delivery_id>")
@admin_required
def webhook_delivery(endpoint_id: int, delivery_id: int) -> str:
    with read_only() as session:
        endpoint = endpoints.find(session, endpoint_id)
        found = deliveries.find(session, endpoint_id, delivery_id)
        return render_template(
            "admin/webhook_delivery.html",
            endpoint=endpoint,
            found=found,
            body=_body_of(found),
            now=clock.now(),
            is_pending=found.delivery.state == DeliveryState.WAITING and found.delivery.attempts == 0,
            time_zone=settings.get(session).time_zone,
        )


@blueprint.post("/admin/webhooks/<int:endpoint_id>/deliveries/<int:delivery_id>/replay")
@admin_required
def replay_webhook(endpoint_id: int, delivery_id: int) -> ResponseReturnValue:
    def act(session: Session) -> None:
        deliveries.replay(session, endpoint_id, delivery_id, actor=current_actor(), at=clock.now())

    path = url_for("admin.webhook_delivery", endpoint_id=endpoint_id, delivery_id=delivery_id)
    return _run(act, gettext("It is being sent again. Reload this page to see how it went."), path)


@blueprint.post("/admin/webhooks/<int:endpoint_id>/replay-failed")
@admin_required
def replay_failed_webhooks(endpoint_id: int) -> ResponseReturnValue:
    def act(session: Session) -> None:
        count = deliveries.replay_failed(session, endpoint_id, actor=current_actor(), at=clock.now())
        flash(ngettext("%(num)s delivery is being sent again.", "%(num)s deliveries are being sent again.", count))

    return _run(act, "", url_for("admin.webhook_page", endpoint_id=endpoint_id))


@blueprint.post("/admin/webhooks/<int:endpoint_id>/test")
@admin_required
def test_webhook(endpoint_id: int) -> ResponseReturnValue:
    def act(session: Session) -> None:
        routing.send_test(session, endpoint_id, actor=current_actor(), at=clock.now())

    path = url_for("admin.webhook_page", endpoint_id=endpoint_id)
    return _run(act, gettext("A test is on its way. Reload this page to see how it went."), path)


@blueprint.post("/admin/webhooks/<int:endpoint_id>/secret")
@admin_required
def rotate_webhook_secret(endpoint_id: int) -> str:
    with unit_of_work() as session:
        endpoint, secret = endpoints.rotate_secret(session, endpoint_id, actor=current_actor(), at=clock.now())
    return render_template("admin/webhook_secret.html", endpoint=endpoint, secret=secret, is_new=False)


@blueprint.post("/admin/webhooks/<int:endpoint_id>/<any(disable, enable):step>")
@admin_required
def step_webhook(endpoint_id: int, step: str) -> ResponseReturnValue:
    change, message = {
        "disable": (endpoints.disable, translatable("The endpoint is disabled: nothing is sent to it.")),
        "enable": (endpoints.enable, translatable("The endpoint is enabled. What was waiting is being sent.")),
    }[step]

    def act(session: Session) -> None:
        change(session, endpoint_id, actor=current_actor(), at=clock.now())

    undo = url_for("admin.step_webhook", endpoint_id=endpoint_id, step="enable") if step == "disable" else ""
    return _run(act, gettext(message), url_for("admin.webhook_page", endpoint_id=endpoint_id), undo=undo)


@blueprint.post("/admin/webhooks/<int:endpoint_id>/delete")
@admin_required
def delete_webhook(endpoint_id: int) -> ResponseReturnValue:
    def act(session: Session) -> None:
        endpoints.delete(session, endpoint_id, actor=current_actor(), at=clock.now())

    return _run(act, gettext("The endpoint is deleted."), url_for("admin.webhooks_page"))


def _reach() -> Reach:
    return endpoints.reach_of(services.settings())


def _created(form: EndpointForm) -> ResponseReturnValue:
    actor, at = current_actor(), clock.now()
    with unit_of_work() as session:
        endpoint, secret = endpoints.create(
            session, form.url.data or "", form.topics.data or [], reach=_reach(), actor=actor, at=at
        )
        endpoints.set_hub_signature(session, endpoint.id, is_on=form.hub_signature.data, actor=actor, at=at)
    return render_template("admin/webhook_secret.html", endpoint=endpoint, secret=secret, is_new=True)


def _changed(form: EndpointForm, endpoint_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        given = EndpointChange(form.url.data, form.topics.data)
        endpoints.change(session, endpoint_id, given, reach=_reach(), actor=current_actor(), at=clock.now())
        is_on = form.hub_signature.data
        endpoints.set_hub_signature(session, endpoint_id, is_on=is_on, actor=current_actor(), at=clock.now())
    flash(gettext("The endpoint is saved."))
    return redirect(url_for("admin.webhook_page", endpoint_id=endpoint_id), 303)


def _run(act: Callable[[Session], None], message: str, path: str, *, undo: str = "") -> ResponseReturnValue:
    """Run one change, flash the message or the error, and redirect.

    :param undo: the address that takes the change back; empty where nothing does
    """
    try:
        with unit_of_work() as session:
            act(session)
    except InvalidState as error:
        flash(sentence_of(error), "warning")
    else:
        if undo:
            flash_undo(message, undo)
        elif message:
            flash(message)
    return redirect(path, 303)


def _page(form: EndpointForm, endpoint_id: int) -> str:
    state, before = _filter()
    with read_only() as session:
        endpoint = endpoints.find(session, endpoint_id)
        found = deliveries.newest(session, endpoint_id, state=state, before=before, limit=deliveries.PAGE + 1)
        return render_template(
            "admin/webhook.html",
            form=form,
            endpoint=endpoint,
            health=health_of(endpoint),
            pause_after=attempts.PAUSE_AFTER,
            counts=endpoints.counts(session, [endpoint]).get(endpoint_id, Counts()),
            count_max=endpoints.COUNT_MAX,
            deliveries=found[: deliveries.PAGE],
            older=found[deliveries.PAGE - 1].delivery.id if len(found) > deliveries.PAGE else None,
            state=state,
            is_first_page=before is None,
            topics=TOPICS,
            url_max=URL_MAX,
            has_two_secrets=bool(endpoint.previous_secret_until and endpoint.previous_secret_until > clock.now()),
            history=audit.newest(session, subject=endpoints.subject_of(endpoint), limit=20),
            names=agent_names(session),
            time_zone=settings.get(session).time_zone,
        )


def _filter() -> tuple[DeliveryState | None, int | None]:
    """The state of the deliveries to show, and the id before which the page begins, from the query string."""
    state = request.args.get("state", "")
    if state and state not in set(DeliveryState):
        raise NotFound("There are no such deliveries.")
    return DeliveryState(state) if state else None, request.args.get("before", type=ids.whole_number)


def health_of(endpoint: WebhookEndpoint) -> str:
    """The endpoint's state, as the status macro names it."""
    if endpoint.disabled_at is not None:
        return "disabled"
    if endpoint.paused_until is not None and endpoint.paused_until > clock.now():
        return "paused"
    if endpoint.consecutive_failures:
        return "failing"
    return "healthy" if endpoint.last_success_at else "unused"


def _body_of(found: DeliveryWithMessage) -> str:
    """The body of the last attempt, or of the first one to come, as indented JSON."""
    delivery = found.delivery
    first_at = delivery.first_attempt_at or clock.now()
    number = delivery.earlier_attempts + delivery.attempts
    body = payloads.of_attempt(found.message.body, max(1, number), first_at=first_at)
    return json.dumps(body, indent=2, ensure_ascii=False)
