"""Texts for kinds of bulk jobs, and for what they did with a contact."""

from collections.abc import Mapping

from app.core.wording import translatable
from app.models import BulkJob, JobKind
from app.web.i18n import gettext

ACTIONS = {
    JobKind.SUBSCRIBE: translatable("Subscribe users"),
    JobKind.UNSUBSCRIBE: translatable("Unsubscribe users"),
    JobKind.TAG: translatable("Add tag"),
    JobKind.UNTAG: translatable("Remove tag"),
    JobKind.ARCHIVE: translatable("Archive contacts"),
    JobKind.IMPORT: translatable("Import contacts"),
    JobKind.IMPORT_CHECK: translatable("Check an import"),
    JobKind.EXPORT: translatable("Export contacts"),
    JobKind.COUNT: translatable("Count contacts"),
}
# Why a contact was skipped, or what was done.
OUTCOMES = {
    "changed": translatable("Changed"),
    "unchanged": translatable("Unchanged: it was so before"),
    "restored": translatable("Restored"),
    "type_not_live": translatable("Skipped: the subscription type is not live"),
    "archived": translatable("Skipped: archived"),
    "blocked": translatable("Skipped: blocked"),
    "gdpr_optout": translatable("Skipped: wants no messages on any channel"),
    "no_phone": translatable("Skipped: no phone number"),
    "phone_invalid": translatable("Skipped: the phone number is not valid"),
    "phone_not_sms_capable": translatable("Skipped: the number cannot receive texts"),
    "country_not_allowed": translatable("Skipped: the country is not among the allowed ones"),
    "no_email": translatable("Skipped: no email address"),
    "email_invalid": translatable("Skipped: the email address is not valid"),
    "suppressed": translatable("Skipped: the number must not be texted"),
    "opted_out": translatable("Skipped: opted out"),
    "number_changed": translatable("Skipped: the number or address changed"),
    "changed_since": translatable("Skipped: changed since then"),
    "erased": translatable("Skipped: erased"),
    "address_taken": translatable("Skipped: another user has the address or external id now"),
    "merged": translatable("Skipped: merged with another contact"),
}


def action(kind: str) -> str:
    """``Subscribe users`` for the kind ``subscribe``."""
    return gettext(ACTIONS[JobKind(kind)])


def outcome(code: str) -> str:
    """What a job did with a contact, in words."""
    return gettext(OUTCOMES[code]) if code in OUTCOMES else code.replace("_", " ").capitalize()


def title(job: BulkJob, types: Mapping[int, str]) -> str:
    """``Subscribe users: Offers``.

    :param types: the names of subscription types by id
    """
    subject = types.get(job.subscription_type_id or 0) or job.parameters.get("tag") or ""
    return gettext("%(action)s: %(subject)s", action=action(job.kind), subject=subject) if subject else action(job.kind)
