"""The topics of webhooks."""

from app.core.wording import translatable

HEAD_TOPIC = "ledger.head"
# The topics that an endpoint can choose, with their labels: those that this version sends.
TOPICS = {
    "granular.subscribe": translatable("A person opted in to a subscription type"),
    "granular.unsubscribe": translatable("A person opted out of a subscription type"),
    "contact.created": translatable("A contact was created"),
    "contact.updated": translatable("A contact’s name, number, address, tags or notes changed"),
    "contact.deleted": translatable("A contact was deleted"),
    "contact.erased": translatable("A person was erased; only the ledger remains"),
    "form.inserted": translatable("A form was sent to a contact"),
    "form.submitted": translatable("A form was answered"),
    "sms.delivered": translatable("A text was delivered"),
    "sms.failed": translatable("A text failed"),
    "suppression.created": translatable("A number was blocked from texts"),
    "suppression.lifted": translatable("A number can receive texts again"),
    "sms.received": translatable("A text from a person came in"),
    "campaign.sent": translatable("Every recipient of a campaign has an outcome"),
    HEAD_TOPIC: translatable("The head of the ledger, once a day"),
}
