"""The words for entries of the audit log."""

import ast
from pathlib import Path
from typing import Any

from flask import Flask

import app as package
from app.core import clock
from app.core.workspace import settings
from app.db import Database
from app.models import AuditEntry
from app.schemas.workspace import ChangedWorkspaceSchema
from app.web.admin import history, history_words
from tests.web.pages import admin


def test_every_recorded_action_has_words() -> None:
    recorded = set()
    for path in Path(package.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.record" and len(node.args) > 2:
                action = node.args[2]
                recorded |= {action.value} if isinstance(action, ast.Constant) else set()
    assert len(recorded) > 20
    assert sorted(recorded - set(history_words.EVENTS)) == []


def test_every_setting_of_the_workspace_has_words() -> None:
    assert sorted(ChangedWorkspaceSchema().fields.keys() - history_words.FIELDS.keys()) == []


def test_an_action_that_no_page_explains_is_shown_as_it_is() -> None:
    assert history.event(_entry("contact.custom_thing", {})) == "contact.custom thing"


def test_details_are_fields_a_role_or_a_number(app: Flask) -> None:
    with app.test_request_context():
        assert history.details(_entry("settings.changed", {"fields": ["help_contact", "time_zone", "shoe_size"]})) == (
            "help contact, time zone and shoe size"
        )
        assert history.details(_entry("agent.created", {"role": "marketer"})) == "marketer"
        changed = {"changed": {"role": ["agent", "admin"]}}
        assert history.details(_entry("agent.role_changed", changed)) == "admin"
        changed = {"changed": {"terms_url": ["", "https://example.com"], "title-es": ["a", "b"]}}
        assert history.details(_entry("settings.changed", changed)) == "terms URL and title (Español)"
        assert history.details(_entry("agent.sign_in_failed", {"checked": "recovery_code"})) == "recovery code"
        assert history.details(_entry("webhook_endpoint.replayed", {"deliveries": 3})) == "3"
        assert history.details(_entry("webhook_endpoint.deleted", {})) == ""


def test_differences_are_values_in_words(app: Flask) -> None:
    changed = {"state": ["draft", "live"], "is": [True, False], "allowed_countries": [[], ["DE", "FR"]], "x": [3, None]}
    with app.test_request_context():
        found = [(each.before, each.after) for each in history.differences(_entry("any", {"changed": changed}))]
    assert found == [("draft", "live"), ("on", "off"), (None, "DE, FR"), ("3", None)]


def test_a_problem_of_a_delivery_keeps_its_values(app: Flask) -> None:
    with app.test_request_context():
        assert history.problem("No answer within 15 seconds.") == "No answer within 15 seconds."
        assert history.problem("It is 100% broken.") == "It is 100% broken."


def test_settings_say_what_was_changed(app: Flask, database: Database) -> None:
    max_ = admin(app)
    with database.unit_of_work() as session:
        values = {"help_contact": "help@example.com", "time_zone": "Europe/Dublin"}
        settings.change(session, values, actor="agent:1", at=clock.now())
    html = max_.get("/admin/settings").get_data(as_text=True)
    assert "<strong>Settings changed</strong>: help contact and time zone<" in html


def _entry(action: str, details: dict[str, Any]) -> AuditEntry:
    return AuditEntry(occurred_at=clock.now(), actor="agent:1", action=action, subject="", details=details)
