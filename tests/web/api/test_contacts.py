"""Contacts over the API."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.core import clock
from app.core.accounts import agents as accounts
from app.models import Consent, ConsentEvent, ConsentEvidence, Contact, OutboxEvent, Role, Suppression
from tests.make import EVES_NUMBER, SAMS_NUMBER
from tests.web.api.client import Calls, database


def test_a_slash_before_an_external_id_leads_to_nobody_else(app: Flask, api: Calls) -> None:
    people = {external_id: api.contact(external_id=external_id) for external_id in ("lead", "/lead", "a//b", "//")}
    for external_id, person in people.items():
        assert api.get(f"/contacts/find_by_external_id/{external_id}")["id"] == person
    assert api.get("//contacts").code == "not_found"
    assert Calls(app, None).get("/contacts/find_by_external_id//lead").code == "unauthorized"


def test_numbers_are_taken_for_ids_and_null_for_nothing(api: Calls) -> None:
    sam = api.contact(external_id=70, role=None, phone=SAMS_NUMBER)
    assert api.get("/contacts/find_by_external_id/70")["id"] == sam
    begun = api.post("/conversations", {"from": {"type": "user", "user_id": 70}, "body": "hi"})
    reply = {"message_type": "comment", "type": "user", "user_id": 70, "body": "hi"}
    assert api.post(f"/conversations/{begun['conversation_id']}/reply", reply).status == 200
    assert api.post("/conversations/last/reply", reply | {"user_id": None, "intercom_user_id": 7}).code == "not_found"
    kind = api.live_type(description=None)
    form = api.post("/forms", {"subscription_type_id": kind, "title": "Texts", "locale": None})
    assert api.post(f"/forms/{form['id']}/insert", {"external_id": 70, "expires_in": None})["contact_id"] == sam
    assert api.put(f"/contacts/{sam}", {"role": None, "name": "Sam"})["role"] == "user"
    query = {"field": "role", "operator": "=", "value": "user"}
    assert api.post("/contacts/search", {"query": query, "sort": {"field": None, "order": None}})["total_count"] == 1
    assert api.post("/contacts/search", {"query": None}).field == "query"


def test_a_contact_has_so_many_custom_attributes_however_they_are_given(api: Calls) -> None:
    sam = api.contact(role="lead", custom_attributes={f"a{number}": 1 for number in range(100)})
    assert api.put(f"/contacts/{sam}", {"custom_attributes": {"b": 1}}).field == "custom_attributes"
    assert api.put(f"/contacts/{sam}", {"custom_attributes": {"b": 1, "a1": None}}).status == 200
    assert api.put(f"/contacts/{sam}", {"custom_attributes": {"b": "x" * 63_990}}).field == "custom_attributes"
    assert api.put(f"/contacts/{sam}", {"custom_attributes": {"b": None, "a2": "two"}}).status == 200
    assert len(api.get(f"/contacts/{sam}")["custom_attributes"]) == 99


def test_a_contact_is_made_found_and_changed(api: Calls) -> None:
    made = api.post(
        "/contacts",
        {"email": "Sam@Example.com", "phone": "+1 (202) 555-0123", "name": "Sam", "custom_attributes": {"plan": "pro"}},
    )
    assert (made["role"], made["email"], made["email_domain"], made["phone"]) == (
        "user",
        "sam@example.com",
        "example.com",
        SAMS_NUMBER,
    )
    assert len(made["id"]) == 24
    assert api.get(f"/contacts/{made['id']}").body == made.body
    changed = api.put(f"/contacts/{made['id']}", {"name": None, "custom_attributes": {"plan": None, "age": 7}})
    assert (changed["name"], changed["email"], changed["custom_attributes"]) == (None, "sam@example.com", {"age": 7})


def test_a_lead_needs_nothing_but_its_role(api: Calls) -> None:
    made = api.post("/contacts", {"role": "lead", "phone": SAMS_NUMBER})
    assert (made["role"], made["email"], made["external_id"], made["phone"]) == ("lead", "", None, SAMS_NUMBER)


def test_every_field_that_may_be_given_comes_back(app: Flask, api: Calls) -> None:
    with database(app).unit_of_work() as session:
        ana = accounts.create_agent(
            session, email="ana@example.com", name="Ana", role=Role.AGENT, password_hash=None, at=clock.now()
        )
    given = {
        "external_id": "70",
        "name": "Sam",
        "avatar": "https://example.com/sam.png",
        "signed_up_at": 1_700_000_000,
        "last_seen_at": 1_700_000_100,
        "owner_id": ana.id,
        "unsubscribed_from_emails": True,
        "language_override": "es",
    }
    body = api.post("/contacts", given).body
    assert body["avatar"]["image_url"] == given["avatar"]
    assert body["owner_id"] == str(ana.id)
    assert {name: body[name] for name in given if name not in {"avatar", "owner_id"}} == {
        name: value for name, value in given.items() if name not in {"avatar", "owner_id"}
    }


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "email"),
        ({"role": "user", "phone": SAMS_NUMBER}, "role"),
        ({"role": "boss"}, "role"),
        ({"email": "not an address"}, "email"),
        ({"role": "lead", "email_verified": True}, "email_verified"),
        ({"role": "lead", "name": 7}, "name"),
        ({"role": "lead", "name": "x" * 501}, "name"),
        ({"role": "lead", "name": "a\0b"}, "name"),
        ({"role": "lead", "signed_up_at": "soon"}, "signed_up_at"),
        ({"role": "lead", "signed_up_at": True}, "signed_up_at"),
        ({"role": "lead", "signed_up_at": 10**20}, "signed_up_at"),
        ({"role": "lead", "owner_id": "4711"}, "owner_id"),
        ({"role": "lead", "owner_id": 10**30}, "owner_id"),
        ({"role": "lead", "avatar": "javascript:alert(1)"}, "avatar"),
        ({"role": "lead", "unsubscribed_from_emails": "maybe"}, "unsubscribed_from_emails"),
        ({"role": "lead", "custom_attributes": {"a": {"b": 1}}}, "custom_attributes"),
        ({"role": "lead", "custom_attributes": {'a"b': 1}}, "custom_attributes"),
        ({"role": "lead", "custom_attributes": [1]}, "custom_attributes"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_field(api: Calls, given: Any, field: str) -> None:
    answer = api.post("/contacts", given)
    assert (answer.status, answer.field) == (400, field)
    assert api.get("/contacts")["total_count"] == 0


def test_somebody_who_is_there_already_is_told_by_id(api: Calls) -> None:
    first = api.contact(email="sam@example.com", external_id="70")
    for again in ({"email": "SAM@example.com"}, {"external_id": "70"}):
        answer = api.post("/contacts", again)
        assert (answer.status, answer.code) == (409, "conflict")
        assert answer.body["errors"][0]["message"] == f"A contact matching those details already exists with id={first}"
    api.post(f"/contacts/{first}/archive")
    told = api.post("/contacts", {"email": "sam@example.com"}).body["errors"][0]["message"]
    assert told == f"An archived contact matching those details already exists with id={first}"


def test_leads_may_share_an_address_and_anybody_a_number(api: Calls) -> None:
    api.contact(email="sam@example.com", phone=SAMS_NUMBER)
    assert api.post("/contacts", {"role": "lead", "email": "sam@example.com", "phone": SAMS_NUMBER}).status == 200


def test_nobody_takes_over_anothers_id_or_address_by_a_change(api: Calls) -> None:
    api.contact(email="sam@example.com", external_id="70")
    eve = api.contact(email="eve@example.com")
    for change in ({"email": "sam@example.com"}, {"external_id": "70"}):
        assert api.put(f"/contacts/{eve}", change).code == "conflict"
    assert api.get(f"/contacts/{eve}")["email"] == "eve@example.com"


def test_a_user_is_found_by_its_external_id_however_that_is_written(api: Calls) -> None:
    sam = api.contact(external_id="a/b c")
    assert api.get("/contacts/find_by_external_id/a/b%20c")["id"] == sam
    api.contact(role="lead", external_id="lead-1")
    for missing in ("lead-1", "nobody", "%00"):
        assert api.get(f"/contacts/find_by_external_id/{missing}").code == "not_found"


@pytest.mark.parametrize("missing", ["abc", "0" * 24, "%00" * 3, "ü", "1"])
def test_whom_nobody_knows_is_not_found(api: Calls, missing: str) -> None:
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/archive"), ("GET", "/subscriptions")):
        answer = api(method, f"/contacts/{missing}{path}", {} if method == "PUT" else None)
        assert (answer.status, answer.code) == (404, "not_found")
        assert answer.body["errors"][0]["message"] == "User Not Found"


def test_an_opt_in_does_not_come_along_to_another_number(api: Calls) -> None:
    kind, sam = api.live_type(), api.contact(external_id="70", phone=SAMS_NUMBER)
    api.post(f"/contacts/{sam}/subscriptions", {"id": kind, "consent_type": "opt_in"})
    changed = api.put(f"/contacts/{sam}", {"phone": EVES_NUMBER})
    assert (changed["sms_consent"], changed["opted_in_subscription_types"]["data"]) == (False, [])
    assert api.put(f"/contacts/{sam}", {"phone": SAMS_NUMBER})["sms_consent"] is True


def test_archived_contacts_are_out_of_lists_and_come_back(api: Calls) -> None:
    sam = api.contact(email="sam@example.com")
    assert api.post(f"/contacts/{sam}/archive").body == {
        "type": "contact",
        "id": sam,
        "external_id": None,
        "archived": True,
    }
    assert api.get("/contacts")["data"] == []
    assert api.search("email", "=", "sam@example.com") == []
    assert api.search("archived", "=", True) == [sam]
    assert api.get(f"/contacts/{sam}")["archived"] is True
    assert api.post(f"/contacts/{sam}/unarchive")["archived"] is False
    assert api.search("email", "=", "sam@example.com") == [sam]


def test_a_blocked_contact_is_reached_by_nothing(api: Calls) -> None:
    kind, sam = api.live_type(), api.contact(external_id="70", phone=SAMS_NUMBER)
    api.post(f"/contacts/{sam}/subscriptions", {"id": kind, "consent_type": "opt_in"})
    assert api.post(f"/contacts/{sam}/block")["blocked"] is True
    assert api.post(f"/contacts/{sam}/block")["blocked"] is True
    (consent,) = api.get(f"/contacts/{sam}/consents")["data"]
    assert (consent["subscribed"], consent["reachable"], consent["reasons"]) == (True, False, ["blocked"])


@pytest.mark.parametrize("erase", [("DELETE", ""), ("POST", "/erase")])
def test_erasing_leaves_the_ledger_and_nobody_in_it(app: Flask, api: Calls, erase: tuple[str, str]) -> None:
    given = {"external_id": "70", "email": "sam@example.com", "phone": SAMS_NUMBER}
    kind, sam = api.live_type(), api.post("/contacts", given, Idempotency_Key="sam")["id"]
    api.post("/suppressions", {"phone": EVES_NUMBER, "note": "x"})
    api.post(f"/contacts/{sam}/subscriptions", {"id": kind, "consent_type": "opt_in"})
    api.delete(f"/contacts/{sam}/subscriptions/{kind}")
    api.post("/suppressions", {"phone": SAMS_NUMBER, "note": "Asked at the counter."})
    begun = api.post("/conversations", {"from": {"type": "user", "id": sam}, "body": "I am Sam."})
    gone = api(erase[0], f"/contacts/{sam}{erase[1]}")
    assert gone.body == {"type": "contact", "id": sam, "external_id": "70", "deleted": True}
    assert api.get(f"/contacts/{sam}").code == "not_found"
    assert api.get(f"/conversations/{begun['conversation_id']}").code == "not_found"
    assert api.search("archived", "=", True) == []
    with database(app).read_only() as session:
        row = session.scalars(select(Contact)).one()
        assert (row.phone, row.phone_hash, row.email, row.external_id, row.name) == (None, None, None, None, None)
        assert len(session.scalars(select(ConsentEvent)).all()) == 2
        columns = [column for column in ConsentEvidence.__table__.c if column.name not in {"event_id", "erased_at"}]
        assert set(session.execute(select(*columns)).all()) == {(None,) * len(columns)}
        assert None not in session.scalars(select(ConsentEvidence.erased_at)).all()
        assert session.scalars(select(Consent)).all() == []
        numbers = {(each.phone, each.note) for each in session.scalars(select(Suppression))}
        assert numbers == {(None, ""), (EVES_NUMBER, "x")}
        topics = session.scalars(select(OutboxEvent.topic).order_by(OutboxEvent.id)).all()
        assert topics[-2:] == ["contact.deleted", "contact.erased"]
        assert "contact.updated" not in topics
    kept = api.post("/contacts", given, Idempotency_Key="sam")
    assert (kept.status, kept.code, SAMS_NUMBER in str(kept.body)) == (409, "idempotency_conflict", False)
    assert api.post("/contacts", {"external_id": "70", "email": "sam@example.com"}).status == 200
    again = api.contact(role="lead", phone=SAMS_NUMBER)
    assert api.post(f"/contacts/{again}/subscriptions", {"id": kind, "consent_type": "opt_in"}).code == "suppressed"


def test_other_systems_are_told(app: Flask, api: Calls) -> None:
    sam = api.contact(role="lead")
    api.put(f"/contacts/{sam}", {"name": "Sam"})
    with database(app).read_only() as session:
        told = session.scalars(select(OutboxEvent.topic).order_by(OutboxEvent.id)).all()
    assert told == ["contact.created", "contact.updated"]


def test_there_are_no_tags_but_the_list_of_them(api: Calls) -> None:
    assert api.get(f"/contacts/{api.contact(role='lead')}/tags").body == {"type": "list", "data": []}
