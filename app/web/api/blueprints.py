"""Every blueprint of the API, in the order of the description."""

from app.web.api import (
    absent,
    admins,
    attributes,
    bulk_jobs,
    campaigns,
    contacts,
    conversations,
    forms,
    ledger,
    notes,
    segments,
    subscription_types,
    subscriptions,
    suppressions,
    tags,
    webhooks,
)

BLUEPRINTS = (
    contacts.blueprint,
    subscriptions.blueprint,
    bulk_jobs.blueprint,
    subscription_types.blueprint,
    forms.blueprint,
    conversations.blueprint,
    segments.blueprint,
    tags.blueprint,
    notes.blueprint,
    suppressions.blueprint,
    campaigns.blueprint,
    webhooks.blueprint,
    ledger.blueprint,
    admins.blueprint,
    attributes.blueprint,
    absent.blueprint,
)
