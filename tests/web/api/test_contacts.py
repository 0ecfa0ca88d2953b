"""Contacts over the API."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.models import Consent, ConsentEvent, ConsentEvidence, Contact, OutboxEvent, Suppression
from tests import make
from tests.make import EVES_NUMBER, SAMS_NUMBER
from tests.web.api.client import ApiClient, database


def test_an_external_id_that_begins_with_a_slash_finds_its_own_contact(app: Flask, api: ApiClient) -> None:
    people = {external_id: api.contact(external_id=external_id) for external_id in ("lead", "/lead", "a//b", "//")}
    for external_id, person in people.items():
        assert api.get(f"/contacts/find_by_external_id/{external_id}")["id"] == person
    assert api.get(f"//contacts/{people['lead']}")["id"] == people["lead"]  # a base address that ends with a slash
    assert ApiClient(app, None).get("/contacts/find_by_external_id//lead").code == "unauthorized"


def test_numbers_are_accepted_as_ids_and_null_as_absent(api: ApiClient) -> None:
    sam = api.contact(external_id=70, role=None, phone=SAMS_NUMBER)
    assert api.get("/contacts/find_by_external_id/70")["id"] == sam
    begun = api.post("/conversations", {"from": {"type": "user", "user_id": 70}, "body": "hi"})
    reply = {"message_type": "comment", "type": "user", "user_id": 70, "body": "hi"}
    assert api.post(f"/conversations/{begun['conversation_id']}/reply", reply).status == 200
    assert api.post("/conversations/last/reply", reply | {"user_id": None, "intercom_user_id": 7}).code == "not_found"
    offers = api.live_type(description=None)
    form = api.post("/forms", {"subscription_type_id": offers, "title": "Texts", "locale": None})
    assert api.post(f"/forms/{form['id']}/insert", {"external_id": 70, "expires_in": None})["contact_id"] == sam
    assert api.put(f"/contacts/{sam}", {"role": None, "name": "Sam"})["role"] == "user"
    query = {"field": "role", "operator": "=", "value": "user"}
    assert api.post("/contacts/search", {"query": query, "sort": {"field": None, "order": None}})["total_count"] == 1
    assert api.post("/contacts/search", {"query": None}).field == "query"


def test_custom_attributes_are_limited_in_number_and_size(api: ApiClient) -> None:
    sam = api.contact(role="lead", custom_attributes={f"a{number}": 1 for number in range(100)})
    assert api.put(f"/contacts/{sam}", {"custom_attributes": {"b": 1}}).field == "custom_attributes"
    assert api.put(f"/contacts/{sam}", {"custom_attributes": {"b": 1, "a1": None}}).status == 200
    assert api.put(f"/contacts/{sam}", {"custom_attributes": {"b": "x" * 63_990}}).field == "custom_attributes"
    assert api.put(f"/contacts/{sam}", {"custom_attributes": {"b": None, "a2": "two"}}).status == 200
    assert len(api.get(f"/contacts/{sam}")["custom_attributes"]) == 99


def test_a_contact_is_created_found_and_changed(api: ApiClient) -> None:
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
    same = api.put(f"/contacts/{made['id']}", {"custom_attributes": None})
    assert (same.status, same["custom_attributes"]) == (200, {"age": 7})
    assert api.post("/contacts", {"role": "lead", "custom_attributes": None})["custom_attributes"] == {}


def test_a_lead_needs_only_its_role(api: ApiClient) -> None:
    made = api.post("/contacts", {"role": "lead", "phone": SAMS_NUMBER})
    assert (made["role"], made["email"], made["external_id"], made["phone"]) == ("lead", "", None, SAMS_NUMBER)


def test_every_writable_field_is_returned(app: Flask, api: ApiClient) -> None:
    with database(app).unit_of_work() as session:
        ana = make.agent(session)
    given = {
        "external_id": "70",
        "name": "Sam",
        "avatar": "https://example.com/sam.png",
        "signed_up_at": 1_700_000_000,
        "last_seen_at": 1_700_000_100,
        "owner_id": ana.id,
        "unsubscribed_from_emails": True,
        "language_override": "es",
        "time_zone": "Europe/Berlin",
        "gdpr_optin": True,
    }
    body = api.post("/contacts", given).body
    assert body["avatar"]["image_url"] == given["avatar"]
    assert body["owner_id"] == str(ana.id)
    assert {name: body[name] for name in given if name not in {"avatar", "owner_id"}} == {
        name: value for name, value in given.items() if name not in {"avatar", "owner_id"}
    }
    emptied = api.put(f"/contacts/{body['id']}", dict.fromkeys(("avatar", "language_override", "time_zone"), ""))
    assert (emptied["avatar"], emptied["language_override"], emptied["time_zone"]) == (None, None, None)
    assert api.put(f"/contacts/{body['id']}", {"avatar": given["avatar"]})["avatar"]["image_url"] == given["avatar"]
    assert api.put(f"/contacts/{body['id']}", {"avatar": {"type": "avatar", "image_url": None}})["avatar"] is None


@pytest.mark.databases("sqlite")
def test_only_an_email_of_the_same_request_can_be_verified(api: ApiClient) -> None:
    contact = f"/contacts/{api.post('/contacts', {'email': 'sam@example.com'})['id']}"
    refused = api.put(contact, {"email_verified": True})
    assert (refused.status, refused.field) == (400, "email_verified")
    assert api.put(contact, {"email_verified": None}).status == 200
    assert api.put(contact, {"email": "sam@example.com", "email_verified": True}).status == 200


@pytest.mark.databases("sqlite")
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
        ({"role": "lead", "gdpr_optin": "yes"}, "gdpr_optin"),
        ({"role": "lead", "time_zone": "Berlin"}, "time_zone"),
        ({"role": "lead", "time_zone": "posix/Europe/Berlin"}, "time_zone"),
        ({"role": "lead", "time_zone": "localtime"}, "time_zone"),
        ({"role": "lead", "time_zone": 1}, "time_zone"),
        ({"role": "lead", "custom_attributes": {"a": {"b": 1}}}, "custom_attributes"),
        ({"role": "lead", "custom_attributes": {'a"b': 1}}, "custom_attributes"),
        ({"role": "lead", "custom_attributes": [1]}, "custom_attributes"),
    ],
)
def test_invalid_values_are_refused_with_their_field(api: ApiClient, given: Any, field: str) -> None:
    response = api.post("/contacts", given)
    assert (response.status, response.field) == (400, field)
    assert api.get("/contacts")["total_count"] == 0


def test_a_time_zone_is_stored_by_its_name_and_can_be_changed_and_removed(api: ApiClient) -> None:
    sam = api.contact(external_id="70", time_zone="america/new_york")
    assert api.get(f"/contacts/{sam}")["time_zone"] == "America/New_York"
    assert api.put(f"/contacts/{sam}", {"name": "Sam"})["time_zone"] == "America/New_York"
    assert api.put(f"/contacts/{sam}", {"time_zone": "Mars/Olympus"}).field == "time_zone"
    assert api.put(f"/contacts/{sam}", {"time_zone": "Asia/Tokyo"})["time_zone"] == "Asia/Tokyo"
    assert api.get("/contacts/find_by_external_id/70")["time_zone"] == "Asia/Tokyo"
    assert api.put(f"/contacts/{sam}", {"time_zone": None})["time_zone"] is None


def test_gdpr_optin_is_taken_answered_and_goes_back_only_with_a_note(api: ApiClient) -> None:
    sam = api.contact(external_id="70", gdpr_optin=False)
    assert api.get(f"/contacts/{sam}")["gdpr_optin"] is False
    for value in (True, None):
        refused = api.put(f"/contacts/{sam}", {"gdpr_optin": value, "source_note": " "})
        assert (refused.status, refused.field) == (400, "source_note")
    noted = api.put(f"/contacts/{sam}", {"gdpr_optin": True, "source_note": "Asked for it by phone."})
    assert noted["gdpr_optin"] is True
    api.contact(external_id="71")
    assert api.get("/contacts/find_by_external_id/71")["gdpr_optin"] is None


def test_a_duplicate_is_refused_with_the_id_of_the_existing_contact(api: ApiClient) -> None:
    first = api.contact(email="sam@example.com", external_id="70")
    for again in ({"email": "SAM@example.com"}, {"external_id": "70"}):
        response = api.post("/contacts", again)
        assert (response.status, response.code) == (409, "conflict")
        assert (
            response.body["errors"][0]["message"] == f"A contact matching those details already exists with id={first}"
        )
    api.post(f"/contacts/{first}/archive")
    message = api.post("/contacts", {"email": "sam@example.com"}).body["errors"][0]["message"]
    assert message == f"An archived contact matching those details already exists with id={first}"


def test_a_lead_may_have_the_address_and_number_of_another_contact(api: ApiClient) -> None:
    api.contact(email="sam@example.com", phone=SAMS_NUMBER)
    assert api.post("/contacts", {"role": "lead", "email": "sam@example.com", "phone": SAMS_NUMBER}).status == 200


def test_a_change_cannot_take_over_another_users_id_or_address(api: ApiClient) -> None:
    api.contact(email="sam@example.com", external_id="70")
    eve = api.contact(email="eve@example.com")
    for change in ({"email": "sam@example.com"}, {"external_id": "70"}):
        assert api.put(f"/contacts/{eve}", change).code == "conflict"
    assert api.get(f"/contacts/{eve}")["email"] == "eve@example.com"


def test_a_user_is_found_by_an_external_id_with_special_characters(api: ApiClient) -> None:
    sam = api.contact(external_id="a/b c")
    assert api.get("/contacts/find_by_external_id/a/b%20c")["id"] == sam
    api.contact(role="lead", external_id="lead-1")
    for missing in ("lead-1", "nobody", "%00"):
        assert api.get(f"/contacts/find_by_external_id/{missing}").code == "not_found"


@pytest.mark.parametrize("missing", ["abc", "0" * 24, "ü", "1"])
def test_unknown_ids_are_not_found(api: ApiClient, missing: str) -> None:
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/archive"), ("GET", "/subscriptions")):
        response = api(method, f"/contacts/{missing}{path}", {} if method == "PUT" else None)
        assert (response.status, response.code) == (404, "not_found")
        assert response.body["errors"][0]["message"] == "User Not Found"


def test_an_opt_in_does_not_count_for_another_number(api: ApiClient) -> None:
    offers, sam = api.live_type(), api.contact(external_id="70", phone=SAMS_NUMBER)
    api.post(f"/contacts/{sam}/subscriptions", {"id": offers, "consent_type": "opt_in"})
    changed = api.put(f"/contacts/{sam}", {"phone": EVES_NUMBER})
    assert (changed["sms_consent"], changed["opted_in_subscription_types"]["data"]) == (False, [])
    assert api.put(f"/contacts/{sam}", {"phone": SAMS_NUMBER})["sms_consent"] is True


def test_archived_contacts_are_not_listed_until_they_are_unarchived(api: ApiClient) -> None:
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


def test_a_blocked_contact_is_not_reachable(api: ApiClient) -> None:
    offers, sam = api.live_type(), api.contact(external_id="70", phone=SAMS_NUMBER)
    api.post(f"/contacts/{sam}/subscriptions", {"id": offers, "consent_type": "opt_in"})
    assert api.post(f"/contacts/{sam}/block")["blocked"] is True
    assert api.post(f"/contacts/{sam}/block")["blocked"] is True
    (consent,) = api.get(f"/contacts/{sam}/consents")["data"]
    assert (consent["subscribed"], consent["reachable"], consent["reasons"]) == (True, False, ["blocked"])


@pytest.mark.parametrize("erase", [("DELETE", ""), ("POST", "/erase")])
def test_erasing_leaves_the_ledger_without_personal_data(app: Flask, api: ApiClient, erase: tuple[str, str]) -> None:
    given = {"external_id": "70", "email": "sam@example.com", "phone": SAMS_NUMBER}
    offers, sam = api.live_type(), api.post("/contacts", given, Idempotency_Key="sam")["id"]
    api.post("/suppressions", {"phone": EVES_NUMBER, "note": "x"})
    api.post(f"/contacts/{sam}/subscriptions", {"id": offers, "consent_type": "opt_in"})
    api.delete(f"/contacts/{sam}/subscriptions/{offers}")
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
        said = ["opt_in", "opt_out", "suppress"]
        eve, *events = session.scalars(select(ConsentEvent).order_by(ConsentEvent.id))
        assert (eve.action, [each.action for each in events]) == ("suppress", [*said, "erase", "erase"])
        columns = [column for column in ConsentEvidence.__table__.c if column.name not in {"event_id", "erased_at"}]
        of_sam = ConsentEvidence.event_id.in_(each.id for each in events if each.action in said)
        erasures = session.scalars(select(ConsentEvidence).where(ConsentEvidence.event_id > events[2].id)).all()
        assert [(each.destination, each.note, each.ip_address) for each in erasures] == [(None, None, None)] * 2
        assert set(session.execute(select(*columns).where(of_sam)).all()) == {(None,) * len(columns)}
        assert None not in session.scalars(select(ConsentEvidence.erased_at).where(of_sam)).all()
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
    assert api.post(f"/contacts/{again}/subscriptions", {"id": offers, "consent_type": "opt_in"}).code == "suppressed"


def test_changes_of_a_contact_are_published(app: Flask, api: ApiClient) -> None:
    sam = api.contact(role="lead")
    changed = api.put(f"/contacts/{sam}", {"name": "Sam"})
    assert api.put(f"/contacts/{sam}", changed.body).body == changed.body, "nothing differs"
    with database(app).read_only() as session:
        topics = session.scalars(select(OutboxEvent.topic).order_by(OutboxEvent.id)).all()
    assert topics == ["contact.created", "contact.updated"]
