"""Words of the audit log: acts on the page of their own subject, values of fields, and what a sign-in checked."""

from app.core.wording import translatable

# On the page of the agent or the endpoint itself.
OF_ITSELF = {}
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
