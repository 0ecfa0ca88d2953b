"""What the audit log says, in words: on its own page, and in the history of an agent or an endpoint."""

from dataclasses import dataclass
from typing import Any

from app.core.webhooks import problems
from app.core.wording import LOCALES, translatable
from app.models import AuditEntry
from app.web.admin.history_words import CHECKED, OF_ITSELF, OUTBOUND_CHATS, VALUES, WEBSITE, WEBSITE_FIELDS
from app.web.formatting import listed
from app.web.i18n import gettext

EVENTS = {
    **OUTBOUND_CHATS,
    "agent.confirmation_failed": translatable("Wrong password when confirming"),
    "agent.created": translatable("Agent created"),
    "agent.disabled": translatable("Agent disabled"),
    "agent.enabled": translatable("Agent enabled"),
    "agent.language_changed": translatable("Agent language changed"),
    "agent.link_made": translatable("Agent link created"),
    "agent.password_changed": translatable("Password changed"),
    "agent.password_reset": translatable("Password set by a one-time link"),
    "agent.recovery_code_used": translatable("Recovery code used"),
    "agent.recovery_codes_created": translatable("Recovery codes created"),
    "agent.renamed": translatable("Agent renamed"),
    "agent.role_changed": translatable("Agent role changed"),
    "agent.second_factor_removed": translatable("Second factor switched off"),
    "agent.second_factor_reset": translatable("Agent second factor reset"),
    "agent.second_factor_set_up": translatable("Second factor set up"),
    "agent.sessions_ended": translatable("Other devices signed out"),
    "agent.sign_in_failed": translatable("Sign-in failed"),
    "agent.signed_in": translatable("Signed in"),
    "agent.signed_out": translatable("Signed out"),
    "agent.waiting_mail_changed": translatable("Agent emails about waiting conversations changed"),
    "audit.exported": translatable("Audit log exported"),
    "bot.changed": translatable("Bot changed"),
    "bot.created": translatable("Bot created"),
    "bot.deleted": translatable("Bot deleted"),
    "bot.moved": translatable("Order of bots changed"),
    "bot.switched_off": translatable("Bot switched off"),
    "bot.switched_on": translatable("Bot switched on"),
    "bulk_job.canceled": translatable("Bulk job canceled"),
    "bulk_job.downloaded": translatable("Result of a bulk job downloaded"),
    "bulk_job.retried": translatable("Failed bulk job started again"),
    "bulk_job.started": translatable("Bulk job started"),
    "bulk_job.undone": translatable("Undo of a bulk job started"),
    "campaign.approved": translatable("Campaign approved"),
    "campaign.canceled": translatable("Campaign canceled"),
    "campaign.ceiling_changed": translatable("Price ceiling of a campaign changed"),
    "campaign.changed": translatable("Campaign changed"),
    "campaign.created": translatable("Campaign created"),
    "campaign.deleted": translatable("Campaign deleted"),
    "campaign.paused": translatable("Campaign paused"),
    "campaign.resumed": translatable("Campaign resumed"),
    "campaign.scheduled": translatable("Campaign scheduled"),
    "campaign.sent": translatable("Campaign sent"),
    "campaign.tested": translatable("Test of a campaign sent"),
    "campaign.unscheduled": translatable("Scheduled campaign stopped"),
    "contact.archived": translatable("Contact archived"),
    "contact.blocked": translatable("Contact blocked"),
    "contact.created": translatable("Contact created"),
    "contact.erased": translatable("Contact erased"),
    "contact.merged": translatable("Contact merged"),
    "contact.note_added": translatable("Contact note added"),
    "contact.tagged": translatable("Contact tagged"),
    "contact.unarchived": translatable("Contact restored"),
    "contact.unblocked": translatable("Contact unblocked"),
    "contact.untagged": translatable("Contact untagged"),
    "contact.updated": translatable("Contact updated"),
    "campaign.downloaded": translatable("Report of a campaign downloaded"),
    "conversation.assignment": translatable("Conversation assigned"),
    "conversation.begun": translatable("Conversation started"),
    "conversation.changed": translatable("Conversation changed"),
    "conversation.close": translatable("Conversation closed"),
    "conversation.comment": translatable("Message written in a conversation"),
    "conversation.form_inserted": translatable("Form sent in a conversation"),
    "conversation.note": translatable("Note written in a conversation"),
    "conversation.open": translatable("Conversation opened"),
    "conversation.quick_reply": translatable("Quick reply written in a conversation"),
    "destination.exported": translatable("Record of a number or address downloaded"),
    "destination.shown": translatable("Number or address searched for"),
    "erasure.refused": translatable("Deletion request refused"),
    "erasure.requested": translatable("Deletion requested"),
    "export.downloaded": translatable("Export downloaded"),
    "export.started": translatable("Export started"),
    "failure.cleared": translatable("Problems dismissed"),
    "form.archived": translatable("Form archived"),
    "form.created": translatable("Form created"),
    "form.inserted": translatable("Form inserted"),
    "form.saved": translatable("Form saved"),
    "form.unarchived": translatable("Form restored"),
    "form.withdrawn": translatable("Form withdrawn"),
    "outbox.set_aside": translatable("Event not sent"),
    "saved_reply.changed": translatable("Saved reply changed"),
    "saved_reply.created": translatable("Saved reply created"),
    "saved_reply.deleted": translatable("Saved reply deleted"),
    "segment.changed": translatable("Segment changed"),
    "segment.created": translatable("Segment created"),
    "segment.deleted": translatable("Segment deleted"),
    "sending.resumed": translatable("Sending resumed"),
    "sending.stopped": translatable("Sending stopped"),
    "settings.changed": translatable("Settings changed"),
    "settings.logo_changed": translatable("Logo changed"),
    "settings.messenger_secret_renewed": translatable("Messenger secret renewed"),
    "settings.messenger_secret_shown": translatable("Messenger secret shown"),
    **WEBSITE,
    "signing_key.rotated": translatable("Signing key replaced"),
    "sms.given_up": translatable("Unknown text counted as failed"),
    "sms.queued": translatable("Text queued"),
    "sms.sent_again": translatable("Unknown text sent again"),
    "subscription_type.archived": translatable("Subscription type archived"),
    "subscription_type.brought_back": translatable("Subscription type restored"),
    "subscription_type.created": translatable("Subscription type created"),
    "subscription_type.edited": translatable("Subscription type edited"),
    "subscription_type.preference_form_changed": translatable("Form of the preference page changed"),
    "subscription_type.welcome_changed": translatable("Welcome text changed"),
    "confirmations.limited": translatable("Limit on confirmation texts reached"),
    "subscription_type.put_live": translatable("Subscription type published"),
    "suppression.created": translatable("Suppression created"),
    "suppression.kept": translatable("Suppression kept"),
    "suppression.lifted": translatable("Suppression lifted"),
    "suppressions.carried_over": translatable("Suppressions restored from a backup"),
    "tag.created": translatable("Tag created"),
    "tag.deleted": translatable("Tag deleted"),
    "tag.renamed": translatable("Tag renamed"),
    "token.created": translatable("Token created"),
    "token.given": translatable("Token handed over"),
    "token.revoked": translatable("Token revoked"),
    "webhook_endpoint.changed": translatable("Webhook endpoint changed"),
    "webhook_endpoint.created": translatable("Webhook endpoint created"),
    "webhook_endpoint.deleted": translatable("Webhook endpoint deleted"),
    "webhook_endpoint.disabled": translatable("Webhook endpoint disabled"),
    "webhook_endpoint.enabled": translatable("Webhook endpoint enabled"),
    "webhook_endpoint.replayed": translatable("Webhook deliveries sent again"),
    "webhook_endpoint.secret_rotated": translatable("Webhook endpoint secret rotated"),
    "webhook_endpoint.tested": translatable("Webhook endpoint tested"),
}
FIELDS = {
    "query": translatable("contacts"),
    "price_ceiling_micros": translatable("price ceiling"),
    "opt_out_text": translatable("way to opt out"),
    "body": translatable("text"),
    "accent_color": translatable("accent color"),
    "agents_write_legal_text": translatable("agents write legal text"),
    "allowed_countries": translatable("allowed countries"),
    "allowed_origins": translatable("allowed origins"),
    "approval_above": translatable("approval"),
    "api_calls_per_minute": translatable("API calls per minute"),
    "button_text": translatable("button text"),
    "checkbox_text": translatable("checkbox text"),
    "controller_address": translatable("address of the controller"),
    "controller_contact": translatable("contact of the controller"),
    "controller_name": translatable("name of the controller"),
    "currency": translatable("currency"),
    "default_country": translatable("default country"),
    "description": translatable("description"),
    "evidence_retention_years": translatable("years that evidence is kept"),
    "erasure_due_days": translatable("days until a deletion request is due"),
    "erasure_requests": translatable("deletion requests"),
    "frequency_cap": translatable("limit of texts"),
    "help_contact": translatable("help contact"),
    "hub_signature": translatable("hub signature"),
    "legal_text": translatable("legal text"),
    "locale": translatable("language"),
    "logo": translatable("logo"),
    "jurisdiction": translatable("jurisdiction"),
    "messenger_accent_color": translatable("messenger accent color"),
    "messenger_greeting": translatable("messenger greeting"),
    "messenger_office_name": translatable("messenger office name"),
    "name": translatable("name"),
    "privacy_url": translatable("privacy URL"),
    "quiet_hours": translatable("quiet hours"),
    "role": translatable("role"),
    "state": translatable("state"),
    "purpose": translatable("purpose"),
    "recipients": translatable("recipients of the data"),
    "stop_scope": translatable("what a STOP ends"),
    "storage_location": translatable("storage location"),
    "submissions_per_address": translatable("submissions per address"),
    "submissions_per_number": translatable("submissions per number"),
    "subscription_type_id": translatable("subscription type"),
    "success_text": translatable("success text"),
    "terms_url": translatable("terms URL"),
    "text_prices": translatable("prices"),
    "texts_per_second": translatable("texts per second"),
    "time_zone": translatable("time zone"),
    "title": translatable("title"),
    "topics": translatable("topics"),
    "url": translatable("address"),
    **WEBSITE_FIELDS,
}
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
