"""Searches over the API, on both databases."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import String, cast, select, update

from app.core.consent import eligibility
from app.core.contacts import filters
from app.core.contacts.search_walks import Order
from app.core.errors import InvalidInput
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.models import Contact
from tests.make import BRITISH_NUMBER, EVES_NUMBER, NOON, SAMS_NUMBER
from tests.web.api.client import ApiClient, database
from tests.web.api.query_plans import DEEP, analyze, plan_of_page, plan_of_window, steps_of_page


@pytest.fixture
def people(api: ApiClient) -> dict[str, str]:
    """Sam and Eve in America, Bo in Britain, Kim without anything."""
    return {
        "sam": api.contact(
            email="sam@example.com", phone=SAMS_NUMBER, name="Sam 100%", custom_attributes={"plan": "pro", "age": 30}
        ),
        "eve": api.contact(
            external_id="eve_1", phone=EVES_NUMBER, name="Eve", custom_attributes={"age": 7.5, "vip": True}
        ),
        "bo": api.contact(email="bo@example.org", phone=BRITISH_NUMBER, name="bo", custom_attributes={"plan": "free"}),
        "kim": api.contact(role="lead", custom_attributes={"age": "old", "vip": False}),
    }


EACH_OPERATOR: tuple[tuple[str, str, Any, str], ...] = (
    ("email", "=", "SAM@example.com", "sam"),
    ("email", "!=", "sam@example.com", "eve bo kim"),
    ("email", "=", None, "eve kim"),
    ("email", "!=", None, "sam bo"),
    ("email", "IN", ["sam@example.com", "bo@example.org"], "sam bo"),
    ("email", "NIN", ["sam@example.com"], "eve bo kim"),
    ("email", "IN", [], ""),
    ("email", "NIN", [], "sam eve bo kim"),
    ("email", "~", "EXAMPLE.", "sam bo"),
    ("email", "!~", "example.org", "sam eve kim"),
    ("email", "^", "bo@", "bo"),
    ("email", "$", ".com", "sam"),
    ("email_domain", "=", "example.org", "bo"),
    ("name", "~", "100%", "sam"),
    ("name", "~", "_", ""),
    ("name", "^", "s", "sam"),
    ("external_id", "=", "eve_1", "eve"),
    ("external_id", "~", "e_1", "eve"),
    ("phone", "=", "+1 (202) 555-0123", "sam"),
    *(("phone", "=", f"{typed} 202 555 0123", "sam") for typed in ("1", "001", "tel:+1", "Mobile: +1", "\u202a+1")),
    ("phone", "IN", ["12025550123", "+44 7400 123456"], "sam bo"),
    ("phone", "!=", "1 202 555 0123", "eve bo kim"),
    ("phone", "=", "202 555 0123", ""),
    ("email", "=", "ｓａｍ@example.com", "sam"),
    ("phone", "^", "+1", "sam eve"),
    ("phone", "^", "001 202", "sam eve"),
    ("phone", "^", "+44", "bo"),
    ("phone", "^", "", "sam eve bo"),
    ("phone", "^", "~", ""),
    ("formatted_phone", "$", "0199", "eve"),
    ("phone", "~", "555-01", "sam eve"),
    ("phone_country", "=", "GB", "bo"),
    ("role", "=", "lead", "kim"),
    ("role", "IN", ["user", "lead"], "sam eve bo kim"),
    ("owner_id", "=", None, "sam eve bo kim"),
    ("owner_id", "=", "1", ""),
    ("browser", "=", "chrome", ""),
    ("browser", "!=", "chrome", "sam eve bo kim"),
    ("location.country", "=", None, "sam eve bo kim"),
    ("unsubscribed_from_emails", "=", False, "sam eve bo kim"),
    ("unsubscribed_from_emails", "=", "true", ""),
    ("has_hard_bounced", "=", True, ""),
    ("blocked", "!=", True, "sam eve bo kim"),
    ("tag_id", "=", "7", ""),
    ("tag_id", "!=", "7", "sam eve bo kim"),
    ("custom_attributes.plan", "=", "pro", "sam"),
    ("custom_attributes.plan", "!=", "pro", "eve bo kim"),
    ("custom_attributes.plan", "^", "f", "bo"),
    ("custom_attributes.plan", "=", None, "eve kim"),
    ("custom_attributes.age", ">", 7, "sam eve"),
    ("custom_attributes.age", "<=", 7.5, "eve"),
    ("custom_attributes.age", "=", 30, "sam"),
    ("custom_attributes.age", "=", "old", "kim"),
    ("custom_attributes.vip", "=", True, "eve"),
    ("custom_attributes.vip", "=", False, "kim"),
    ("custom_attributes.vip", "IN", [True, False], "eve kim"),
    ("custom_attributes.no such", "=", "x", ""),
    ("created_at", ">", 1306054154, "sam eve bo kim"),
    ("created_at", "<", 1306054154, ""),
    ("last_seen_at", "=", None, "sam eve bo kim"),
    ("signed_up_at", ">", 1, ""),
)


def test_each_operator_finds_the_matching_contacts(api: ApiClient, people: dict[str, str]) -> None:
    names = {public_id: name for name, public_id in people.items()}
    for field, operator, value, found in EACH_OPERATOR:
        matching = {names[each] for each in api.search(field, operator, value)}
        assert matching == set(found.split()), (field, operator, value)


def test_a_national_number_is_found_where_the_workspace_has_a_default_country(
    app: Flask, api: ApiClient, people: dict[str, str]
) -> None:
    with database(app).unit_of_work() as session:
        settings.change(session, {"default_country": "GB"}, actor="agent:1", at=NOON)
    assert set(api.search("phone", "=", "07400 123456")) == {people["bo"]}
    assert set(api.search("phone", "IN", ["07400123456"])) == {people["bo"]}
    assert set(api.search("phone", "=", "1 202 555 0123")) == {people["sam"]}


@pytest.mark.parametrize("name", ["a/b", "it's", "(x)", "é", "plan.a", "$[0]", "100%", "a b", "a\\b", "🎉"])
def test_attributes_with_special_names_can_be_searched(api: ApiClient, name: str) -> None:
    sam = api.contact(role="lead", custom_attributes={name: "pro"})
    api.contact(role="lead")
    assert api.search(f"custom_attributes.{name}", "=", "pro") == [sam]


def test_search_ignores_the_case_of_non_ascii_letters(api: ApiClient) -> None:
    elan = api.contact(role="lead", name="Élan Žižka")
    for operator, value in (("~", "élan"), ("^", "éLAN"), ("$", "žIŽKA"), ("~", "ÉLAN ž")):
        assert api.search("name", operator, value) == [elan], value


def test_a_part_of_a_text_is_found_whatever_its_marks(api: ApiClient) -> None:
    marked = api.contact(role="lead", name="Siobhán", custom_attributes={"nick": "Łukasz"})
    plain = api.contact(role="lead", name="Siobhan", custom_attributes={"nick": "Lukasz"})
    for operator, value, nick in (
        ("~", "siobhan", "łuk"),
        ("~", "BHÁN", "KASZ"),
        ("^", "sio", "luk"),
        ("$", "bhan", "z"),
    ):
        assert api.search("name", operator, value) == [plain, marked]
        assert api.search("custom_attributes.nick", operator, nick) == [plain, marked]
    assert api.search("name", "!~", "siobhan") == api.search("name", "~", "\u0301") == []
    assert (api.search("name", "=", "Siobhan"), api.search("name", "=", "Siobhán")) == ([plain], [marked])


def test_filters_are_combined_and_nested(api: ApiClient, people: dict[str, str]) -> None:
    query = {
        "operator": "OR",
        "value": [
            {
                "operator": "AND",
                "value": [
                    {"field": "phone", "operator": "^", "value": "+1"},
                    {"field": "custom_attributes.plan", "operator": "=", "value": "pro"},
                ],
            },
            {"field": "role", "operator": "=", "value": "lead"},
        ],
    }
    found = api.post("/contacts/search", {"query": query})
    assert [each["id"] for each in found["data"]] == [people["kim"], people["sam"]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("x", "query"),
        ({}, "query.operator"),
        ({"field": "subscription", "operator": "=", "value": 1}, "query.field"),
        ({"field": "password", "operator": "=", "value": 1}, "query.field"),
        ({"field": 7, "operator": "=", "value": 1}, "query.field"),
        ({"field": "email", "operator": "<", "value": "x"}, "query.operator"),
        ({"field": "email", "operator": "LIKE", "value": "x"}, "query.operator"),
        ({"field": "email", "operator": "="}, "query.value"),
        ({"field": "email", "operator": "=", "value": ["x"]}, "query.value"),
        ({"field": "email", "operator": "IN", "value": "x"}, "query.value"),
        ({"field": "email", "operator": "IN", "value": ["x"] * 501}, "query.value"),
        ({"field": "email", "operator": "=", "value": "a\0"}, "query.value"),
        ({"field": "email", "operator": "=", "value": {"a": 1}}, "query.value"),
        ({"field": "email", "operator": "~", "value": None}, "query.value"),
        ({"field": "created_at", "operator": ">=", "value": 1}, "query.operator"),
        ({"field": "created_at", "operator": ">", "value": "tomorrow"}, "query.value"),
        ({"field": "created_at", "operator": ">", "value": 10**30}, "query.value"),
        ({"field": "blocked", "operator": "=", "value": "maybe"}, "query.value"),
        ({"field": "tag_id", "operator": "IN", "value": ["1"]}, "query.operator"),
        ({"field": "custom_attributes.age", "operator": ">", "value": "7"}, "query.value"),
        ({"field": "custom_attributes.age", "operator": "=", "value": 10**400}, "query.value"),
        ({"field": 'custom_attributes.a"b', "operator": "=", "value": 7}, "query.field"),
        ({"field": "subscription_types.1", "operator": "=", "value": "yes"}, "query.value"),
        ({"operator": "AND", "value": []}, "query.value"),
        ({"operator": "AND", "value": [{"field": "role", "operator": "=", "value": "user"}] * 16}, "query.value"),
        ({"operator": "XOR", "value": []}, "query.operator"),
        (
            {"operator": "AND", "value": [{"operator": "OR", "value": [{"operator": "AND", "value": []}]}]},
            "query.value[0].value[0]",
        ),
    ],
)
def test_a_malformed_query_is_refused_with_the_path_of_the_error(query: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        filters.read(query)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("x", "query"),
        ({"field": "email", "operator": "<", "value": "x"}, "query.operator"),
        ({"field": "subscription_types.99", "operator": "=", "value": "opted_in"}, "subscription_types.99"),
        ({"field": "segment_id", "operator": "=", "value": "x"}, "segment_id"),
    ],
)
def test_a_query_with_an_invalid_value_is_refused_with_its_field(api: ApiClient, query: Any, field: str) -> None:
    response = api.post("/contacts/search", {"query": query})
    assert (response.status, response.field) == (400, field)


KEYS = st.sampled_from(["field", "operator", "value"])
KNOWN = st.sampled_from(
    [*filters.FIELDS, "custom_attributes.a", "subscription_types.1", *filters.Operator, "AND", "OR"]
)
PLAIN = st.none() | st.booleans() | st.floats() | st.integers() | st.text() | KNOWN


@given(st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=12))
def test_reading_any_value_as_a_query_raises_only_invalid_input(raw: Any) -> None:
    with suppress(InvalidInput):
        filters.read(raw)


def test_dates_match_by_day_in_the_workspaces_time_zone(app: Flask, api: ApiClient) -> None:
    with database(app).unit_of_work() as session:
        settings.change(session, {"time_zone": "America/New_York"}, actor="agent:1", at=NOON)
    evening = datetime(2026, 3, 8, 3, 30, tzinfo=UTC)  # the 7th in New York, the night before clocks change
    with time_machine.travel(evening, tick=False):
        sam = api.contact(role="lead")
    noon_of = {day: int(datetime(2026, 3, day, 17, tzinfo=UTC).timestamp()) for day in (6, 7, 8)}
    for day, operator, is_found in (
        (7, "=", True),
        (8, "=", False),
        (6, ">", True),
        (7, ">", False),
        (8, "<", True),
        (7, "<", False),
    ):
        assert api.search("created_at", operator, noon_of[day]) == ([sam] if is_found else []), (day, operator)


@pytest.mark.parametrize("field", ["created_at", "updated_at", "name", "email", "phone", "external_id", "last_seen_at"])
@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_every_sort_order_pages_through_all_contacts_once(
    api: ApiClient, people: dict[str, str], field: str, order: str
) -> None:
    api.contact(role="lead", name="Sam 100%", last_seen_at=1_700_000_000)
    whole = api.search("role", "IN", ["user", "lead"], sort={"field": field, "order": order})
    assert (
        all_pages(api, {"field": "role", "operator": "IN", "value": ["user", "lead"]}, {"field": field, "order": order})
        == whole
    )
    assert len(set(whole)) == 5
    values = [api.get(f"/contacts/{each}")[field] or None for each in whole]
    known = [value for value in values if value is not None]
    assert values[len(known) :] == [None] * (5 - len(known))
    if field not in {"created_at", "updated_at"}:
        assert known == sorted(known, reverse=order == "descending") or field == "name"


@pytest.mark.parametrize("char", ["n", "é", "漢", "🎉", "\x01", '"'])
def test_the_cursor_of_the_longest_name_works(api: ApiClient, char: str) -> None:
    people = [api.contact(role="lead", name=char * 500) for _ in range(4)]
    anybody, sort = {"field": "role", "operator": "=", "value": "lead"}, {"field": "name", "order": "ascending"}
    assert all_pages(api, anybody, sort) == people


def test_pages_are_consistent_while_contacts_are_created_and_archived(api: ApiClient) -> None:
    for number in range(100, 109):
        api.contact(role="lead", phone=f"+1202555{number:04d}")
    for query in (
        None,
        {"field": "phone", "operator": "^", "value": "+1202"},
        {"field": "role", "operator": "=", "value": "lead"},
    ):
        whole = [each["id"] for each in _page(api, query, None, per_page=150)["data"]]
        seen: list[str] = []
        cursor, number = None, 0
        while cursor is not None or not seen:
            page = _page(api, query, cursor, per_page=3)
            number += 1
            assert (page["pages"]["page"], page["total_count"]) == (number, len(whole))
            seen += [each["id"] for each in page["data"]]
            cursor = page["pages"].get("next", {}).get("starting_after")
            api.contact(role="lead", phone="+12015550100" if number > 1 else None)
            api.post(f"/contacts/{seen[0]}/archive")
        assert seen == whole


def test_an_unknown_sort_field_or_order_is_refused(api: ApiClient) -> None:
    query = {"field": "role", "operator": "=", "value": "user"}
    response = api.post("/contacts/search", {"query": query, "sort": {"field": "name", "order": "random"}})
    assert (response.status, response.code) == (400, "invalid_sort_order")
    response = api.post("/contacts/search", {"query": query, "sort": {"field": "password", "order": "ascending"}})
    assert (response.status, response.field) == (400, "sort.field")


def test_without_pagination_a_page_has_the_maximum_size(api: ApiClient) -> None:
    query = {"field": "role", "operator": "=", "value": "user"}
    assert api.post("/contacts/search", {"query": query})["pages"]["per_page"] == 150
    request = {"query": query, "pagination": {"per_page": None, "starting_after": None}}
    assert api.post("/contacts/search", request)["pages"]["per_page"] == 50
    assert api.post("/contacts/search", {"query": query, "pagination": None, "sort": None}).status == 200


@pytest.mark.parametrize("consent_type", ["opt_in", "opt_out"])
def test_subscription_filters_agree_with_the_status_of_each_contact(
    app: Flask, api: ApiClient, consent_type: str
) -> None:
    """All five values of the filter agree with ``eligibility.status``, for all contacts."""
    offers = api.live_type(consent_type=consent_type)
    numbers = [f"+1202555{number:04d}" for number in range(110, 120)]
    people = [api.contact(role="lead", phone=number) for number in numbers] + [api.contact(role="lead")]
    for person in people[:6]:
        api.post(f"/contacts/{person}/subscriptions", {"id": offers, "consent_type": consent_type})
    for person in people[4:8]:
        api.delete(f"/contacts/{person}/subscriptions/{offers}")
    api.put(f"/contacts/{people[0]}", {"phone": numbers[9]})
    api.post(f"/contacts/{people[1]}/block")
    api.post("/suppressions", {"phone": numbers[2], "note": "x"})
    api.contact(role="lead", phone=numbers[5])
    with database(app).read_only() as session:
        subscription_type = subscription_types.find(session, int(offers))
        for value in filters.SubscriptionStatus:
            found = set(api.search(f"subscription_types.{offers}", "=", value.value))
            others = set(api.search(f"subscription_types.{offers}", "!=", value.value))
            both = {
                "operator": "AND",
                "value": [{"field": f"subscription_types.{offers}", "operator": "IN", "value": [value.value]}],
            }
            assert {each["id"] for each in api.post("/contacts/search", {"query": both})["data"]} == found
            for contact in session.scalars(select(Contact)):
                status = eligibility.status(session, contact, subscription_type)
                expected = {
                    "subscribed": status.is_subscribed,
                    "reachable": status.is_reachable,
                }.get(value.value, status.state.value == value.value)
                assert (contact.public_id in found) == expected, (value, contact.public_id, status)
                assert (contact.public_id in others) != expected


def test_a_search_by_consent_state_is_paginated_by_cursor(api: ApiClient) -> None:
    offers = api.live_type()
    people = [api.contact(role="lead", phone=f"+1202555{number:04d}") for number in range(120, 127)]
    for person in people:
        api.post(f"/contacts/{person}/subscriptions", {"id": offers, "consent_type": "opt_in"})
    assert (
        all_pages(api, {"field": f"subscription_types.{offers}", "operator": "=", "value": "opted_in"}, None)
        == people[::-1]
    )
    for person in people:
        api.delete(f"/contacts/{person}/subscriptions/{offers}")
    assert (
        all_pages(api, {"field": f"subscription_types.{offers}", "operator": "=", "value": "opted_out"}, None)
        == people[::-1]
    )


# Queries, and the index that a page of each is read from, in its order.
PAGES = [
    ({"field": "phone", "operator": "=", "value": "+12025550100"}, "ix_contacts_phone"),
    ({"field": "phone", "operator": "^", "value": "+1202"}, "ix_contacts_phone"),
    ({"field": "email", "operator": "=", "value": "a@example.com"}, "ix_contacts_email"),
    ({"field": "external_id", "operator": "IN", "value": ["a", "b"]}, "external_id"),
    ({"field": "subscription_types.1", "operator": "=", "value": "opted_in"}, "ix_consents_opted_in"),
    ({"field": "subscription_types.1", "operator": "=", "value": "opted_out"}, "ix_consents_opted_out"),
    ({"field": "phone", "operator": "$", "value": "0123"}, "ix_contacts_phone_"),
    ({"field": "email_domain", "operator": "=", "value": "nobody.example"}, "ix_contacts_email_"),
    ({"field": "phone_country", "operator": "=", "value": "GB"}, "ix_contacts_phone_country_id"),
]


@pytest.mark.own_database
def test_searches_use_indexes_and_do_not_sort(app: Flask, api: ApiClient) -> None:
    api.live_type()
    for query, index in PAGES:
        plan = plan_of_page(database(app), query)
        assert index in plan, plan
        assert "SCAN contacts'" not in plan, plan
        assert "Seq Scan on contacts" not in plan, plan
        if query["operator"] == "^" or "subscription" in query["field"]:
            assert "TEMP B-TREE" not in plan, plan
            assert "Sort" not in plan.replace("Incremental Sort", ""), plan


@pytest.mark.own_database
def test_a_deep_page_of_a_search_by_date_is_read_from_the_index(app: Flask, api: ApiClient) -> None:
    """The query that synchronizing systems use. SQLite's plan does not show where it starts, so steps are counted."""
    api.live_type()
    opened = database(app)
    for field in ("created_at", "updated_at"):
        query = {"field": field, "operator": ">", "value": 1_700_000_000}
        for order in (None, Order(field), Order(field, is_descending=False)):
            plan = plan_of_page(opened, query, order, after=(DEEP, 10_000))
            assert f"ix_contacts_{field}_id" in plan, plan
            assert opened.is_sqlite or f"(ROW({field}, id)" in plan, plan
            assert "TEMP B-TREE" not in plan, plan
            assert "Sort" not in plan, plan
            if opened.is_sqlite:
                assert steps_of_page(opened, query, order, after=(DEEP, 10_000)) < 2_000


@pytest.mark.own_database
def test_a_deep_page_of_a_sorted_list_is_read_from_the_index_in_both_directions(app: Flask, api: ApiClient) -> None:
    """Also among the contacts whose value is empty. SQLite's plan does not show where it starts; steps are counted."""
    api.live_type()
    opened = database(app)
    plan_of_page(opened, {"field": "role", "operator": "=", "value": "user"})
    with opened.unit_of_work() as session:
        some = update(Contact).where(Contact.id % 2 == 0)
        session.execute(some.values(name="Sam " + cast(Contact.id, String), last_seen_at=Contact.created_at))
    analyze(opened)
    for field, index, deep in (
        ("name", "ix_contacts_name_", "Sam 15000"),
        ("last_seen_at", "ix_contacts_last_seen_at_id", DEEP),
    ):
        for is_descending in (True, False):
            order = Order(field, is_descending=is_descending)
            for key in ((deep, 10_000), (None, 10_001)):
                for direction in ("after", "before"):
                    plan, steps = plan_of_window(opened, order, **{direction: key})
                    assert index in plan, plan
                    assert "TEMP B-TREE" not in plan, plan
                    assert "Sort" not in plan, plan
                    assert steps < 4_000, (order, key, direction)


def test_a_contact_changed_during_a_synchronization_is_not_missed(api: ApiClient) -> None:
    with time_machine.travel(NOON, tick=False) as now:
        people = [api.contact(role="lead") for _ in range(4) if now.shift(1) is None]
        query = {"field": "updated_at", "operator": ">", "value": int(NOON.timestamp()) - 100_000}
        first = _page(api, query, None, per_page=2)
        assert [each["id"] for each in first["data"]] == people[:2]
        now.shift(1)
        api.put(f"/contacts/{people[2]}", {"name": "Sam"})
        rest = _page(api, query, first["pages"]["next"]["starting_after"], per_page=2)
    assert [each["id"] for each in rest["data"]] == [people[3], people[2]]


def all_pages(api: ApiClient, query: Any, sort: Any) -> list[str]:
    seen: list[str] = []
    cursor = None
    for _ in range(20):
        page = _page(api, query, cursor, per_page=2, sort=sort)
        seen += [each["id"] for each in page["data"]]
        if "next" not in page["pages"]:
            return seen
        cursor = page["pages"]["next"]["starting_after"]
    raise AssertionError("the pages never end")


def _page(api: ApiClient, query: Any, cursor: str | None, *, per_page: int, sort: Any = None) -> Any:
    if query is None:
        following = f"&starting_after={cursor}" if cursor else ""
        return api.get(f"/contacts?per_page={per_page}{following}").body
    pagination = {"per_page": per_page, "starting_after": cursor}
    return api.post("/contacts/search", {"query": query, "pagination": pagination, "sort": sort}).body


def test_a_search_refuses_pages_by_number(api: ApiClient) -> None:
    query = {"query": {"field": "role", "operator": "=", "value": "user"}}
    for path in ("/contacts/search", "/conversations/search"):
        query = query if path == "/contacts/search" else {"query": {"field": "open", "operator": "=", "value": True}}
        assert api.post(path, query | {"pagination": {"page": 1}}).status == 200
        for cursor in ({}, {"starting_after": ""}, {"starting_after": None}):
            refused = api.post(path, query | {"pagination": {"page": 2} | cursor})
            assert (refused.status, refused.field) == (400, "pagination.page")
