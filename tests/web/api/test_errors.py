"""An id in a request that nothing has is refused by its field; one in the address needs none."""

from typing import Any

import pytest
from flask import Flask

from tests import make
from tests.make import SAMS_NUMBER
from tests.web.api.client import ApiClient, database

pytestmark = pytest.mark.databases("sqlite")
NO_CONTACT, NO_SEGMENT, NO_ID = "0" * 24, "f" * 24, "4711"


@pytest.fixture
def known(app: Flask, api: ApiClient) -> dict[str, str]:
    """The ids of what there is."""
    with database(app).unit_of_work() as session:
        admin = make.agent(session).id
    contact, offers = api.contact(role="lead", phone=SAMS_NUMBER), api.live_type()
    started = api.post("/conversations", {"from": {"type": "lead", "id": contact}, "body": "hi"})
    form = api.post("/forms", {"subscription_type_id": offers, "title": "Texts"})["id"]
    return {
        "contact": contact,
        "offers": offers,
        "conversation": started["conversation_id"],
        "form": form,
        "admin": str(admin),
    }


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/contacts/{contact}/subscriptions", {"id": NO_ID, "consent_type": "opt_in"}, "id"),
        ("/contacts/{contact}/tags", {"id": NO_ID}, "id"),
        ("/contacts/{contact}/notes", {"body": "hi", "admin_id": NO_ID}, "admin_id"),
        ("/contacts/merge", {"from": NO_CONTACT, "into": "{contact}"}, "from"),
        ("/contacts/merge", {"from": "{contact}", "into": NO_CONTACT}, "into"),
        ("/tags", {"id": NO_ID, "name": "VIP"}, "id"),
        ("/conversations", {"from": {"type": "user", "id": NO_CONTACT}, "body": "hi"}, "from.id"),
        ("/conversations/{conversation}/forms", {"form_id": NO_ID}, "form_id"),
        (
            "/conversations/{conversation}/reply",
            {"message_type": "comment", "type": "user", "intercom_user_id": NO_CONTACT, "body": "hi"},
            "intercom_user_id",
        ),
        (
            "/conversations/{conversation}/parts",
            {"message_type": "assignment", "admin_id": "{admin}", "assignee_id": NO_ID},
            "assignee_id",
        ),
        ("/forms/{form}/insert", {"contact_id": NO_CONTACT}, "contact_id"),
        ("/forms/{form}/insert", {"external_id": "70"}, "external_id"),
        ("/audience/preview", {"subscription_type_id": NO_ID}, "subscription_type_id"),
        ("/audience/preview", {"subscription_type_id": "{offers}", "segment_id": NO_SEGMENT}, "segment_id"),
        (
            "/campaigns",
            {"name": "June", "subscription_type_id": "{offers}", "body": "hi", "segment_id": NO_SEGMENT},
            "segment_id",
        ),
        (
            "/subscriptions/bulk",
            {"action": "subscribe", "subscription_type_id": NO_ID, "contact_ids": ["{contact}"], "source_note": "x"},
            "subscription_type_id",
        ),
        (
            "/subscriptions/bulk",
            {"action": "subscribe", "subscription_type_id": "{offers}", "segment_id": NO_SEGMENT, "source_note": "x"},
            "segment_id",
        ),
    ],
)
def test_an_id_in_a_body_that_nothing_has_is_named(
    api: ApiClient, known: dict[str, str], path: str, body: Any, field: str
) -> None:
    refused = api.post(path.format(**known), _filled(body, known))
    assert (refused.status, refused.code, refused.field) == (404, "not_found", field)


def test_an_id_in_a_message_that_nothing_has_is_named(api: ApiClient, known: dict[str, str]) -> None:
    def refused(**change: Any) -> tuple[int, str | None]:
        message = {
            "message_type": "sms",
            "from": {"type": "admin", "id": known["admin"]},
            "to": {"type": "lead", "id": known["contact"]},
            "body": "hi",
            "subscription_type_id": known["offers"],
        }
        response = api.post("/messages", message | change)
        return response.status, response.field

    assert refused(**{"from": {"type": "admin", "id": NO_ID}}) == (404, "from.id")
    assert refused(**{"from": {"type": "admin"}}) == (400, "from.id")
    assert refused(to={"type": "lead", "id": NO_CONTACT}) == (404, "to.id")
    assert refused(subscription_type_id=NO_ID) == (404, "subscription_type_id")


def test_an_id_in_a_query_is_named_and_one_in_the_address_is_not(api: ApiClient, known: dict[str, str]) -> None:
    assert api.get(f"/sms_messages?contact_id={NO_CONTACT}").field == "contact_id"
    assert api.get(f"/contacts/{NO_CONTACT}").field is None
    body = {"id": known["offers"], "consent_type": "opt_in"}
    assert api.post(f"/contacts/{NO_CONTACT}/subscriptions", body).field is None
    assert api.delete(f"/contacts/{known['contact']}/subscriptions/{NO_ID}").field is None
    assert api.post(f"/conversations/{NO_ID}/forms", {"form_id": known["form"]}).field is None


def test_a_sandbox_phone_that_is_none_is_refused_by_the_field_of_the_request(api: ApiClient) -> None:
    refused = api.post("/sandbox/messages", {"from": "mum", "text": "STOP"})
    assert (refused.status, refused.field) == (400, "from")


def _filled(value: Any, known: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, known) for each in value]
    return value.format(**known) if isinstance(value, str) else value
