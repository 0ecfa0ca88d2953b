"""Two contacts that are one person."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import event, select

from app.core import clock
from app.core.consent import eligibility
from app.core.contacts import records as contacts
from app.core.subscriptions import subscription_types
from app.models import ConsentEvent, DestinationOptOut, MessengerToken
from tests import make
from tests.make import EVES_NUMBER, NOON, SAMS_NUMBER
from tests.web import pages
from tests.web.api.client import Calls, database
from tests.web.embed.page import answer, look


@pytest.fixture
def kind(api: Calls) -> Iterator[str]:
    return api.live_type()


def attach(api: Calls, contact: str, kind: str) -> None:
    assert api.post(f"/contacts/{contact}/subscriptions", {"id": kind, "consent_type": "opt_in"}).status == 200


def detach(api: Calls, contact: str, kind: str) -> None:
    assert api.delete(f"/contacts/{contact}/subscriptions/{kind}").status == 200


def status(api: Calls, contact: str) -> str:
    (consent,) = api.get(f"/contacts/{contact}/consents")["data"]
    return str(consent["status"])


def merge(api: Calls, lead: str, user: str) -> None:
    assert api.post("/contacts/merge", {"from": lead, "into": user})["id"] == user


def test_a_lead_becomes_part_of_a_user_and_answers_where_it_went(api: Calls) -> None:
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


def test_merge_histories_of_many_take_one_statement(app: Flask, api: Calls) -> None:
    merged = []
    for number in range(4):
        sam = api.contact(external_id=str(number))
        merged.append([api.contact(role="lead", name=f"{number}-{each}") for each in range(number)])
        for lead in merged[-1]:
            merge(api, lead, sam)
    statements: list[str] = []
    event.listen(database(app).engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    told = api.get("/contacts?include_merge_history=true")["data"]
    assert [[item["source_contact_id"] for item in each["merge_history"]] for each in told] == merged[::-1]
    assert sum("merged_into_id IN" in statement for statement in statements) == 1
    assert len(statements) < 6


@pytest.mark.parametrize("first", ["lead", "user"])
def test_the_opt_out_of_either_wins(api: Calls, kind: str, first: str) -> None:
    lead, sam = api.contact(role="lead", phone=SAMS_NUMBER), api.contact(external_id="70", phone=SAMS_NUMBER)
    yes, no = (sam, lead) if first == "lead" else (lead, sam)
    attach(api, yes, kind)
    detach(api, no, kind)
    merge(api, lead, sam)
    assert status(api, sam) == "opted_out"


def test_no_opt_in_moves_to_another_number(api: Calls, kind: str) -> None:
    lead, sam = api.contact(role="lead", phone=EVES_NUMBER), api.contact(external_id="70", phone=SAMS_NUMBER)
    attach(api, lead, kind)
    merge(api, lead, sam)
    assert status(api, sam) == "never_asked"
    assert api.get(f"/contacts/{sam}")["phone"] == SAMS_NUMBER


def test_an_opt_in_for_the_very_number_comes_along(app: Flask, api: Calls, kind: str) -> None:
    lead, sam = api.contact(role="lead", phone=SAMS_NUMBER), api.contact(external_id="70")
    attach(api, lead, kind)
    merge(api, lead, sam)
    assert status(api, sam) == "opted_in"
    (newest,) = api.get(f"/contacts/{sam}/consent_events?per_page=1")["data"]
    assert newest["evidence"]["details"]["merged_from"] == lead
    with database(app).read_only() as session:
        assert len(session.scalars(select(ConsentEvent)).all()) == 2


def test_the_proof_of_a_yes_comes_along(app: Flask, api: Calls, kind: str) -> None:
    form = api.post("/forms", {"subscription_type_id": kind, "title": "Texts from Harbour Coffee"})
    client = app.test_client()
    assert answer(client, look(client, urlsplit(form["embed_url"]).path), SAMS_NUMBER).state == "done"
    (lead,) = (each["id"] for each in api.get("/contacts")["data"])
    sam = api.contact(external_id="70")
    merge(api, lead, sam)
    assert status(api, sam) == "opted_in"
    listed = api.get(f"/contacts/{sam}/consent_events")
    carried, original = listed["data"]
    assert (listed["total_count"], carried["contact_id"], original["contact_id"]) == (2, sam, lead)
    for line in (carried, original):
        assert (line["source"], line["evidence_level"]) == ("form", "web_unverified")
        assert "Texts from Harbour Coffee" in line["evidence"]["words"]
    assert carried["evidence"]["details"]["event_id"] == int(original["id"])
    assert (carried["actor"].partition(":")[0], original["inserted_form_id"] is not None) == ("api", True)
    shown = pages.agent(app).get(f"/contacts/{sam}").text
    assert (f"Said as the contact {lead}" in shown, shown.count("The words on the screen")) == (True, 2)


def test_the_persons_later_yes_takes_back_what_they_said_before_they_were_merged(
    app: Flask, kind: str, api: Calls
) -> None:
    lead, sam = api.contact(role="lead", phone=SAMS_NUMBER), api.contact(external_id="70")
    detach(api, sam, kind)
    with database(app).unit_of_work() as session:
        make.opt_out(session, contacts.find(session, lead), subscription_types.find(session, int(kind)))
    merge(api, lead, sam)
    with database(app).unit_of_work() as session:
        found, offers = contacts.find(session, sam), subscription_types.find(session, int(kind))
        assert set(session.scalars(select(DestinationOptOut.contact_id))) == {found.id}
        make.opt_in(session, found, offers, at=clock.now())
        assert eligibility.status(session, found, offers).is_reachable


@pytest.mark.parametrize("before", ["never_asked", "opted_in"])
def test_a_no_with_the_users_number_holds_though_the_lead_said_yes_with_another(
    app: Flask, api: Calls, kind: str, before: str
) -> None:
    lead, sam = api.contact(role="lead", phone=SAMS_NUMBER), api.contact(external_id="70", phone=SAMS_NUMBER)
    if before == "opted_in":
        attach(api, sam, kind)
    with database(app).unit_of_work() as session:
        held, offers = contacts.find(session, lead), subscription_types.find(session, int(kind))
        make.opt_out(session, held, offers)
        contacts.change_phone(session, held, EVES_NUMBER, at=NOON)
        make.opt_in(session, held, offers)
    merge(api, lead, sam)
    assert status(api, sam) == "opted_out"
    with database(app).unit_of_work() as session:
        found, offers = contacts.find(session, sam), subscription_types.find(session, int(kind))
        make.opt_in(session, found, offers, at=clock.now())
        assert eligibility.status(session, found, offers).is_reachable


def test_a_merge_makes_no_second_user_of_an_address_and_ends_in_nobody_archived(api: Calls) -> None:
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


def test_an_opt_in_for_a_number_that_asked_for_silence_does_not_come_along(api: Calls, kind: str) -> None:
    lead, sam = api.contact(role="lead", phone=SAMS_NUMBER), api.contact(external_id="70")
    attach(api, lead, kind)
    api.post("/suppressions", {"phone": SAMS_NUMBER, "note": "x"})
    merge(api, lead, sam)
    assert status(api, sam) == "never_asked"


def test_whatever_blocks_one_blocks_both(api: Calls) -> None:
    lead, sam = api.contact(role="lead", unsubscribed_from_emails=True), api.contact(external_id="70")
    api.post(f"/contacts/{lead}/block")
    merge(api, lead, sam)
    kept = api.get(f"/contacts/{sam}")
    assert (kept["blocked"], kept["unsubscribed_from_emails"]) == (True, True)


def test_conversations_and_open_forms_come_along_but_not_the_leads_browser(app: Flask, api: Calls, kind: str) -> None:
    lead, sam = api.contact(role="lead"), api.contact(external_id="70")
    begun = api.post("/conversations", {"from": {"type": "lead", "id": lead}, "body": "Hello?"})
    form = api.post("/forms", {"subscription_type_id": kind, "title": "Texts"})
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


def test_a_chain_of_merges_leads_to_the_one_who_is_left(api: Calls) -> None:
    first, second, sam = api.contact(role="lead"), api.contact(role="lead"), api.contact(external_id="70")
    merge(api, first, second)
    merge(api, second, sam)
    assert api.get(f"/contacts/{first}").headers["Link"] == f'</contacts/{sam}>; rel="canonical"'
    api.delete(f"/contacts/{sam}")
    assert api.get(f"/contacts/{first}").status in {404, 410}


def test_what_are_two_people_is_refused(api: Calls) -> None:
    sam, eve = api.contact(external_id="70", phone=SAMS_NUMBER), api.contact(external_id="71", phone=EVES_NUMBER)
    lead = api.contact(role="lead")
    for source, target in ((sam, sam), (sam, eve), (sam, lead)):
        answer = api.post("/contacts/merge", {"from": source, "into": target})
        assert (answer.status, answer.code) == (400, "invalid_merge")
    asked = {"from": sam, "into": eve, "skip_duplicate_validation": True}
    assert api.post("/contacts/merge", asked)["id"] == eve
    assert api.post("/contacts/merge", {"from": sam, "into": eve}).code == "contact_merged"
    assert api.post("/contacts/merge", {"from": "nobody", "into": eve}).code == "not_found"


def test_users_with_one_number_are_one_person(api: Calls) -> None:
    sam, also = api.contact(external_id="70", phone=SAMS_NUMBER), api.contact(external_id="71", phone=SAMS_NUMBER)
    merge(api, sam, also)
