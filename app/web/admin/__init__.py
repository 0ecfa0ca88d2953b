"""Pages of marketers and admins: overview, forms, types; of admins alone: everything else that is set up or checked."""

from flask import Flask

# Each of these modules adds its views to the blueprint when it is imported.
from app.web.admin import (  # noqa: F401
    agents,
    api_tokens,
    audit_log,
    failures,
    form_kit,
    forms,
    ledger,
    messenger,
    overview,
    preference_preview,
    sending,
    settings,
    setup,
    subscription_types,
    webhooks,
    website,
)
from app.web.admin.blueprint import blueprint as _blueprint


def init_app(app: Flask) -> None:
    app.register_blueprint(_blueprint)
