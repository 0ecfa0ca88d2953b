"""Merging two contacts."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from app.core import clock
from app.core.consent import eligibility
from app.core.contacts import records as contacts
from app.core.subscriptions import subscription_types
from app.models import ConsentEvent, DestinationOptOut, MessengerToken
from tests import make
from tests.listening import before_statements
from tests.make import EVES_NUMBER, NOON, SAMS_NUMBER
from tests.web import pages
from tests.web.api.client import ApiClient, database
from tests.web.embed.page import answer, open_form


@pytest.fixture
def offers(api: ApiClient) -> Iterator[str]:
    return api.live_type()


def attach(api: ApiClient, contact: str, offers: str) -> None:
    assert api.post(f"/contacts/{contact}/subscriptions", {"id": offers, "consent_type": "opt_in"}).status == 200


def detach(api: ApiClient, contact: str, offers: str) -> None:
    assert api.delete(f"/contacts/{contact}/subscriptions/{offers}").status == 200


def status(api: ApiClient, contact: str) -> str:
    (consent,) = api.get(f"/contacts/{contact}/consents")["data"]
    return str(consent["status"])


def merge(api: ApiClient, lead: str, user: str) -> None:
    assert api.post("/contacts/merge", {"from": lead, "into": user})["id"] == user


def test_a_lead_is_merged_into_a_user_and_responds_with_its_new_address(api: ApiClient) -> None:
    lead, sam = api.contact(role="lead", phone=SAMS_NUMBER, name="Sam"), api.contact(email="sam@example.com")
    merged = api.post("/contacts/merge?include_merge_history=true", {"from": lead, "into": sam})
    assert (merged["id"], merged["phone"], merged["name"], merged["email"]) == (
        sam,
        SAMS_NUMBER,
        "Sam",
        "sam@example.com",
    )
    assert merged["merge_history"][0]["source_contact_id"] == lead
    gone = api.get(f"/contacts/{lead}")
    assert (gone.status, gone.code, gone.headers["Link"]) == (
        410,
        "contact_merged",
        f'</contacts/{sam}>; rel="canonical"',
    )
    assert [each["id"] for each in api.get("/contacts")["data"]] == [sam]
    assert api.search("archived", "=", True) == []
    for method, path in (("PUT", ""), ("POST", "/archive"), ("POST", "/unarchive"), ("DELETE", "")):
        assert api(method, f"/contacts/{lead}{path}", {} if method == "PUT" else None).status == 410


def test_a_contact_that_was_merged_and_then_erased_is_not_found(api: ApiClient) -> None:
    lead, sam = api.contact(role="lead", phone=SAMS_NUMBER), api.contact(email="sam@example.com")
    merge(api, lead, sam)
    assert api.delete(f"/contacts/{sam}").status == 200
    for contact in (lead, sam):
        for method in ("GET", "PUT", "DELETE"):
            response = api(method, f"/contacts/{contact}", {} if method == "PUT" else None)
            assert (method, response.status, "Link" in response.headers) == (method, 404, False)


def test_merge_histories_of_many_contacts_take_one_statement(app: Flask, api: ApiClient) -> None:
    merged = []
    for number in range(4):
        sam = api.contact(external_id=str(number))
        merged.append([api.contact(role="lead", name=f"{number}-{each}") for each in range(number)])
        for lead in merged[-1]:
            merge(api, lead, sam)
    statements: list[str] = []
    with before_statements(database(app), lambda *given: statements.append(given[2])):
        listed = api.get("/contacts?include_merge_history=true")["data"]
    assert [[item["source_contact_id"] for item in each["merge_history"]] for each in listed] == merged[::-1]
    assert sum("merged_into_id IN" in statement for statement in statements) == 1
    assert len(statements) < 6


def test_the_history_is_returned_by_every_call_that_intercom_describes_with_it(api: ApiClient) -> None:
    sam, lead = api.contact(external_id="70"), api.contact(role="lead")
    merge(api, lead, sam)
    query = {"query": {"field": "id", "operator": "=", "value": sam}}
    for with_it in (True, False):
        question = f"?include_merge_history={str(with_it).lower()}"
        answers = (
            api.get(f"/contacts/{sam}{question}").body,
            api.get(f"/contacts/find_by_external_id/70{question}").body,
            api.put(f"/contacts/{sam}{question}", {"name": f"Sam {with_it}"}).body,
            *api.post(f"/contacts/search{question}", query)["data"],
        )
        shown = [[item["source_contact_id"] for item in each.get("merge_history", ())] for each in answers]
        assert shown == [[lead] if with_it else []] * 4


@pytest.mark.parametrize("first", ["lead", "user"])
def test_an_opt_out_of_either_contact_applies_to_the_result(api: ApiClient, offers: str, first: str) -> None:
    lead, sam = api.contact(role="lead", phone=SAMS_NUMBER), api.contact(external_id="70", phone=SAMS_NUMBER)
    opted_in, opted_out = (sam, lead) if first == "lead" else (lead, sam)
    attach(api, opted_in, offers)
    detach(api, opted_out, offers)
    merge(api, lead, sam)
    assert status(api, sam) == "opted_out"


def test_an_opt_in_is_not_carried_over_to_another_number(api: ApiClient, offers: str) -> None:
    lead, sam = api.contact(role="lead", phone=EVES_NUMBER), api.contact(external_id="70", phone=SAMS_NUMBER)
    attach(api, lead, offers)
    merge(api, lead, sam)
    assert status(api, sam) == "never_asked"
    assert api.get(f"/contacts/{sam}")["phone"] == SAMS_NUMBER


def test_an_opt_in_for_the_resulting_number_is_carried_over(app: Flask, api: ApiClient, offers: str) -> None:
    lead, sam = api.contact(role="lead", phone=SAMS_NUMBER), api.contact(external_id="70")
    attach(api, lead, offers)
    merge(api, lead, sam)
    assert status(api, sam) == "opted_in"
    newest, merged, _ = api.get(f"/contacts/{sam}/consent_events")["data"]
    assert (merged["action"], newest["action"]) == ("merge", "opt_in")
    for line in (merged, newest):
        assert line["evidence"]["details"]["merged_from"] == lead
    with database(app).read_only() as session:
        assert len(session.scalars(select(ConsentEvent)).all()) == 3


def test_the_evidence_of_an_opt_in_is_carried_over(app: Flask, api: ApiClient, offers: str) -> None:
    form = api.post("/forms", {"subscription_type_id": offers, "title": "Texts from Harbour Coffee"})
    client = app.test_client()
    assert answer(client, open_form(client, urlsplit(form["embed_url"]).path), SAMS_NUMBER).state == "done"
    (lead,) = (each["id"] for each in api.get("/contacts")["data"])
    sam = api.contact(external_id="70")
    merge(api, lead, sam)
    assert status(api, sam) == "opted_in"
    listed = api.get(f"/contacts/{sam}/consent_events")
    carried, _, original = listed["data"]
    assert (listed["total_count"], carried["contact_id"], original["contact_id"]) == (3, sam, lead)
    for line in (carried, original):
        assert (line["source"], line["evidence_level"]) == ("form", "web_unverified")
        assert "Texts from Harbour Coffee" in line["evidence"]["words"]
    assert carried["evidence"]["details"]["event_id"] == int(original["id"])
    assert (carried["actor"].partition(":")[0], original["inserted_form_id"] is not None) == ("api", True)
    shown = pages.agent(app).get(f"/contacts/{sam}").text
    assert (f"Recorded for the contact {lead}" in shown, shown.count("What they saw")) == (True, 2)


def test_a_later_opt_in_revokes_the_opt_outs_of_both_contacts(app: Flask, offers: str, api: ApiClient) -> None:
    lead, sam = api.contact(role="lead", phone=SAMS_NUMBER), api.contact(external_id="70")
    detach(api, sam, offers)
    with database(app).unit_of_work() as session:
        make.opt_out(session, contacts.find(session, lead), subscription_types.find(session, int(offers)))
    merge(api, lead, sam)
    with database(app).unit_of_work() as session:
        found, subscription_type = contacts.find(session, sam), subscription_types.find(session, int(offers))
        assert set(session.scalars(select(DestinationOptOut.contact_id))) == {found.id}
        make.opt_in(session, found, subscription_type, at=clock.now())
        assert eligibility.status(session, found, subscription_type).is_reachable


@pytest.mark.parametrize("before", ["never_asked", "opted_in"])
def test_an_opt_out_with_the_users_number_applies_though_the_lead_opted_in_with_another(
    app: Flask, api: ApiClient, offers: str, before: str
) -> None:
    lead, sam = api.contact(role="lead", phone=SAMS_NUMBER), api.contact(external_id="70", phone=SAMS_NUMBER)
    if before == "opted_in":
        attach(api, sam, offers)
    with database(app).unit_of_work() as session:
        contact, subscription_type = contacts.find(session, lead), subscription_types.find(session, int(offers))
        make.opt_out(session, contact, subscription_type)
        contacts.change_phone(session, contact, EVES_NUMBER, at=NOON)
        make.opt_in(session, contact, subscription_type)
    merge(api, lead, sam)
    assert status(api, sam) == "opted_out"
    with database(app).unit_of_work() as session:
        found, subscription_type = contacts.find(session, sam), subscription_types.find(session, int(offers))
        make.opt_in(session, found, subscription_type, at=clock.now())
        assert eligibility.status(session, found, subscription_type).is_reachable


def test_a_merge_into_an_archived_contact_or_with_a_duplicate_address_is_refused(api: ApiClient) -> None:
    lead, sam = api.contact(role="lead", email="sam@example.com"), api.contact(external_id="70")
    api.contact(email="sam@example.com")
    taken = api.post("/contacts/merge", {"from": lead, "into": sam})
    assert (taken.status, taken.code) == (409, "conflict")
    assert api.get(f"/contacts/{lead}")["email"] == "sam@example.com"
    api.post(f"/contacts/{sam}/archive")
    other = api.contact(role="lead", phone=EVES_NUMBER)
    gone = api.post("/contacts/merge", {"from": other, "into": sam})
    assert (gone.status, gone.code, gone.field) == (400, "invalid_merge", "into")
    assert api.get(f"/contacts/{other}")["phone"] == EVES_NUMBER


def test_an_opt_in_for_a_suppressed_number_is_not_carried_over(api: ApiClient, offers: str) -> None:
    lead, sam = api.contact(role="lead", phone=SAMS_NUMBER), api.contact(external_id="70")
    attach(api, lead, offers)
    api.post("/suppressions", {"phone": SAMS_NUMBER, "note": "x"})
    merge(api, lead, sam)
    assert status(api, sam) == "never_asked"


def test_a_block_of_either_contact_applies_to_the_result(api: ApiClient) -> None:
    lead, sam = api.contact(role="lead", unsubscribed_from_emails=True), api.contact(external_id="70")
    api.post(f"/contacts/{lead}/block")
    merge(api, lead, sam)
    kept = api.get(f"/contacts/{sam}")
    assert (kept["blocked"], kept["unsubscribed_from_emails"]) == (True, True)


def test_conversations_and_open_forms_are_carried_over_but_not_messenger_tokens(
    app: Flask, api: ApiClient, offers: str
) -> None:
    lead, sam = api.contact(role="lead"), api.contact(external_id="70")
    begun = api.post("/conversations", {"from": {"type": "lead", "id": lead}, "body": "Hello?"})
    form = api.post("/forms", {"subscription_type_id": offers, "title": "Texts"})
    inserted = api.post(f"/forms/{form['id']}/insert", {"contact_id": lead})
    with database(app).unit_of_work() as session:
        lead_id = session.connection().exec_driver_sql("SELECT min(id) FROM contacts").scalar_one()
        session.add(MessengerToken(token_hash="h", contact_id=lead_id, created_at=NOON, last_used_at=NOON))
    merge(api, lead, sam)
    found = api.get(f"/conversations/{begun['conversation_id']}")
    assert found["contacts"]["contacts"][0]["id"] == sam
    assert api.get(f"/inserted_forms/{inserted['id']}")["contact_id"] == sam
    with database(app).read_only() as session:
        assert session.scalars(select(MessengerToken)).one().ended_at is not None


def test_a_chain_of_merges_points_to_the_last_contact(api: ApiClient) -> None:
    first, second, sam = api.contact(role="lead"), api.contact(role="lead"), api.contact(external_id="70")
    merge(api, first, second)
    merge(api, second, sam)
    assert api.get(f"/contacts/{first}").headers["Link"] == f'</contacts/{sam}>; rel="canonical"'
    api.delete(f"/contacts/{sam}")
    assert api.get(f"/contacts/{first}").status in {404, 410}


def test_merging_two_different_people_is_refused(api: ApiClient) -> None:
    sam, eve = api.contact(external_id="70", phone=SAMS_NUMBER), api.contact(external_id="71", phone=EVES_NUMBER)
    lead = api.contact(role="lead")
    for source, target in ((sam, sam), (sam, eve), (sam, lead)):
        response = api.post("/contacts/merge", {"from": source, "into": target})
        assert (response.status, response.code) == (400, "invalid_merge")
    request = {"from": sam, "into": eve, "skip_duplicate_validation": True}
    assert api.post("/contacts/merge", request)["id"] == eve
    assert api.post("/contacts/merge", {"from": sam, "into": eve}).code == "contact_merged"
    assert api.post("/contacts/merge", {"from": "nobody", "into": eve}).code == "not_found"


def test_users_with_the_same_number_can_be_merged(api: ApiClient) -> None:
    sam, also = api.contact(external_id="70", phone=SAMS_NUMBER), api.contact(external_id="71", phone=SAMS_NUMBER)
    merge(api, sam, also)
