"""The overview: the first page of admins and marketers."""

from flask import render_template, request
from sqlalchemy.orm import Session

from app.core import clock, email, outbox, phone
from app.core.accounts.rights import Right
from app.core.consent.rules import Reason
from app.core.contacts import records as contacts
from app.core.ledger import events as ledger
from app.core.overview import funnel, growth, health, reach
from app.core.subscriptions import subscription_types
from app.core.webhooks import endpoints
from app.core.wording import LOCALES, translatable
from app.core.workspace import settings
from app.models import Action, TypeState
from app.web.admin.blueprint import blueprint
from app.web.services import gateway, has_mail, read_only
from app.web.sign_in.setup import current_agent, marketer_required

NEWEST = 8
DEFAULT_RANGE = 30
REASONS = {
    Reason.TYPE_NOT_LIVE: translatable("Type not live"),
    Reason.ARCHIVED: translatable("Contact archived"),
    Reason.BLOCKED: translatable("Contact blocked"),
    Reason.GDPR_OPTOUT: translatable("Wants no messages on any channel"),
    Reason.NO_PHONE: translatable("No phone number"),
    Reason.PHONE_INVALID: translatable("Invalid phone number"),
    Reason.PHONE_NOT_SMS_CAPABLE: translatable("Number cannot receive texts"),
    Reason.NUMBER_UNDELIVERABLE: translatable("Texts do not reach the number"),
    Reason.NUMBER_REASSIGNED: translatable("Number belongs to another person now"),
    Reason.COUNTRY_NOT_ALLOWED: translatable("Country not allowed"),
    Reason.NO_EMAIL: translatable("No email address"),
    Reason.EMAIL_INVALID: translatable("Invalid email address"),
    Reason.SUPPRESSED: translatable("Number suppressed"),
    Reason.OPTED_OUT: translatable("Opted out"),
    Reason.UNCONFIRMED: translatable("Opt-in not confirmed"),
    Reason.NUMBER_CHANGED: translatable("Opted in with another number or address"),
    Reason.NOT_OPTED_IN: translatable("Not opted in"),
}
ACTIONS = {
    Action.OPT_IN: translatable("Opted in"),
    Action.OPT_OUT: translatable("Opted out"),
    Action.CLAIM: translatable("Unverified sign-up: nothing changed"),
    Action.SUPPRESS: translatable("Number suppressed"),
    Action.LIFT: translatable("Suppression lifted"),
    Action.NUMBER_CHANGE: translatable("Number changed"),
    Action.GDPR_OFF: translatable("Wants no messages on any channel"),
    Action.GDPR_ON: translatable("Messages allowed again"),
    Action.MERGE: translatable("Merged with another contact"),
    Action.ERASE: translatable("Erased"),
}


@blueprint.get("/admin/overview")
@marketer_required
def overview_page() -> str:
    """The growth of each live type, the funnel of forms, the newest events, and for admins what runs behind."""
    length = request.args.get("days", DEFAULT_RANGE, type=int)
    length = length if length in growth.RANGES else DEFAULT_RANGE
    with read_only() as session:
        return render_template("admin/overview.html", length=length, ranges=growth.RANGES, **_values(session, length))


def _values(session: Session, length: int) -> dict[str, object]:
    at = clock.now()
    types = subscription_types.find_all(session)
    live = [each for each in types if each.state == TypeState.LIVE]
    lines = ledger.newest(session, limit=NEWEST)
    agent = current_agent()
    is_admin = agent is not None and agent.may(Right.ADMINISTRATION)
    return {
        "types": {each.id: each for each in types},
        "live": live,
        "growth": growth.of_types(session, [each.id for each in live], length, at=at),
        "reach": reach.find_all(session),
        "funnel": funnel.read(session, growth.first_day(session, length, at=at)),
        "lines": lines,
        "contacts": contacts.find_by_ids(session, (each for line in lines if (each := line.event.contact_id))),
        "health": health.read(session, at=at) if is_admin else None,
        "has_mail": has_mail(),
        "takes_consent": gateway().capabilities.takes_consent,
        "time_zone": settings.get(session).time_zone,
        "count_max": endpoints.COUNT_MAX,
        "outbox_max": outbox.COUNT_MAX,
        "languages": LOCALES,
        "actions": ACTIONS,
        "reasons": REASONS,
        "masked": masked,
    }


def masked(destination: str) -> str:
    """A number or address of an event, for a page that many people see."""
    return email.masked(destination) if "@" in destination else phone.masked(destination)
