"""Texts for reasons why people do not get an outbound chat, and why one stopped by itself."""

from app.core.wording import translatable
from app.web.i18n import gettext

REASONS = {
    "archived": translatable("Archived"),
    "blocked": translatable("Blocked"),
    "gdpr_optout": translatable("Wants no messages on any channel"),
    "no_messenger": translatable("A visitor whose chat cannot be found again"),
    "already_opted_in": translatable("Has opted in already"),
    "suppressed": translatable("The number must not be texted"),
    "opted_out": translatable("Opted out"),
    "form_not_offered": translatable("The form was not offered any more"),
    "erased": translatable("Erased"),
    "merged": translatable("Merged into a contact that gets it, too"),
    "empty": translatable("The message would be empty"),
    "refused": translatable("The conversation did not accept it"),
}
STOPS = {
    "agent": translatable("Someone on your team stopped it."),
    "form_not_offered": translatable("Its form or subscription type was no longer offered, or it had ended."),
    "audience": translatable("Its contacts could not be read. Perhaps a segment or tag of the filter was deleted."),
}


def reason(code: str | None) -> str:
    """Why people do not get an outbound chat, in words."""
    return gettext(REASONS[code]) if code in REASONS else (code or "").replace("_", " ").capitalize()
