"""Segments and suppressions over the API."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, update

from app.models import OutboxEvent, Suppression
from tests.make import EVES_NUMBER, SAMS_NUMBER
from tests.web.api.client import ApiClient, database

PRO = {"field": "custom_attributes.plan", "operator": "=", "value": "pro"}


def test_a_segment_has_the_contacts_that_match_now(api: ApiClient) -> None:
    sam = api.contact(external_id="70", custom_attributes={"plan": "pro"})
    eve = api.contact(external_id="71")
    segment = api.post("/segments", {"name": "Pro", "query": PRO})
    assert len(segment["id"]) == 24
    assert [each["name"] for each in api.get(f"/contacts/{sam}/segments")["data"]] == ["Pro"]
    assert api.get(f"/contacts/{eve}/segments")["data"] == []
    api.put(f"/contacts/{eve}", {"custom_attributes": {"plan": "pro"}})
    assert api.get(f"/segments/{segment['id']}?include_count=true")["count"] == 2
    assert api.get("/segments")["segments"] == [segment.body]
    assert set(api.search("segment_id", "=", segment["id"])) == {sam, eve}
    assert api.search("segment_id", "!=", segment["id"]) == []
    changed = api.put(f"/segments/{segment['id']}", {"query": PRO | {"operator": "!="}})
    assert (changed["name"], api.search("segment_id", "IN", [segment["id"]])) == ("Pro", [])
    assert api.delete(f"/segments/{segment['id']}").body == {"type": "segment", "id": segment["id"], "deleted": True}
    assert api.get(f"/segments/{segment['id']}").code == "not_found"


def test_a_segment_may_select_archived_contacts(api: ApiClient) -> None:
    sam, eve = api.contact(external_id="70"), api.contact(external_id="71")
    api.post(f"/contacts/{sam}/archive")
    query = {"field": "archived", "operator": "=", "value": True}
    segment = api.post("/segments", {"name": "Gone", "query": query})["id"]
    assert api.get(f"/segments/{segment}?include_count=true")["count"] == 1
    assert api.search("segment_id", "=", segment) == [sam]
    assert [each["id"] for each in api.get(f"/contacts/{sam}/segments")["data"]] == [segment]
    assert api.get(f"/contacts/{eve}/segments")["data"] == []


def test_a_contacts_segments_are_found_in_few_statements(app: Flask, api: ApiClient) -> None:
    sam = api.contact(external_id="70", custom_attributes={"plan": "pro"})
    offers = api.live_type()
    queries = [
        PRO,
        PRO | {"value": "x"},
        {"field": f"subscription_types.{offers}", "operator": "=", "value": "reachable"},
    ]
    for number in range(60):
        api.post("/segments", {"name": f"{number:02}", "query": queries[number % 3]})
    statements: list[str] = []
    event.listen(database(app).engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    found = api.get(f"/contacts/{sam}/segments")["data"]
    assert [each["name"] for each in found] == [f"{number:02}" for number in range(0, 60, 3)]
    assert len(statements) < 10


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"query": {"field": "segment_id", "operator": "=", "value": "a" * 24}}, "query"),
        ({"query": {"field": "subscription_types.9", "operator": "=", "value": "opted_in"}}, "subscription_types.9"),
        ({"query": {}}, "query.operator"),
        ({"query": "pro"}, "query"),
    ],
)
def test_an_invalid_segment_is_refused_with_its_field(api: ApiClient, given: Any, field: str) -> None:
    response = api.post("/segments", {"name": "Pro", "query": PRO} | given)
    assert (response.status, response.field) == (400, field)
    assert api.get("/segments")["segments"] == []


def test_a_manual_suppression_is_created_and_lifted(app: Flask, api: ApiClient) -> None:
    offers = api.live_type()
    sam = api.contact(external_id="70", phone=SAMS_NUMBER)
    api.post(f"/contacts/{sam}/subscriptions", {"id": offers, "consent_type": "opt_in"})
    made = api.post("/suppressions", {"phone": "+1 202 555 0123", "note": "Asked at the counter."})
    assert (made["phone"], made["cause"]) == (SAMS_NUMBER, "manual")
    assert api.post("/suppressions", {"phone": SAMS_NUMBER, "note": "again"})["note"] == "Asked at the counter."
    (consent,) = api.get(f"/contacts/{sam}/consents")["data"]
    assert (consent["reasons"], api.get(f"/contacts/{sam}")["unsubscribed_from_sms"]) == (["suppressed"], True)
    assert api.search(f"subscription_types.{offers}", "=", "reachable") == []
    assert api.get("/suppressions?phone=%2B12025550123")["data"] == [made.body]
    assert api.get("/suppressions?phone=%2B12025550199")["data"] == []
    assert api.delete(f"/suppressions/{made['id']}")["lifted"] is True
    assert api.get(f"/suppressions/{made['id']}").code == "not_found"
    assert api.search(f"subscription_types.{offers}", "=", "reachable") == [sam]
    with database(app).read_only() as session:
        topics = session.scalars(select(OutboxEvent.topic).where(OutboxEvent.topic.like("suppression%"))).all()
    assert topics == ["suppression.created", "suppression.lifted"]


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("cause", "code"),
    [
        ("keyword", "suppressed"),
        ("preference_center", "suppressed"),
        ("carrier", "suppressed"),
        ("review", "invalid_state"),
    ],
)
def test_a_suppression_with_another_cause_cannot_be_lifted(app: Flask, api: ApiClient, cause: str, code: str) -> None:
    made = api.post("/suppressions", {"phone": SAMS_NUMBER, "note": "x"})
    with database(app).unit_of_work() as session:
        session.execute(update(Suppression).values(cause=cause))
    response = api.delete(f"/suppressions/{made['id']}")
    assert (response.status, response.code) == (409, code)
    assert api.get(f"/suppressions/{made['id']}")["cause"] == cause


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"phone": "hello"}, "phone", "phone_has_letters"),
        ({"phone": ""}, "phone", "phone_missing"),
        ({"phone": 7}, "phone", "parameter_invalid"),
        ({"note": " "}, "note", "parameter_invalid"),
    ],
)
def test_an_invalid_suppression_is_refused_with_its_field(api: ApiClient, given: Any, field: str, code: str) -> None:
    response = api.post("/suppressions", {"phone": SAMS_NUMBER, "note": "x"} | given)
    assert (response.status, response.field, response.code) == (400, field, code)


def test_suppressions_are_paginated_by_cursor(api: ApiClient) -> None:
    made = {api.post("/suppressions", {"phone": f"+1202555{n:04d}", "note": "x"})["id"] for n in range(100, 105)}
    seen, following = [], ""
    for _ in range(3):
        page = api.get(f"/suppressions?per_page=2{following}")
        seen += [each["id"] for each in page["data"]]
        api.post("/suppressions", {"phone": EVES_NUMBER, "note": "x"})
        following = f"&starting_after={page['pages']['next']['starting_after']}" if "next" in page["pages"] else ""
    assert made <= set(seen)
    assert len(seen) == len(set(seen))


def test_there_are_no_segments_of_companies(api: ApiClient) -> None:
    api.post("/segments", {"name": "All", "query": {"field": "role", "operator": "=", "value": "user"}})
    assert len(api.get("/segments?type=contact")["segments"]) == 1
    assert api.get("/segments?type=company")["segments"] == []
    assert api.get("/segments?type=ticket").field == "type"
