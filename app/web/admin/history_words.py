"""Words of the audit log: acts on the page of their own subject, values of fields, and what a sign-in checked."""

from app.core.wording import translatable

# On the page of the agent or the endpoint itself.
OF_ITSELF = {
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
# Of websites, and the identities that they prove.
WEBSITE = {
    "settings.messenger_secret_ended": translatable("Old messenger secret ended"),
}
WEBSITE_FIELDS = {
    "site_subscription_type_id": translatable("subscription type of websites"),
}
VALUES = {
    "admin": translatable("admin"),
    "marketer": translatable("marketer"),
    "agent": translatable("agent"),
    "draft": translatable("draft"),
    "live": translatable("live"),
    "archived": translatable("archived"),
}
CHECKED = {
    "password": translatable("password"),
    "code": translatable("code"),
    "recovery_code": translatable("recovery code"),
}
OUTBOUND_CHATS = {
    "outbound_chat.changed": translatable("Outbound chat changed"),
    "outbound_chat.created": translatable("Outbound chat created"),
    "outbound_chat.deleted": translatable("Outbound chat deleted"),
    "outbound_chat.downloaded": translatable("Report of an outbound chat downloaded"),
    "outbound_chat.scheduled": translatable("Outbound chat scheduled"),
    "outbound_chat.sent": translatable("Outbound chat sent"),
    "outbound_chat.stopped": translatable("Outbound chat stopped"),
    "outbound_chat.unscheduled": translatable("Scheduled outbound chat made a draft again"),
}
