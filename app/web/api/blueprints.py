"""Every blueprint of the API, in the order of the description."""

from app.web.api import (
    admins,
    contacts,
    conversations,
    forms,
    segments,
    subscription_types,
    subscriptions,
    suppressions,
    webhooks,
)

BLUEPRINTS = (
    contacts.blueprint,
    subscriptions.blueprint,
    subscription_types.blueprint,
    forms.blueprint,
    conversations.blueprint,
    segments.blueprint,
    suppressions.blueprint,
    webhooks.blueprint,
    admins.blueprint,
)
