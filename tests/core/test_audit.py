"""The audit log: what an entry holds, and from which address it was caused."""

import pytest

from app.core import audit
from app.core.accounts import agents, credentials
from app.core.accounts.credentials import Secret
from app.core.forms import publishing
from app.core.forms.content import FormContent, FormText
from app.core.forms.publishing import FormSettings
from app.core.subscriptions import subscription_types
from app.core.subscriptions.subscription_types import TypeChange
from app.core.webhooks import endpoints
from app.core.webhooks.endpoints import EndpointChange
from app.core.workspace import settings
from app.db import Database
from app.http_client import Reach
from app.models import Role
from tests import make
from tests.make import NOON

MAX = "agent:1"


def test_an_entry_has_the_address_of_its_transaction_alone(database: Database) -> None:
    with database.unit_of_work() as session:
        audit.acts_from(session, "2001:db8::7")
        for actor in (MAX, "api:4", audit.UNKNOWN, "system", "contact"):
            audit.record(session, actor, "settings.changed", "workspace", {}, at=NOON)
    with database.unit_of_work() as session:
        audit.record(session, MAX, "settings.changed", "workspace", {}, at=NOON)
    with database.read_only() as session:
        found = [(each.actor, each.address) for each in reversed(audit.newest(session))]
    here = "2001:db8::7"
    assert found == [
        (MAX, here),
        ("api:4", here),
        (audit.UNKNOWN, here),
        ("system", None),
        ("contact", None),
        (MAX, None),
    ]


def test_changes_are_the_fields_that_differ() -> None:
    before = {"name": "Old", "same": 1, "list": ["a"], "gone": True}
    after = {"name": "New", "same": 1, "list": ["a", "b"], "added": None}
    assert audit.changes(before, after) == {
        "changed": {"gone": [True, None], "list": [["a"], ["a", "b"]], "name": ["Old", "New"]}
    }
    assert audit.changes(before, before) == {}


def test_long_texts_of_a_change_are_shortened() -> None:
    ((before, after),) = audit.changes({"text": "a" * 301}, {"text": "b" * 300})["changed"].values()
    assert (before, after) == ("a" * 300 + "…", "b" * 300)


def test_an_action_is_found_by_its_beginning_and_underscores_are_no_wildcards(database: Database) -> None:
    with database.unit_of_work() as session:
        for action in ("form.saved", "formXsaved", "agent.signed_in", "agent.signedXin"):
            audit.record(session, MAX, action, "", {}, at=NOON)
        found = audit.find(session, audit.Filter(actions=["form.", "agent.signed_"]), limit=9)
        assert [each.action for each in found] == ["agent.signed_in", "form.saved"]


def test_settings_forms_and_types_say_from_what_to_what(database: Database) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"name": "Harbour", "time_zone": "Europe/Dublin"}, actor=MAX, at=NOON)
        assert _changed(session) == {"name": ["My business", "Harbour"], "time_zone": ["UTC", "Europe/Dublin"]}
        kind = make.draft_type(session, name="News", translations={})
        texts = {"es": ("Noticias", "")}
        subscription_types.edit(session, kind, TypeChange("Offers", translations=texts), actor=MAX, at=NOON)
        assert _changed(session) == {
            "name": ["News", "Offers"],
            "name-es": [None, "Noticias"],
            "description-es": [None, ""],
        }
        subscription_types.put_live(session, kind, actor=MAX, at=NOON)
        assert _changed(session) == {"state": ["draft", "live"]}
        content = FormContent(kind.id, {"en": FormText("Texts"), "es": FormText("Textos")})
        form = publishing.create(session, content, FormSettings("Shop"), actor=MAX, at=NOON)
        content = FormContent(kind.id, {"en": FormText("Offers"), "es": FormText("Ofertas")}, accent_color="#000000")
        publishing.publish(session, form, content, FormSettings("Footer"), actor=MAX, at=NOON)
        assert _changed(session) == {
            "accent_color": ["#0b6e4f", "#000000"],
            "name": ["Shop", "Footer"],
            "title": ["Texts", "Offers"],
            "title-es": ["Textos", "Ofertas"],
        }


def test_a_role_says_from_what_to_what(database: Database) -> None:
    with database.unit_of_work() as session:
        ana = make.agent(session)
        agents.change_role(session, ana.id, Role.MARKETER, actor=MAX, at=NOON)
        assert _changed(session) == {"role": ["agent", "marketer"]}


def test_a_webhook_says_its_new_host_and_never_its_path(database: Database) -> None:
    reach = Reach.INTERNET
    with database.unit_of_work() as session:
        topics = ["contact.created"]
        endpoint, _ = endpoints.create(
            session, "https://old.example.com/secret-1", topics, reach=reach, actor=MAX, at=NOON
        )
        given = EndpointChange("https://new.example.com/secret-2")
        endpoints.change(session, endpoint.id, given, reach=reach, actor=MAX, at=NOON)
        assert _changed(session) == {"url": ["old.example.com", "new.example.com"]}


@pytest.mark.parametrize(
    ("agent_id", "actor", "expected"),
    [
        (3, audit.UNKNOWN, ("agent.sign_in_failed", "agent:3")),
        (None, audit.UNKNOWN, ("agent.sign_in_failed", "agent:unknown")),
        (3, "agent:3", ("agent.confirmation_failed", "agent:3")),
    ],
)
def test_a_refused_password_says_whose_account_it_was(
    agent_id: int | None, actor: str, expected: tuple[str, str], database: Database
) -> None:
    with database.unit_of_work() as session:
        credentials.record_failure(session, agent_id, Secret.PASSWORD, actor=actor, at=NOON)
        (entry,) = audit.newest(session)
        assert (entry.action, entry.subject, entry.details) == (*expected, {"checked": "password"})


def _changed(session):  # type: ignore[no-untyped-def]
    return audit.newest(session, limit=1)[0].details["changed"]
