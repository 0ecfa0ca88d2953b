"""Fields that cannot be set: what was read can be sent back whole, and another value is refused."""

import re
from typing import Any

import pytest
from flask import Flask

from app.schemas.form import DEFAULT_BUTTON
from tests import make
from tests.make import SAMS_NUMBER
from tests.web.api.client import ApiClient, api_client, database, description

_WHEN_EMPTY = {"button_text": DEFAULT_BUTTON, "name": "Textos", "accent_color": "#0b6e4f"}


@pytest.fixture
def api(app: Flask) -> ApiClient:
    """A client whose token may do everything."""
    return api_client(app, "admin")


def contact(api: ApiClient) -> str:
    with database(api.app).unit_of_work() as session:
        owner_id = make.agent(session, email="ana@example.com", name="Ana").id
    given = {"external_id": "70", "phone": SAMS_NUMBER, "avatar": "https://example.com/sam.png", "owner_id": owner_id}
    sam = api.contact(**given, signed_up_at=1_700_000_000, custom_attributes={"plan": "pro"})
    api.post(f"/contacts/{sam}/tags", {"id": api.post("/tags", {"name": "VIP"})["id"]})
    api.post(f"/contacts/{sam}/subscriptions", {"id": api.live_type(), "consent_type": "opt_in"})
    return f"/contacts/{sam}"


def form(api: ApiClient) -> str:
    texts = {"title": "Textos", "locale": "es", "translations": [{"locale": "pt-BR", "title": "Mensagens"}]}
    return f"/forms/{api.post('/forms', {'subscription_type_id': api.live_type()} | texts)['id']}"


def subscription_type(api: ApiClient) -> str:
    return f"/subscription_types/{api.live_type(translations=[{'locale': 'pt-BR', 'name': 'Ofertas'}])}"


def segment(api: ApiClient) -> str:
    query = {"field": "role", "operator": "=", "value": "user"}
    return f"/segments/{api.post('/segments', {'name': 'Users', 'query': query})['id']}"


def webhook_endpoint(api: ApiClient) -> str:
    given = {"url": "https://shop.example.com/assent", "topics": ["granular.subscribe"]}
    return f"/webhook_endpoints/{api.post('/webhook_endpoints', given)['id']}"


def conversation(api: ApiClient) -> str:
    sam = api.contact(role="lead")
    begun = api.post("/conversations", {"from": {"type": "lead", "id": sam}, "body": "One\nTwo"})
    return f"/conversations/{begun['conversation_id']}"


def campaign(api: ApiClient) -> str:
    given = {"name": "Spring", "subscription_type_id": api.live_type(), "body": "Hello"}
    query = {"field": "role", "operator": "=", "value": "user"}
    return f"/campaigns/{api.post('/campaigns', given | {'query': query})['id']}"


def campaign_to_a_segment(api: ApiClient) -> str:
    path, segment_id = campaign(api), segment(api).rpartition("/")[2]
    assert api.put(path, {"segment_id": segment_id})["segment_id"] == segment_id
    return path


def workspace(_api: ApiClient) -> str:
    return "/workspace"


OURS = [form, subscription_type, segment, webhook_endpoint, campaign, campaign_to_a_segment, workspace]
ALL = [contact, conversation, *OURS]


@pytest.mark.parametrize("version", ["2.16", "2.14"])
@pytest.mark.parametrize("make", ALL)
def test_what_was_read_can_be_sent_back_whole(api: ApiClient, make: Any, version: str) -> None:
    path = make(api)
    headers = {"Authorization": f"Bearer {api.token}", "Intercom-Version": version}
    client = api.app.test_client()  # not checked against the newest description
    read = client.get(f"/api{path}", headers=headers).get_json()
    put = client.put(f"/api{path}", json=read, headers=headers)
    assert put.status_code == 200, put.get_json()
    again = client.get(f"/api{path}", headers=headers).get_json()
    assert again | {"updated_at": None} == read | {"updated_at": None}


@pytest.mark.parametrize(
    ("make", "field", "value"),
    [
        (contact, "sms_consent", False),
        (contact, "unsubscribed_from_sms", True),
        (contact, "blocked", True),
        (contact, "archived", True),
        (contact, "id", "0" * 24),
        (contact, "created_at", 1),
        (contact, "tags", None),
        (contact, "opted_in_subscription_types", {"type": "list", "data": []}),
        (contact, "merge_history", [{"type": "merge_history_item"}]),
        (form, "version", 7),
        (form, "version", True),
        (form, "archived", 0),
        (form, "archived", True),
        (form, "embed_url", "https://evil.example.com/"),
        (subscription_type, "state", "archived"),
        (subscription_type, "locale", "de"),
        (subscription_type, "default_translation", {"name": "News", "description": "", "locale": "en"}),
        (segment, "count", 7),
        (segment, "created_at", 1),
        (webhook_endpoint, "secret", "whsec_MTIz"),
        (webhook_endpoint, "consecutive_failures", 0.5),
        (conversation, "title", "About tea"),
        (conversation, "state", "closed"),
        (conversation, "admin_assignee_id", 1),
    ],
)
def test_another_value_is_refused_with_its_field_and_nothing_changes(
    api: ApiClient, make: Any, field: str, value: Any
) -> None:
    path = make(api)
    before = api.get(path).body
    settable = {"name": "Renamed", "custom_attributes": {"a": 1}, "enabled": False}
    refused = api.put(path, {**settable, field: value})
    assert (refused.status, refused.code, refused.field) == (422, "immutable_field", field)
    assert api.get(path).body == before


@pytest.mark.parametrize(
    ("path", "given", "field", "value"),
    [
        ("/contacts", {"role": "lead"}, "unsubscribed_from_sms", True),
        ("/contacts", {"role": "lead"}, "blocked", True),
        ("/contacts", {"role": "lead"}, "id", "0" * 24),
        ("/segments", {"name": "Leads", "query": {"field": "role", "operator": "=", "value": "lead"}}, "count", 7),
        (
            "/subscription_types",
            {"name": "Offers", "content_types": ["sms_message"], "consent_type": "opt_in"},
            "state",
            "live",
        ),
        ("/webhook_endpoints", {"url": "https://shop.example.com/", "topics": ["contact.created"]}, "secret", "x"),
        ("/suppressions", {"phone": SAMS_NUMBER, "note": "A letter"}, "cause", "keyword"),
        ("/tags", {"name": "VIP"}, "applied_at", 1),
    ],
)
def test_what_cannot_be_set_when_something_is_created_is_refused_and_nothing_is_created(
    api: ApiClient, path: str, given: dict[str, Any], field: str, value: Any
) -> None:
    before = api.get(path).body
    refused = api.post(path, given | {field: value})
    assert (refused.status, refused.code, refused.field) == (422, "immutable_field", field)
    assert api.get(path).body == before
    assert api.post(path, given | {"type": "user"}).status == 200


def test_notes_inserted_forms_and_jobs_refuse_what_cannot_be_set(api: ApiClient) -> None:
    form_path, sam = form(api), api.contact(role="lead")
    job = {"action": "subscribe", "subscription_type_id": api.live_type(), "contact_ids": [sam], "source_note": "Paper"}
    for path, given, field, value in (
        (f"/contacts/{sam}/notes", {"body": "Called"}, "created_at", 1),
        (f"{form_path}/insert", {}, "state", "signed_up"),
        ("/subscriptions/bulk", job, "changed", 7),
    ):
        refused = api.post(path, given | {field: value})
        assert (refused.status, refused.code, refused.field) == (422, "immutable_field", field)
    assert api.get(f"/contacts/{sam}/notes")["total_count"] == 0
    assert (api.get("/inserted_forms/1").status, api.get("/bulk_jobs/1").status) == (404, 404)


@pytest.mark.parametrize("make", OURS)
def test_null_empties_a_field_or_is_refused_but_is_never_ignored(api: ApiClient, make: Any) -> None:
    path = make(api)
    properties = description()["paths"][_described(path)]["put"]["requestBody"]["content"]["application/json"]["schema"]
    for field in description()["components"]["schemas"][properties["$ref"].rpartition("/")[2]]["properties"]:
        before = api.get(path).body
        changed = api.put(path, {field: None})
        if changed.status == 200:
            assert changed.body.get(field) in {None, "", _WHEN_EMPTY.get(field)}
        else:
            assert (changed.status, changed.code, changed.field) == (400, "parameter_invalid", field)
            assert api.get(path).body == before


def _described(path: str) -> str:
    return next(each for each in description()["paths"] if re.fullmatch(re.sub(r"{\w+}", "[^/]+", each), path))


def test_the_first_words_of_a_type_are_changed_where_they_are_shown_and_each_language_is_given_once(
    api: ApiClient,
) -> None:
    path = subscription_type(api)
    read = api.get(path).body
    first = {"locale": "en", "name": "News", "description": "What is new"}
    changed = api.put(path, {"translations": [first, read["translations"][1]]})
    assert (changed["default_translation"], changed["translations"]) == (first, [first, read["translations"][1]])
    assert api.put(path, changed.body | {"name": "Offers"})["default_translation"]["name"] == "Offers"
    given = {"content_types": ["email"], "consent_type": "opt_in", "name": "News"}
    assert api.post("/subscription_types", given | {"translations": [first]})["translations"] == [first]
    for body in ({"name": "Other", "translations": [first]}, {"name": "News", "translations": [first, first]}):
        for refused in (api.put(path, body), api.post("/subscription_types", given | body)):
            assert (refused.status, refused.field) == (400, "translations")
    of_form = api.put(form(api), {"translations": [{"locale": "es", "title": "Ofertas"}]})
    assert (of_form.status, of_form.field) == (400, "translations"), "the form's own language"


def test_an_error_names_the_field_of_the_request(api: ApiClient) -> None:
    """Rules name fields as the forms of pages do."""
    ana, long = api.get(contact(api))["owner_id"], "x" * 400
    message = {"message_type": "inapp", "body": "Hello", "from": {"type": "admin", "id": ana}}
    for method, path, body, field in (
        ("PUT", form(api), {"translations": [{"locale": "pt-BR", "title": long}]}, "translations.pt-BR.title"),
        ("PUT", form(api), {"translations": [{"locale": "xx", "title": "x"}]}, "translations"),
        ("PUT", "/workspace", {"messenger_greeting": {"en": long}}, "messenger_greeting.en"),
        ("PUT", "/workspace", {"confirmation_limits": {"number_day": 0}}, "confirmation_limits.number_day"),
        ("PUT", subscription_type(api), {"translations": [{"locale": "de", "name": " "}]}, "translations.0.name"),
        ("POST", "/conversations", {"from": {"type": "user"}, "body": "Hello"}, "from.id"),
        ("POST", "/messages", message | {"to": {"type": "user"}}, "to.id"),
    ):
        refused = api(method, path, body)
        assert (refused.status, refused.field) == (400, field), refused.body
    assert api.post("/contacts", {"role": "lead"}, Idempotency_Key="").field == "Idempotency-Key"


def test_null_removes_a_campaigns_filter_of_its_own_kind_only(api: ApiClient) -> None:
    path, other = campaign(api), campaign_to_a_segment(api)
    query, segment_id = api.get(path)["query"], api.get(other)["segment_id"]
    assert api.put(path, {"segment_id": None})["query"] == query, "people were added by surprise"
    assert api.put(other, {"query": None})["segment_id"] == segment_id
    assert api.put(other, {"segment_id": None, "query": query})["query"] == query
    assert api.put(path, {"query": None})["query"] is None


def test_fields_that_a_question_adds_can_be_sent_back_too(api: ApiClient) -> None:
    for path, question in ((segment(api), "include_count"), (contact(api), "include_merge_history")):
        read = api.get(f"{path}?{question}=true").body
        assert api.put(path, read).status == 200
    path = conversation(api)
    plain = api.get(f"{path}?display_as=plaintext").body
    assert api.put(f"{path}?display_as=plaintext", plain).status == 200


def test_the_type_and_fields_that_nobody_knows_are_ignored(api: ApiClient) -> None:
    path = contact(api)
    assert api.put(path, {"type": "user", "companies_count": 3, "name": "Sam"})["name"] == "Sam"
    assert api.put(path, {"id": path.rpartition("/")[2], "name": "Sam R."})["name"] == "Sam R."
