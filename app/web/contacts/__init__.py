"""Contacts and their consents: who opted in to what, and the proof."""

from flask import Flask

# Each of these modules adds its views to the blueprint when it is imported.
from app.web.contacts import (  # noqa: F401
    deletion_requests,
    editing,
    insert_form,
    listing,
    merging,
    newest,
    notes,
    number_review,
    number_reviews,
    preference_link,
    profile,
    receipt,
    record_consent,
    segments,
    show_me,
    states,
    tagging,
)
from app.web.contacts.blueprint import blueprint as _blueprint


def init_app(app: Flask) -> None:
    app.register_blueprint(_blueprint)
