"""Conversations and forms over the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from app.core import clock
from app.core.conversations import appending, lifecycle, messages
from app.core.conversations.appending import NewMessage
from app.models import ApiToken, AuditEntry, BotRule, BotTrigger, Contact, Conversation, OutboundChat, Role
from tests import make
from tests.make import SAMS_NUMBER
from tests.web.api.client import ApiClient, database, description


@pytest.fixture
def ana(app: Flask) -> str:
    """The id of an agent."""
    with database(app).unit_of_work() as session:
        return str(make.agent(session, email="ana@example.com", name="Ana").id)


@pytest.fixture
def sam(api: ApiClient) -> str:
    return api.contact(external_id="70", email="sam@example.com", phone=SAMS_NUMBER, name="Sam")


@pytest.fixture
def conversation(api: ApiClient, sam: str) -> str:
    return str(
        api.post("/conversations", {"from": {"type": "user", "id": sam}, "body": "a < b\nand"})["conversation_id"]
    )


def parts(response: Any) -> list[tuple[str, str, Any]]:
    found = response["conversation_parts"]["conversation_parts"]
    return [(part["part_type"], part["author"]["type"], part["body"]) for part in found]


def test_a_conversation_is_listed_with_escaped_html(api: ApiClient, conversation: str, sam: str) -> None:
    (listed,) = api.get("/conversations")["conversations"]
    assert (listed["id"], listed["state"], listed["open"], listed["read"]) == (conversation, "open", True, False)
    assert listed["source"]["body"] == "a &lt; b<br>and"
    assert listed["source"]["author"] == {"type": "user", "id": sam, "name": "Sam", "email": "sam@example.com"}
    assert "conversation_parts" not in listed
    plain = api.get(f"/conversations/{conversation}?display_as=plaintext")
    assert plain["source"]["body"] == "a < b\nand"
    assert plain["contacts"]["contacts"] == [{"type": "contact", "id": sam, "external_id": "70"}]


@pytest.mark.parametrize("who", [{"user_id": "70"}, {"email": "Sam@example.com"}])
def test_the_contact_may_be_given_by_user_id_or_email(api: ApiClient, sam: str, who: Any) -> None:
    conversation = api.post("/conversations", {"from": {"type": "contact", **who}, "body": "hi"})
    assert api.get(f"/conversations/{conversation['conversation_id']}")["contacts"]["contacts"][0]["id"] == sam


def test_contacts_and_admins_reply_and_admins_add_notes(api: ApiClient, conversation: str, sam: str, ana: str) -> None:
    reply = {"message_type": "comment", "type": "admin", "admin_id": int(ana), "body": "yes?"}
    api.post(f"/conversations/{conversation}/reply", reply)
    api.post("/conversations/last/reply", reply | {"message_type": "note", "body": "a regular"})
    said = api.post(
        "/conversations/last/reply",
        {"message_type": "comment", "type": "user", "intercom_user_id": sam, "body": "still there"},
    )
    assert parts(said) == [
        ("comment", "admin", "yes?"),
        ("note", "admin", "a regular"),
        ("comment", "user", "still there"),
    ]
    assert said["conversation_parts"]["total_count"] == 3


def test_a_rule_and_an_outbound_chat_are_bots_with_their_names(
    app: Flask, api: ApiClient, conversation: str, sam: str
) -> None:
    at = clock.now()
    stamps = {"created_by": "agent:1", "created_at": at, "updated_at": at}
    with database(app).unit_of_work() as session:
        rule = BotRule(name="Welcome", position=1, trigger=BotTrigger.OPEN, body="Hello!", **stamps)
        chat = OutboundChat(name="News", body="Have you seen it?", **stamps)
        session.add_all([rule, chat])
        session.flush()
        for author in (f"bot:{rule.id}", f"outbound:{chat.id}"):
            messages.post(session, int(conversation), NewMessage(author, "Hello!"), at=at)
    said = api.get(f"/conversations/{conversation}")["conversation_parts"]["conversation_parts"]
    authors = [{name: part["author"][name] for name in ("type", "id", "name")} for part in said]
    assert authors == [
        {"type": "bot", "id": f"bot:{rule.id}", "name": "Welcome"},
        {"type": "bot", "id": f"outbound:{chat.id}", "name": "News"},
    ]


def test_messages_and_forms_are_audited_with_the_token_as_actor(app: Flask, api: ApiClient, sam: str, ana: str) -> None:
    conversation = api.post("/conversations", {"from": {"type": "user", "id": sam}, "body": "hi"})["conversation_id"]
    reply = {"message_type": "comment", "type": "admin", "admin_id": int(ana), "body": "yes?"}
    api.post(f"/conversations/{conversation}/reply", reply)
    api.post(f"/conversations/{conversation}/reply", reply | {"message_type": "note"}, Idempotency_Key="once")
    api.post(f"/conversations/{conversation}/reply", reply | {"message_type": "note"}, Idempotency_Key="once")
    api.post(f"/conversations/{conversation}/reply", reply | {"type": "user", "intercom_user_id": sam})
    sent = api.post(
        "/messages",
        {"message_type": "inapp", "body": "x", "from": {"type": "admin", "id": ana}, "to": {"type": "user", "id": sam}},
    )
    form = api.post("/forms", {"subscription_type_id": api.live_type(), "title": "Texts"})["id"]
    api.post(f"/conversations/{conversation}/forms", {"form_id": form})
    inserted = api.post(f"/forms/{form}/insert", {"contact_id": sam})["id"]
    with database(app).read_only() as session:
        token_id = session.scalars(select(ApiToken.id)).one()
        entries = session.scalars(
            select(AuditEntry)
            .where(AuditEntry.action.like("conversation.%") | (AuditEntry.action == "form.inserted"))
            .order_by(AuditEntry.id)
        ).all()
    assert {each.actor for each in entries} == {f"api:{token_id}"}
    assert [(each.action, each.subject, each.details.get("as")) for each in entries] == [
        ("conversation.begun", f"conversation:{conversation}", "contact"),
        ("conversation.comment", f"conversation:{conversation}", f"agent:{ana}"),
        ("conversation.note", f"conversation:{conversation}", f"agent:{ana}"),
        ("conversation.comment", f"conversation:{conversation}", "contact"),
        ("conversation.begun", f"conversation:{sent['conversation_id']}", f"agent:{ana}"),
        ("conversation.form_inserted", f"conversation:{conversation}", None),
        ("form.inserted", f"inserted_form:{inserted}", None),
    ]


def test_an_admin_closes_opens_and_assigns_a_conversation(
    app: Flask, api: ApiClient, conversation: str, ana: str
) -> None:
    path, step = f"/conversations/{conversation}/parts", {"type": "admin", "admin_id": ana}
    for _ in range(2):
        assert api.post(path, step | {"message_type": "close"})["state"] == "closed"
    assert api.post(path, step | {"message_type": "open", "body": "<p>Once more</p>"})["state"] == "open"
    assert api.post(path, step | {"message_type": "assignment", "assignee_id": int(ana)})["admin_assignee_id"] == int(
        ana
    )
    done = api.post(path, step | {"message_type": "assignment", "assignee_id": "0"})
    assert parts(done) == [
        ("close", "admin", None),
        ("comment", "admin", "Once more"),
        ("open", "admin", None),
        ("assignment", "admin", None),
        ("assignment", "admin", None),
    ]
    for change, status, field in (
        ({"message_type": "snoozed", "snoozed_until": 1}, 422, "message_type"),
        ({"message_type": "assignment"}, 400, "assignee_id"),
        ({"message_type": "assignment", "assignee_id": "991"}, 404, "assignee_id"),
        ({"message_type": "close", "admin_id": "991"}, 404, "admin_id"),
    ):
        response = api.post(path, step | change)
        assert (response.status, response.field) == (status, field)
    assert api.post("/conversations/991/parts", step | {"message_type": "close"}).code == "not_found"


def test_a_contact_cannot_reply_in_another_contacts_conversation(api: ApiClient, conversation: str) -> None:
    eve = api.contact(external_id="eve")
    reply = {"message_type": "comment", "type": "user", "intercom_user_id": eve, "body": "let me in"}
    assert api.post(f"/conversations/{conversation}/reply", reply).code == "not_found"
    assert api.post("/conversations/last/reply", reply).code == "not_found"
    assert parts(api.get(f"/conversations/{conversation}")) == []


def test_an_admin_starts_a_conversation(api: ApiClient, sam: str, ana: str) -> None:
    message = {
        "message_type": "in_app",
        "body": "ready",
        "from": {"type": "admin", "id": ana},
        "to": [{"type": "user", "id": sam}],
    }
    sent = api.post("/messages", message)
    found = api.get(f"/conversations/{sent['conversation_id']}")
    assert (found["admin_assignee_id"], found["source"]["delivered_as"]) == (int(ana), "admin_initiated")
    for message_type in ("email", "whatsapp"):
        refused = api.post("/messages", message | {"message_type": message_type})
        assert (refused.status, refused.code) == (422, "not_available")
    assert api.post("/messages", message | {"from": {"type": "admin", "id": "991"}}).code == "not_found"


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"body": " "}, 400, "body"),
        ({"body": "x" * 5001}, 400, "body"),
        ({"admin_id": None, "type": "admin"}, 400, "admin_id"),
        ({"admin_id": "991"}, 404, "admin_id"),
        ({"type": "user"}, 400, "intercom_user_id"),
        ({"message_type": "quick_reply"}, 422, "message_type"),
        ({"message_type": "quick_reply", "body": None, "reply_options": [{"text": "Yes"}]}, 422, "message_type"),
        ({"message_type": "quick_reply", "type": "user"}, 422, "message_type"),
        ({"message_type": "shout"}, 400, "message_type"),
    ],
)
def test_an_invalid_reply_is_refused_with_its_field(
    api: ApiClient, conversation: str, ana: str, change: Any, status: int, field: str
) -> None:
    reply = {"message_type": "comment", "type": "admin", "admin_id": ana, "body": "yes?"} | change
    response = api.post(f"/conversations/{conversation}/reply", reply)
    assert (response.status, response.field) == (status, field)
    assert parts(api.get(f"/conversations/{conversation}")) == []


def test_a_blocked_contact_cannot_start_a_conversation_or_reply(api: ApiClient, conversation: str, sam: str) -> None:
    api.post(f"/contacts/{sam}/block")
    assert api.post("/conversations", {"from": {"type": "user", "id": sam}, "body": "hi"}).code == "blocked"
    reply = {"message_type": "comment", "type": "user", "intercom_user_id": sam, "body": "hi"}
    assert api.post(f"/conversations/{conversation}/reply", reply).code == "blocked"


def test_blocking_closes_conversations_and_refuses_messages_to_the_contact(
    api: ApiClient, conversation: str, sam: str, ana: str
) -> None:
    form = api.post("/forms", {"subscription_type_id": api.live_type(), "title": "Texts"})["id"]
    for _ in range(2):
        api.post(f"/contacts/{sam}/block")
    closed = api.get(f"/conversations/{conversation}")
    assert (closed["state"], [part["part_type"] for part in closed["conversation_parts"]["conversation_parts"]]) == (
        "closed",
        ["close"],
    )
    reply = {"message_type": "comment", "type": "admin", "admin_id": ana, "body": "hi"}
    message = {
        "message_type": "inapp",
        "body": "x",
        "from": {"type": "admin", "id": ana},
        "to": {"type": "user", "id": sam},
    }
    for path, body in (
        ("/messages", message),
        (f"/conversations/{conversation}/reply", reply),
        (f"/conversations/{conversation}/forms", {"form_id": form}),
        (f"/forms/{form}/insert", {"contact_id": sam}),
    ):
        response = api.post(path, body)
        assert (response.status, response.code) == (409, "blocked"), path
    assert api.post(f"/conversations/{conversation}/reply", reply | {"message_type": "note"}).status == 200


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (
            "<p>Hello &amp; welcome</p><p>See <a href='https://x.example'>here</a></p>",
            "Hello & welcome\nSee here (https://x.example)",
        ),
        ('<a href="https://x.example/?a=1&amp;b=%22">A &lt;b&gt;</a>', "A <b> (https://x.example/?a=1&b=%22)"),
        ('<a href="https://x.example/">x.example</a>, <a href="/a">b</a>', "https://x.example/, b"),
        ('<a href="mailto:ana@x.example?subject=Tea">Ana</a>', "Ana (ana@x.example)"),
        ('<a href="tel:+12025550123">+12025550123</a>', "+12025550123"),
        ('<a href="javascript:alert(1)">x</a> <a>y</a>', "x y"),
        ('<img src="https://x.example/a.png">', "https://x.example/a.png"),
        (
            '<p>Here:</p><img alt="Map" src="https://x.example/a.png"><p>End</p>',
            "Here:\nMap (https://x.example/a.png) End",
        ),
        (
            '<a href="https://x.example/b"><img src="https://x.example/a.png"></a>',
            "https://x.example/a.png (https://x.example/b)",
        ),
        ('one<img src="data:image/png;base64,AAAA">two', "one two"),
        ('<img alt="1 > 0" src="https://x.example/a.png">', "1 > 0 (https://x.example/a.png)"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<div><b>Bold</b>\n text</div><script>alert(1)</script>", "Bold text"),
        ("a < b &amp; c > d", "a < b &amp; c > d"),
        ("I <3 you\nso", "I <3 you\nso"),
        ("a <b and c> d", "a <b and c> d"),
        ("<p>1 &lt; 2</p>", "1 < 2"),
        ("<p>" + "x" * 5000 + "</p>", "x" * 5000),
    ],
)
def test_html_is_reduced_to_its_text(api: ApiClient, conversation: str, sam: str, sent: str, kept: str) -> None:
    reply = {"message_type": "comment", "type": "user", "intercom_user_id": sam, "body": sent}
    api.post(f"/conversations/{conversation}/reply", reply)
    assert parts(api.get(f"/conversations/{conversation}?display_as=plaintext"))[-1][2] == kept


def test_the_description_has_the_maximum_length_of_bodies(app: Flask) -> None:
    schemas = description()["components"]["schemas"]
    for name in ("NewConversation", "Reply", "NewMessage"):
        assert schemas[name]["properties"]["body"]["maxLength"] == appending.BODY_MAX


def test_email_messages_are_refused_as_not_available(api: ApiClient) -> None:
    refused = api.post("/messages", {"message_type": "email", "subject": "hi"})
    assert (refused.status, refused.code) == (422, "not_available")


def test_an_etag_gets_a_304_until_something_changes(api: ApiClient, conversation: str, sam: str) -> None:
    first = api.get("/conversations")
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = api.get("/conversations", If_None_Match=first.headers["ETag"])
    assert (again.status, again.body) == (304, None)
    api.post(
        f"/conversations/{conversation}/reply",
        {"message_type": "comment", "type": "user", "intercom_user_id": sam, "body": "hello?"},
    )
    assert api.get("/conversations", If_None_Match=first.headers["ETag"]).status == 200


def test_conversations_are_paginated_by_cursor(api: ApiClient, sam: str) -> None:
    begin = {"from": {"type": "user", "id": sam}, "body": "hi"}
    ids = [str(api.post("/conversations", begin)["conversation_id"]) for _ in range(5)]
    seen, following = [], ""
    for _ in range(3):
        page = api.get(f"/conversations?per_page=2{following}")
        seen += [each["id"] for each in page["conversations"]]
        api.post("/conversations", begin)
        following = f"&starting_after={page['pages']['next']['starting_after']}" if "next" in page["pages"] else ""
    assert seen == ids[::-1]
    assert page["total_count"] == 5


def test_a_form_is_created_changed_and_inserted_into_a_conversation(
    api: ApiClient, conversation: str, sam: str
) -> None:
    offers = api.live_type()
    form = api.post(
        "/forms",
        {"subscription_type_id": int(offers), "title": "Texts", "allowed_origins": ["https://shop.example.com"]},
    )
    assert (form["button_text"], form["version"], form["verify_number"]) == ("Sign Up Now", 1, "off")
    changed = api.put(
        f"/forms/{form['id']}", {"button_text": "Text me", "translations": [{"locale": "es", "title": "Mensajes"}]}
    )
    assert (changed["version"], changed["title"], changed["button_text"], changed["allowed_origins"]) == (
        2,
        "Texts",
        "Text me",
        ["https://shop.example.com"],
    )
    assert changed["translations"][0]["title"] == "Mensajes"
    assert api.get("/forms")["data"] == [changed.body]
    with_form = api.post(f"/conversations/{conversation}/forms", {"form_id": form["id"]})
    card = with_form["conversation_parts"]["conversation_parts"][-1]["form"]
    assert (card["type"], card["state"], card["form_id"]) == ("inserted_form", "waiting", form["id"])
    assert api.app.test_client().get(card["embed_url"]).status_code == 200
    inserted = api.get(f"/inserted_forms/{card['id']}")
    assert (inserted["contact_id"], inserted["conversation_id"], inserted["version"]) == (sam, conversation, 2)
    configured = api.post(
        f"/conversations/{conversation}/forms", {"subscription_type_id": offers, "title": "Just for you"}
    )
    assert configured["conversation_parts"]["conversation_parts"][-1]["form"]["title"] == "Just for you"
    assert len(api.get("/forms")["data"]) == 1
    assert api.post(f"/forms/{form['id']}/archive")["archived"] is True
    assert api.get(f"/inserted_forms/{card['id']}")["state"] == "unavailable"
    assert api.post(f"/forms/{form['id']}/insert", {"contact_id": sam}).code == "invalid_state"
    assert api.post(f"/forms/{form['id']}/unarchive")["archived"] is False


def test_an_inserted_form_is_withdrawn_unless_it_was_answered(api: ApiClient, sam: str) -> None:
    form = api.post("/forms", {"subscription_type_id": api.live_type(), "title": "Texts"})
    waiting = api.post(f"/forms/{form['id']}/insert", {"contact_id": sam})
    assert (waiting["state"], waiting["withdrawn_at"]) == ("waiting", None)
    withdrawn = api.post(f"/inserted_forms/{waiting['id']}/withdraw")
    assert (withdrawn["state"], withdrawn["withdrawn_at"] is not None) == ("withdrawn", True)
    again = api.post(f"/inserted_forms/{waiting['id']}/withdraw")
    assert again["withdrawn_at"] == withdrawn["withdrawn_at"]
    assert api.post("/inserted_forms/999999/withdraw").status == 404
    answered = api.post(f"/forms/{form['id']}/insert", {"contact_id": sam})
    person = api.app.test_client()
    page = person.get(answered["embed_url"]).get_data(as_text=True)
    shown = page.partition('name="shown" value="')[2].partition('"')[0]
    person.post(answered["embed_url"], data={"shown": shown})
    assert api.post(f"/inserted_forms/{answered['id']}/withdraw").code == "invalid_state"


def test_a_form_inserted_for_another_messenger_is_answered_and_shown_as_signed_up(api: ApiClient, sam: str) -> None:
    offers = api.live_type()
    form = api.post("/forms", {"subscription_type_id": offers, "title": "Texts"})
    inserted = api.post(f"/forms/{form['id']}/insert", {"external_id": "70", "expires_in": 3600})
    assert inserted["expires_at"] - inserted["created_at"] == 3600
    person = api.app.test_client()
    page = person.get(inserted["embed_url"]).get_data(as_text=True)
    shown = page.partition('name="shown" value="')[2].partition('"')[0]
    assert person.post(inserted["embed_url"], data={"shown": shown}).status_code == 303
    found = api.get(f"/inserted_forms/{inserted['id']}")
    assert (found["state"], found["answered_at"] is not None) == ("signed_up", True)
    (event,) = api.get(f"/contacts/{sam}/consent_events")["data"]
    assert (event["id"], event["source"], event["inserted_form_id"]) == (
        found["consent_event_id"],
        "form",
        inserted["id"],
    )
    assert "Texts" in event["evidence"]["words"]


def test_a_form_is_inserted_for_one_person_and_by_one_description(api: ApiClient) -> None:
    given = {"subscription_type_id": api.live_type(), "title": "Texts"}
    form, sam = api.post("/forms", given)["id"], api.contact(external_id="70")
    api.contact(external_id="71")
    path = f"/forms/{form}/insert"
    assert api.post(path, {"contact_id": sam, "external_id": 70})["contact_id"] == sam
    assert api.post(path, {"contact_id": sam, "external_id": "71"}).field == "external_id"
    begun = api.post("/conversations", {"from": {"type": "user", "id": sam}, "body": "Hello"})
    both = api.post(f"/conversations/{begun['conversation_id']}/forms", given | {"form_id": form})
    assert (both.status, both.field) == (400, "form_id")


def test_a_form_inserted_without_a_body_has_no_contact(api: ApiClient) -> None:
    form = api.post("/forms", {"subscription_type_id": api.live_type(), "title": "Texts"})
    assert api.post(f"/forms/{form['id']}/insert")["contact_id"] is None


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"title": " "}, 400, "title"),
        ({"subscription_type_id": "99"}, 400, "subscription_type_id"),
        ({"subscription_type_id": "x"}, 400, "subscription_type_id"),
        ({"accent_color": "red"}, 400, "accent_color"),
        ({"default_country": "Atlantis"}, 400, "default_country"),
        ({"default_country": "QQ"}, 400, "default_country"),
        ({"allowed_origins": ["nothing"]}, 400, "allowed_origins"),
        ({"allowed_origins": "https://shop.example.com"}, 400, "allowed_origins"),
        ({"locale": "xx"}, 400, "locale"),
        ({"verify_number": True}, 400, "verify_number"),
        ({"verify_number": "voice"}, 400, "verify_number"),
        ({"translations": [{"locale": "es"}]}, 400, "translations.0.title"),
    ],
)
def test_an_invalid_form_is_refused_with_its_field(api: ApiClient, change: Any, status: int, field: str) -> None:
    body = {"subscription_type_id": api.live_type(), "title": "Texts"}
    response = api.post("/forms", body | change)
    assert (response.status, response.field) == (status, field)
    form = api.post("/forms", body)
    assert api.put(f"/forms/{form['id']}", change).status == status
    assert api.get(f"/forms/{form['id']}")["version"] == 1


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"contact_id": "nobody"}, 404, "contact_id"),
        ({"external_id": "nobody"}, 404, "external_id"),
        ({"expires_in": 1}, 400, "expires_in"),
        ({"expires_in": "1h"}, 400, "expires_in"),
        ({"expires_in": 10**12}, 400, "expires_in"),
        ({"origin": "nothing"}, 400, "origin"),
    ],
)
def test_an_invalid_insertion_is_refused_with_its_field(api: ApiClient, body: Any, status: int, field: str) -> None:
    form = api.post("/forms", {"subscription_type_id": api.live_type(), "title": "Texts"})
    response = api.post(f"/forms/{form['id']}/insert", body)
    assert (response.status, response.field) == (status, field)
    assert api.post("/forms/99/insert", {}).code == "not_found"


def find_by(api: ApiClient, *query: Any, **more: Any) -> list[str]:
    """The ids that a search with one filter finds."""
    field, operator, value = query
    body = {"query": {"field": field, "operator": operator, "value": value}} | more
    return [each["id"] for each in api.post("/conversations/search", body)["conversations"]]


def test_the_admins_of_a_conversation_are_named_twice(api: ApiClient, conversation: str, ana: str) -> None:
    """Intercom's description says ``teammates``; its clients read ``admins``."""
    assign = {"message_type": "assignment", "type": "admin", "admin_id": ana, "assignee_id": ana}
    teammates = api.post(f"/conversations/{conversation}/parts", assign)["teammates"]
    assert teammates["admins"] == teammates["teammates"] == [{"type": "admin", "id": ana}]


def test_conversations_are_found_by_every_field(api: ApiClient, conversation: str, sam: str, ana: str) -> None:
    with time_machine.travel(clock.now() + timedelta(hours=1)):
        eve = api.contact(external_id="eve")
        second = api.post("/conversations", {"from": {"type": "user", "id": eve}, "body": "A table, please"})
        other = str(second["conversation_id"])
        for step in ({"message_type": "assignment", "assignee_id": ana}, {"message_type": "close"}):
            api.post(f"/conversations/{other}/parts", {"type": "admin", "admin_id": ana, **step})
    at_s = api.get(f"/conversations/{conversation}")["updated_at"]
    other_s = api.get(f"/conversations/{other}")["updated_at"]
    expected: list[tuple[str, str, Any, list[str]]] = [
        ("id", "=", conversation, [conversation]),
        ("id", ">", int(conversation), [other]),
        ("id", "IN", [conversation, 10**12], [conversation]),
        ("created_at", "<", at_s + 60, [conversation]),
        ("updated_at", ">", at_s, [other]),
        ("updated_at", ">=", at_s, [conversation, other]),
        ("updated_at", "=", at_s, [conversation]),
        ("updated_at", "!=", at_s, [other]),
        ("updated_at", "<=", other_s, [conversation, other]),
        ("updated_at", "<", other_s, [conversation]),
        ("open", "=", True, [conversation]),
        ("open", "!=", True, [other]),
        ("state", "=", "closed", [other]),
        ("read", "=", False, [other, conversation]),
        ("source.body", "~", "TABLE", [other]),
        ("source.body", "!~", "table", [conversation]),
        ("contact_ids", "IN", [sam], [conversation]),
        ("contact_ids", "!=", sam, [other]),
        ("admin_assignee_id", "=", ana, [other]),
        ("admin_assignee_id", "=", None, [conversation]),
        ("source.type", "IN", ["conversation", "sms"], [other, conversation]),
        ("source.type", "=", "sms", []),
        ("priority", "!=", "none", []),
        ("title", "=", None, [other, conversation]),
        ("title", "!~", "tea", [other, conversation]),
        ("waiting_since", ">", 1, []),
        ("team_assignee_id", "!=", 1, [other, conversation]),
    ]
    for field, operator, value, found in expected:
        assert find_by(api, field, operator, value) == found, (field, operator, value)
    both = {
        "operator": "OR",
        "value": [{"field": "id", "operator": "=", "value": each} for each in (conversation, other)],
    }
    sort = {"field": "updated_at", "order": "ascending"}
    listed = api.post("/conversations/search", {"query": both, "sort": sort})
    assert [each["id"] for each in listed["conversations"]] == [conversation, other]
    assert "conversation_parts" not in listed["conversations"][0]


def test_conversations_are_found_by_who_began_them_as_responses_show_it(
    api: ApiClient, conversation: str, sam: str, ana: str
) -> None:
    to_sam = {"from": {"type": "admin", "id": ana}, "to": {"type": "user", "id": sam}}
    sent = str(api.post("/messages", to_sam | {"message_type": "inapp", "body": "ready"})["conversation_id"])
    shown = {each: api.get(f"/conversations/{each}")["source"]["delivered_as"] for each in (conversation, sent)}
    assert shown == {conversation: "customer_initiated", sent: "admin_initiated"}
    for each, delivered_as in shown.items():
        assert find_by(api, "source.delivered_as", "=", delivered_as) == [each]
        assert each not in find_by(api, "source.delivered_as", "!=", delivered_as)
    assert find_by(api, "source.delivered_as", "^", "automated") == []


@pytest.mark.parametrize("sort", [None, {"field": "updated_at", "order": "descending"}, {"field": "id"}])
def test_a_search_of_conversations_is_read_page_by_page(api: ApiClient, sam: str, sort: Any) -> None:
    begun = [api.post("/conversations", {"from": {"type": "user", "id": sam}, "body": "hi"}) for _ in range(5)]
    ids = [str(each["conversation_id"]) for each in begun]
    query = {"query": {"field": "open", "operator": "=", "value": True}, "sort": sort}
    found: list[str] = []
    cursor = None
    while True:
        page = api.post("/conversations/search", query | {"pagination": {"per_page": 2, "starting_after": cursor}})
        assert page["total_count"] == 5
        found += [each["id"] for each in page["conversations"]]
        if "next" not in page["pages"]:
            break
        cursor = page["pages"]["next"]["starting_after"]
    assert found == ids[::-1]


@pytest.mark.parametrize(
    ("query", "more", "field"),
    [
        ({"field": "email", "operator": "=", "value": "x"}, {}, "query.field"),
        ({"field": "subscription_types.1", "operator": "=", "value": "opted_in"}, {}, "query.field"),
        ({"field": "id", "operator": "~", "value": 1}, {}, "query.operator"),
        ({"field": "id", "operator": "=", "value": "x"}, {}, "query.value"),
        ({"field": "updated_at", "operator": "=", "value": None}, {}, "query.value"),
        ({"field": "open", "operator": "=", "value": True}, {"sort": {"field": "state"}}, "sort.field"),
        ({"field": "open", "operator": "=", "value": True}, {"sort": {"field": "id", "order": "up"}}, "sort.order"),
    ],
)
def test_an_invalid_search_of_conversations_is_refused(api: ApiClient, query: Any, more: Any, field: str) -> None:
    refused = api.post("/conversations/search", {"query": query, **more})
    assert (refused.status, refused.field) == (400, field)


def test_a_conversation_is_marked_as_read_and_unread(app: Flask, api: ApiClient, conversation: str) -> None:
    no_admin = api.put(f"/conversations/{conversation}", {"read": True})
    assert (no_admin.status, no_admin.field) == (409, "read")
    with database(app).unit_of_work() as session:
        make.agent(session, role=Role.ADMIN)
    for is_read in (True, True, False, False, True):
        assert api.put(f"/conversations/{conversation}", {"read": is_read})["read"] is is_read
        assert api.get(f"/conversations/{conversation}")["read"] is is_read
        assert find_by(api, "read", "=", is_read) == [conversation]
    assert api.put("/conversations/999", {"read": True}).status == 404


def test_custom_attributes_of_a_conversation_are_merged(api: ApiClient, conversation: str) -> None:
    api.put(f"/conversations/{conversation}", {"custom_attributes": {"order": 7, "topic": "table"}})
    changed = api.put(f"/conversations/{conversation}", {"custom_attributes": {"topic": None, "size": "four"}})
    assert changed["custom_attributes"] == {"order": 7, "size": "four"}
    assert api.put(f"/conversations/{conversation}", {"custom_attributes": None}).status == 200
    assert api.get("/conversations")["conversations"][0]["custom_attributes"] == {"order": 7, "size": "four"}
    assert api.put(f"/conversations/{conversation}", {"custom_attributes": {"a": []}}).field == "custom_attributes"


def test_an_attachment_is_refused_with_its_field(api: ApiClient, conversation: str, sam: str) -> None:
    reply = {"message_type": "comment", "type": "user", "intercom_user_id": sam, "body": "see"}
    refused = api.post(
        f"/conversations/{conversation}/reply", reply | {"attachment_urls": ["https://example.com/a.png"]}
    )
    assert (refused.status, refused.code, refused.field) == (422, "not_available", "attachment_urls")
    assert api.post(f"/conversations/{conversation}/reply", reply | {"attachment_urls": []}).status == 200


PAST = 1_600_000_000


def test_a_conversation_is_moved_here_with_the_times_of_its_messages(api: ApiClient, ana: str, sam: str) -> None:
    newer = api.post("/conversations", {"from": {"type": "user", "id": sam}, "body": "today"})["conversation_id"]
    begun = api.post("/conversations", {"from": {"type": "user", "id": sam}, "body": "hi", "created_at": PAST})
    assert begun["created_at"] == PAST
    moved = begun["conversation_id"]
    reply = {"message_type": "comment", "type": "admin", "admin_id": ana, "body": "hello", "created_at": PAST + 60}
    answered = api.post(f"/conversations/{moved}/reply", reply)
    assert (answered["created_at"], answered["updated_at"]) == (PAST, PAST + 60)
    again = {"message_type": "comment", "type": "user", "user_id": "70", "body": "thanks", "created_at": PAST + 60}
    closing = {"message_type": "close", "type": "admin", "admin_id": ana}
    parts = api.post(f"/conversations/{moved}/reply", again)["conversation_parts"]["conversation_parts"]
    assert [(each["body"], each["created_at"]) for each in parts] == [("hello", PAST + 60), ("thanks", PAST + 60)]
    query = {"field": "created_at", "operator": "<", "value": PAST + 1}
    found = api.post("/conversations/search", {"query": query, "sort": {"field": "created_at"}})["conversations"]
    assert [each["id"] for each in found] == [moved]
    # the last conversation of the contact is the one that began last
    assert api.post("/conversations/last/reply", again | {"body": "now", "created_at": None})["id"] == newer
    assert api.post(f"/conversations/{moved}/parts", closing)["updated_at"] > PAST + 60
    early = api.post(f"/conversations/{moved}/reply", again)
    assert (early.status, early.code, early.field) == (400, "parameter_invalid", "created_at")


@pytest.mark.parametrize("moment", [946_684_799, 4_000_000_000, 1.5, "yesterday", True, -1])
def test_an_earlier_time_is_a_past_one_in_whole_seconds(api: ApiClient, ana: str, sam: str, moment: Any) -> None:
    begun = {"from": {"type": "user", "id": sam}, "body": "hi"}
    chat = api.post("/conversations", begun)["conversation_id"]
    reply = {"message_type": "note", "type": "admin", "admin_id": ana, "body": "hello"}
    message = {"message_type": "inapp", "body": "b", "from": {"type": "admin", "id": ana}, "to": begun["from"]}
    for path, body in (("conversations", begun), (f"conversations/{chat}/reply", reply), ("messages", message)):
        refused = api.post(f"/{path}", body | {"created_at": moment})
        assert (refused.status, refused.code, refused.field) == (400, "parameter_invalid", "created_at")


def test_a_message_of_an_admin_keeps_its_earlier_time_and_a_text_has_none(api: ApiClient, ana: str, sam: str) -> None:
    message = {"message_type": "inapp", "body": "b", "from": {"type": "admin", "id": ana}, "created_at": PAST}
    message["to"] = {"type": "user", "id": sam}
    begun = api.post("/messages", message)
    assert begun["created_at"] == PAST
    assert api.get(f"/conversations/{begun['conversation_id']}")["updated_at"] == PAST
    text = api.post("/messages", message | {"message_type": "sms", "subscription_type_id": api.live_type()})
    assert (text.status, text.code, text.field) == (422, "not_available", "created_at")


def test_a_moved_message_opens_its_conversation_again_at_its_own_time(app: Flask, api: ApiClient, sam: str) -> None:
    with database(app).unit_of_work() as session:
        contact_id = session.scalars(select(Contact.id)).one()
        at = datetime.fromtimestamp(PAST, UTC)
        chat = lifecycle.start(session, contact_id, at=at)
        messages.post(session, chat.id, NewMessage(appending.CONTACT, "hi"), at=at)
        lifecycle.close(session, chat.id, actor="system", at=at)
        stamps = [chat.change_number]
    reply = {"message_type": "comment", "type": "user", "intercom_user_id": sam, "body": "b", "created_at": PAST + 9}
    reopened = api.post(f"/conversations/{chat.id}/reply", reply)
    assert (reopened["open"], reopened["updated_at"]) == (True, PAST + 9)
    assert [each["created_at"] for each in reopened["conversation_parts"]["conversation_parts"]][1:] == [PAST + 9] * 2
    with database(app).read_only() as session:
        stamps.append(session.get_one(Conversation, chat.id).change_number)
    assert stamps[0] < stamps[1]


def test_a_message_is_in_no_list_of_the_inbox_until_its_contact_replies(api: ApiClient, ana: str, sam: str) -> None:
    message: Any = {"message_type": "inapp", "body": "b", "from": {"type": "admin", "id": ana}}
    message |= {"to": {"type": "user", "id": sam}, "create_conversation_without_contact_reply": False}
    chat = api.post("/messages", message)["conversation_id"]
    assert (api.get(f"/conversations/{chat}")["open"], api.get(f"/conversations/{chat}")["state"]) == (False, "closed")
    reply = {"message_type": "comment", "type": "user", "user_id": "70", "body": "thanks"}
    assert api.post(f"/conversations/{chat}/reply", reply)["open"] is True
    shown = message | {"create_conversation_without_contact_reply": True}
    assert api.get(f"/conversations/{api.post('/messages', shown)['conversation_id']}")["open"] is True


def test_fields_of_intercom_without_an_effect_are_refused_by_name(api: ApiClient, ana: str, sam: str) -> None:
    begun: Any = {"from": {"type": "user", "id": sam}, "body": "hi"}
    chat = api.post("/conversations", begun | {"attachment_urls": [], "brand_id": None})["conversation_id"]
    reply = {"message_type": "comment", "type": "admin", "admin_id": ana, "body": "b", "skip_notifications": True}
    message = {"message_type": "inapp", "body": "b", "from": {"type": "admin", "id": ana}, "to": begun["from"]}
    for method, path, body, field, value in (
        ("POST", "/conversations", begun, "attachment_urls", ["https://example.com/a.png"]),
        ("POST", "/conversations", begun, "brand_id", "123"),
        ("POST", f"/conversations/{chat}/reply", reply, "reply_options", [{"text": "Yes", "uuid": "1"}]),
        ("POST", "/messages", message, "cc", [begun["from"]]),
        ("POST", "/messages", message, "bcc", begun["from"]),
        ("PUT", f"/conversations/{chat}", {"custom_attributes": {}}, "company_id", "6"),
    ):
        refused = api(method, path, body | {field: value})
        assert (refused.status, refused.code, refused.field) == (422, "not_available", field)
        assert api(method, path, body | {field: None}).status == 200


def test_conversations_are_found_by_their_source_and_teammates_as_responses_show_them(
    app: Flask, api: ApiClient, conversation: str, sam: str, ana: str
) -> None:
    to_sam = {"from": {"type": "admin", "id": ana}, "to": {"type": "user", "id": sam}}
    sent = str(api.post("/messages", to_sam | {"message_type": "inapp", "body": "ready"})["conversation_id"])
    with database(app).unit_of_work() as session:
        contact_id = session.scalars(select(Contact.id)).one()
        others = []
        for author in ("bot:7", "api:5", "system"):
            chat = lifecycle.start(session, contact_id, at=clock.now())
            messages.post(session, chat.id, NewMessage(author, "hi"), at=clock.now())
            others.append(str(chat.id))
    for each in (conversation, sent, *others):
        source = api.get(f"/conversations/{each}")["source"]
        assert each in find_by(api, "source.author.type", "=", source["author"]["type"])
        assert find_by(api, "source.author.id", "=", source["author"]["id"]) == [each]
        assert find_by(api, "source.id", "=", source["id"]) == [each]
    for each, email in ((conversation, "sam@example.com"), (sent, "ana@example.com")):
        assert find_by(api, "source.author.email", "=", email) == [each]
    assert find_by(api, "teammate_ids", "=", ana) == [sent]
    assert find_by(api, "tag_ids", "=", 1) == find_by(api, "source.url", "~", "shop") == []


@pytest.mark.parametrize(
    "field", ["statistics.last_close_at", "conversation_rating.score", "channel_initiated", "source.author.name"]
)
def test_a_field_of_intercom_that_is_not_kept_is_refused_by_name(api: ApiClient, field: str) -> None:
    refused = api.post("/conversations/search", {"query": {"field": field, "operator": "=", "value": 1}})
    assert (refused.status, refused.code, refused.field) == (400, "parameter_invalid", "query.field")
