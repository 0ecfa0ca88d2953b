"""What the audit log says, in words: the latest changes of all, and the history of an agent or an endpoint."""

from app.core.webhooks import problems
from app.core.wording import translatable
from app.models import AuditEntry
from app.web.formatting import listed
from app.web.i18n import gettext

EVENTS = {
    "agent.created": translatable("Agent created"),
    "agent.disabled": translatable("Agent disabled"),
    "agent.enabled": translatable("Agent enabled"),
    "agent.language_changed": translatable("Agent language changed"),
    "agent.link_made": translatable("Agent link created"),
    "agent.renamed": translatable("Agent renamed"),
    "agent.role_changed": translatable("Agent role changed"),
    "agent.second_factor_reset": translatable("Agent second factor reset"),
    "agent.waiting_mail_changed": translatable("Agent emails about waiting conversations changed"),
    "contact.archived": translatable("Contact archived"),
    "contact.blocked": translatable("Contact blocked"),
    "contact.created": translatable("Contact created"),
    "contact.erased": translatable("Contact erased"),
    "contact.merged": translatable("Contact merged"),
    "contact.note_added": translatable("Contact note added"),
    "contact.tagged": translatable("Contact tagged"),
    "contact.unarchived": translatable("Contact restored"),
    "contact.untagged": translatable("Contact untagged"),
    "contact.updated": translatable("Contact updated"),
    "conversation.assignment": translatable("Conversation assigned"),
    "conversation.begun": translatable("Conversation started"),
    "conversation.changed": translatable("Conversation changed"),
    "conversation.close": translatable("Conversation closed"),
    "conversation.comment": translatable("Message written in a conversation"),
    "conversation.form_inserted": translatable("Form sent in a conversation"),
    "conversation.note": translatable("Note written in a conversation"),
    "conversation.open": translatable("Conversation opened"),
    "conversation.quick_reply": translatable("Quick reply written in a conversation"),
    "erasure.refused": translatable("Deletion request refused"),
    "erasure.requested": translatable("Deletion requested"),
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
    "settings.changed": translatable("Settings changed"),
    "settings.logo_changed": translatable("Logo changed"),
    "settings.messenger_secret_renewed": translatable("Messenger secret renewed"),
    "settings.messenger_secret_shown": translatable("Messenger secret shown"),
    "subscription_type.archived": translatable("Subscription type archived"),
    "subscription_type.brought_back": translatable("Subscription type restored"),
    "subscription_type.created": translatable("Subscription type created"),
    "subscription_type.edited": translatable("Subscription type edited"),
    "subscription_type.preference_form_changed": translatable("Form of the preference page changed"),
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
# On the page of the agent or the endpoint itself.
_OF_ITSELF = {
    "agent.created": translatable("Created"),
    "agent.disabled": translatable("Disabled"),
    "agent.enabled": translatable("Enabled"),
    "agent.language_changed": translatable("Language changed"),
    "agent.link_made": translatable("Link created"),
    "agent.renamed": translatable("Renamed"),
    "agent.role_changed": translatable("Role changed"),
    "agent.second_factor_reset": translatable("Second factor reset"),
    "agent.waiting_mail_changed": translatable("Emails about waiting conversations changed"),
    "webhook_endpoint.changed": translatable("Changed"),
    "webhook_endpoint.created": translatable("Created"),
    "webhook_endpoint.deleted": translatable("Deleted"),
    "webhook_endpoint.disabled": translatable("Disabled"),
    "webhook_endpoint.enabled": translatable("Enabled"),
    "webhook_endpoint.replayed": translatable("Sent again"),
    "webhook_endpoint.secret_rotated": translatable("Secret rotated"),
    "webhook_endpoint.tested": translatable("Tested"),
}
FIELDS = {
    "accent_color": translatable("accent color"),
    "agents_write_legal_text": translatable("agents write legal text"),
    "allowed_countries": translatable("allowed countries"),
    "allowed_origins": translatable("allowed origins"),
    "api_calls_per_minute": translatable("API calls per minute"),
    "default_country": translatable("default country"),
    "erasure_due_days": translatable("days until a deletion request is due"),
    "erasure_requests": translatable("deletion requests"),
    "help_contact": translatable("help contact"),
    "hub_signature": translatable("hub signature"),
    "messenger_accent_color": translatable("messenger accent color"),
    "messenger_greeting": translatable("messenger greeting"),
    "messenger_office_name": translatable("messenger office name"),
    "name": translatable("name"),
    "privacy_url": translatable("privacy URL"),
    "submissions_per_address": translatable("submissions per address"),
    "submissions_per_number": translatable("submissions per number"),
    "terms_url": translatable("terms URL"),
    "time_zone": translatable("time zone"),
    "topics": translatable("topics"),
    "url": translatable("address"),
}
_ROLES = {"admin": translatable("admin"), "agent": translatable("agent")}


def event(entry: AuditEntry) -> str:
    """What happened, for a list of all kinds: ``Webhook endpoint disabled``."""
    return _words(EVENTS, entry.action)


def event_of_itself(entry: AuditEntry) -> str:
    """What happened, on the page of the agent or endpoint: ``Disabled``."""
    return _words(_OF_ITSELF, entry.action)


def details(entry: AuditEntry) -> str:
    """The changed fields, the new role, or the number of deliveries: ``help contact and time zone``. Mostly empty."""
    if fields := entry.details.get("fields"):
        return listed(_words(FIELDS, field) for field in fields)
    if role := entry.details.get("role"):
        return _words(_ROLES, role)
    return str(entry.details.get("deliveries", ""))


def problem(stored: str) -> str:
    """Why a delivery failed: one sentence."""
    sentence, values = problems.read(stored)
    return gettext(sentence, **values)


def _words(known: dict[str, str], code: str) -> str:
    """The words for a code. Codes that no page explains, such as attributes of contacts, are shown as they are."""
    return gettext(known[code]) if code in known else code.replace("_", " ")
