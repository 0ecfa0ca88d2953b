"""What has just happened, as the page after an act says it. It says only what is so: addresses can be made up."""

from flask import request

from app.core.preferences.center import PreferenceCenter
from app.models import Channel
from app.web import ids
from app.web.i18n import gettext, use_locale

LEFT, JOINED, STOPPED, ALLOWED, ASKED, LEFT_EMAILS = "left", "joined", "stopped", "allowed", "asked", "left-emails"


def notice_of(center: PreferenceCenter, locale: str) -> str:
    """The sentence for ``?done=``; empty when there is none, or the state is another by now."""
    done = request.args.get("done", "")
    with use_locale(locale):
        if done in {LEFT, JOINED}:
            return _of_type(center, ids.parse_id(request.args.get("type")), has_left=done == LEFT)
        return _OTHERS[done](center) if done in _OTHERS else ""


def _of_type(center: PreferenceCenter, type_id: int | None, *, has_left: bool) -> str:
    found = next((each for each in center.subscriptions if each.subscription_type_id == type_id), None)
    if found is None:
        return ""
    if not has_left and found.is_subscribed:
        return gettext("You are subscribed to “%(name)s”.", name=found.text.name)
    if not has_left and center.is_unverified:
        return gettext("Thank you. You get these messages, unless this number or address was opted out before.")
    if has_left and not found.is_subscribed:
        return gettext("You are unsubscribed from “%(name)s”.", name=found.text.name)
    return ""


def _stopped(center: PreferenceCenter) -> str:
    if any(each.is_subscribed for each in center.subscriptions if each.channel == Channel.SMS):
        return ""
    if center.is_unverified:
        return gettext("You are unsubscribed from these texts.")
    return (
        gettext("All texts are stopped.") if center.suppressed_by else gettext("You are unsubscribed from all texts.")
    )


def _left_emails(center: PreferenceCenter) -> str:
    emails = [each for each in center.subscriptions if each.channel == Channel.EMAIL]
    return "" if any(each.is_subscribed for each in emails) else gettext("You are unsubscribed from all emails.")


def _allowed(center: PreferenceCenter) -> str:
    return "" if center.suppressed_by else gettext("Texts may reach your number again.")


def _asked(center: PreferenceCenter) -> str:
    return gettext("We received your request.") if center.erasure_due_at else ""


_OTHERS = {STOPPED: _stopped, ALLOWED: _allowed, ASKED: _asked, LEFT_EMAILS: _left_emails}
