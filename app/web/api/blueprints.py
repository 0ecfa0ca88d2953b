"""Every blueprint of the API, in the order of the description."""

from app.web.api import (
    absent,
    admins,
    attributes,
    bulk_jobs,
    contacts,
    conversations,
    forms,
    ledger,
    notes,
    sandbox,
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
    sandbox.blueprint,
    webhooks.blueprint,
    ledger.blueprint,
    admins.blueprint,
    attributes.blueprint,
    absent.blueprint,
)
