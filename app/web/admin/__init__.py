"""Pages of the admins: forms, types, the messenger, webhooks, agents, API tokens, settings, first steps, problems,
the ledger."""

from flask import Flask

# Each of these modules adds its views to the blueprint when it is imported.
from app.web.admin import (  # noqa: F401
    agents,
    api_tokens,
    failures,
    forms,
    ledger,
    messenger,
    settings,
    setup,
    subscription_types,
    webhooks,
)
from app.web.admin.blueprint import blueprint as _blueprint


def init_app(app: Flask) -> None:
    app.register_blueprint(_blueprint)
