"""What failed: webhooks, jobs, mails, and snippets on websites that are not allowed."""

from flask import g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core import clock, phone
from app.core.problems import failures, overview
from app.core.sms import texts
from app.core.webhooks import endpoints
from app.core.workspace import confirmation_limits, settings
from app.web.admin.blueprint import blueprint
from app.web.admin.webhooks import health_of
from app.web.i18n import lazy_gettext
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import admin_required, current_actor

JOBS = {
    "count_reach": lazy_gettext("Counting whom subscription types reach"),
    "count_segments": lazy_gettext("Counting the contacts of segments"),
    "delete_expired": lazy_gettext("Deleting expired records"),
    "deliver_webhooks": lazy_gettext("Sending webhooks"),
    "expire_confirmations": lazy_gettext("Ending opt-ins that were not confirmed"),
    "fail_late_webhooks": lazy_gettext("Marking late webhooks as failed"),
    "mail_waiting": lazy_gettext("Emails about waiting conversations"),
    "merge_form_counts": lazy_gettext("Merging the daily counts of forms"),
    "purge_erased": lazy_gettext("Removing what is left of erased contacts"),
    "publish_head": lazy_gettext("Publishing the head of the ledger"),
    "route_outbox": lazy_gettext("Turning changes into webhooks"),
    "run_bulk_job": lazy_gettext("Bulk changes, imports and exports"),
    "render_sms": lazy_gettext("Writing the texts of a campaign"),
    "seal_ledger": lazy_gettext("Sealing the ledger"),
    "send_sms": lazy_gettext("Sending texts"),
    "verify_ledger": lazy_gettext("Verifying the ledger"),
}


@blueprint.get("/admin/failures")
@admin_required
def failures_page() -> str:
    with read_only() as session:
        return render_template(
            "admin/failures.html",
            problems=overview.read(session, at=clock.now()),
            health_of=health_of,
            jobs=JOBS,
            limit_names=confirmation_limits.NAMES,
            count_max=endpoints.COUNT_MAX,
            formatted=phone.formatted,
            time_zone=settings.get(session).time_zone,
        )


@blueprint.post("/admin/failures/clear")
@admin_required
def clear_failure() -> ResponseReturnValue:
    """Remove a job or a mail from the list."""
    kind, name = request.form.get("kind", ""), request.form.get("name", "")
    with unit_of_work() as session:
        failures.clear(session, kind, name, actor=current_actor(), at=clock.now())
    return redirect(url_for("admin.failures_page"), 303)


@blueprint.post("/admin/failures/texts/<int:message_id>")
@admin_required
def decide_unknown_text(message_id: int) -> ResponseReturnValue:
    """Send an unknown text again, or count it as failed."""
    decide = texts.send_again if request.form.get("decision") == "send_again" else texts.give_up
    with unit_of_work() as session:
        decide(session, message_id, actor=current_actor(), at=clock.now())
    return redirect(url_for("admin.failures_page", _anchor="texts"), 303)


@blueprint.app_template_global()
def problem_count() -> int:
    """How many problems the navigation announces to admins; read once a request, however often it is shown."""
    if "problem_count" not in g:
        with read_only() as session:
            g.problem_count = overview.count(session)
    return int(g.problem_count)
