"""Every room of the API, in the order of the description."""

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

ROOMS = (
    contacts.room,
    subscriptions.room,
    subscription_types.room,
    forms.room,
    conversations.room,
    segments.room,
    suppressions.room,
    webhooks.room,
    admins.room,
)
