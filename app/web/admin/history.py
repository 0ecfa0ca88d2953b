"""What the audit log says, in words: on its own page, and in the history of an agent or an endpoint."""

from dataclasses import dataclass
from typing import Any

from app.core.webhooks import problems
from app.core.wording import LOCALES, translatable
from app.models import AuditEntry
from app.web.admin.history_words import CHECKED, EVENTS, FIELDS, OF_ITSELF, VALUES
from app.web.formatting import listed
from app.web.i18n import gettext

_SIGN_INS = (
    "agent.signed_",
    "agent.sign_in_failed",
    "agent.sessions_ended",
    "agent.confirmation_failed",
    "agent.password_",
    "agent.second_factor_",
    "agent.recovery_code",
    "agent.link_made",
)
_TEAM = (
    "agent.created",
    "agent.disabled",
    "agent.enabled",
    "agent.renamed",
    "agent.role_changed",
    "agent.language_changed",
    "agent.waiting_mail_changed",
)
# What the filter of the audit log offers: the beginnings of the actions of each kind.
KINDS = {
    "sign_ins": (translatable("Sign-ins and passwords"), _SIGN_INS),
    "failed": (translatable("Failed sign-ins"), ("agent.sign_in_failed", "agent.confirmation_failed")),
    "team": (translatable("Team"), _TEAM),
    "settings": (translatable("Settings"), ("sending.", "settings.", "signing_key.")),
    "forms": (translatable("Forms"), ("form.",)),
    "types": (translatable("Subscription types"), ("subscription_type.",)),
    "campaigns": (translatable("Campaigns"), ("campaign.",)),
    "bots": (translatable("Bots"), ("bot.",)),
    "outbound_chats": (translatable("Outbound chats"), ("outbound_chat.",)),
    "contacts": (
        translatable("Contacts"),
        ("bulk_job.", "contact.", "erasure.", "export.", "tag.", "segment.", "suppression.", "suppressions."),
    ),
    "conversations": (translatable("Conversations"), ("conversation.", "saved_reply.")),
    "tokens": (translatable("API tokens"), ("token.",)),
    "webhooks": (translatable("Webhooks"), ("webhook_endpoint.", "outbox.")),
    "problems": (translatable("Problems"), ("failure.", "confirmations.")),
    "texts": (translatable("Texts"), ("sms.",)),
    "exports": (translatable("Exports and receipts"), ("audit.", "destination.")),
}
# The action tells which field changed, so the words are its new value.
_CHANGES_ONE_FIELD = {"agent.renamed", "agent.role_changed", "tag.renamed"}


@dataclass(frozen=True)
class Difference:
    """One changed field in words. Null: there was or is no value."""

    field: str
    before: str | None
    after: str | None


def event(entry: AuditEntry) -> str:
    """What happened, for a list of all kinds: ``Webhook endpoint disabled``."""
    return _words(EVENTS, entry.action)


def event_of_itself(entry: AuditEntry) -> str:
    """What happened, on the page of the agent or endpoint: ``Disabled``."""
    return _words(EVENTS | OF_ITSELF, entry.action)


def details(entry: AuditEntry) -> str:
    """The changed fields, the new name or role, or a number: ``help contact and time zone``. Mostly empty."""
    changed = entry.details.get("changed", {})
    if entry.action in _CHANGES_ONE_FIELD and len(changed) == 1:
        ((_, after),) = changed.values()
        return _value(after) or ""
    if role := entry.details.get("role"):
        return _words(VALUES, role)
    if fields := entry.details.get("fields") or list(changed):
        return listed(_field(name) for name in fields)
    if checked := entry.details.get("checked"):
        return _words(CHECKED, checked)
    return str(entry.details.get("deliveries", entry.details.get("count", "")))


def differences(entry: AuditEntry) -> list[Difference]:
    """What an entry says from what to what, field by field. Empty where it tells only names, or nothing."""
    changed = entry.details.get("changed", {})
    return [Difference(_field(name), _value(before), _value(after)) for name, (before, after) in changed.items()]


def problem(stored: str) -> str:
    """Why a delivery failed: one sentence."""
    sentence, values = problems.read(stored)
    return gettext(sentence, **values)


def _field(name: str) -> str:
    """The words for a field. ``title-es`` is the title in Spanish."""
    name, _, locale = name.partition("-")
    words = _words(FIELDS, name)
    return gettext("%(field)s (%(language)s)", field=words, language=LOCALES.get(locale, locale)) if locale else words


def _value(value: Any) -> str | None:
    if value is None or value in ("", [], {}):
        return None
    if isinstance(value, bool):
        return gettext("on") if value else gettext("off")
    if isinstance(value, dict):
        return "; ".join(f"{name}: {each}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return _words(VALUES, value) if value in VALUES else str(value)


def _words(known: dict[str, str], code: str) -> str:
    """The words for a code. Codes that no page explains, such as attributes of contacts, are shown as they are."""
    return gettext(known[code]) if code in known else code.replace("_", " ")
