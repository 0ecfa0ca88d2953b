"""Filters as rows of a form: every query can be shown and comes back, and the buttons change the rows."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.contacts import filter_form, filter_json, filter_rows, filters
from app.core.contacts.filter_form import FilterForm, RowGroup
from app.core.contacts.filter_rows import Row
from app.core.contacts.filters import FIELDS, Filter, Group, Kind, Query

ZONES = [ZoneInfo(name) for name in ("UTC", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Apia")]
BERLIN = ZoneInfo("Europe/Berlin")
TEXTS = st.text(max_size=8) | st.sampled_from(["30", "-7.5", "true", "2026-03-08", " x", "a\nb", '{"a":1}', "GB"])
NUMBERS = st.integers(-(10**15), 10**15) | st.floats(-1e6, 1e6, allow_nan=False)
VALUES = st.none() | st.booleans() | TEXTS | NUMBERS | st.integers(0, filters.SECONDS_MAX)
NAMES = [*FIELDS, "custom_attributes.plan", "custom_attributes.a b", "subscription_types.1"]
STATUSES = st.sampled_from([*filters.SubscriptionStatus])
CONDITIONS = st.fixed_dictionaries(
    {
        "field": st.sampled_from(NAMES),
        "operator": st.sampled_from([*filters.Operator]),
        "value": VALUES | STATUSES | st.lists(VALUES | STATUSES, max_size=3),
    }
)


def is_valid(raw: Any) -> bool:
    try:
        filters.read(raw)
    except filters.InvalidInput:
        return False
    return True


def fields_of(form: FilterForm) -> dict[str, str]:
    """The HTML fields of a form, as ``from_fields`` reads them."""
    fields = {"match": "all" if form.is_all else "any"}
    for place, part in enumerate(form.parts):
        if isinstance(part, RowGroup):
            fields[f"part-{place}-match"] = "all" if part.is_all else "any"
    for place_of_row, row in form.rows():
        names = {"field": row.field, "operator": row.operator, "value": row.value}
        fields |= {f"part-{place_of_row}-{name}": value for name, value in names.items()}
    return fields


VALID = CONDITIONS.filter(is_valid)


def groups(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"operator": st.sampled_from(["AND", "OR"]), "value": st.lists(parts, min_size=1, max_size=4)}
    )


QUERIES = (VALID | groups(VALID | groups(VALID))).map(filters.read)


@settings(max_examples=80)
@given(query=QUERIES, zone=st.sampled_from(ZONES))
def test_every_query_is_shown_as_a_form_and_comes_back(query: Query, zone: ZoneInfo) -> None:
    """Groups of one part are left out, and times become the noon of their day, which matches the same contacts."""
    assert filters.read(filter_json.dump(query)) == query
    form = filter_form.form_of(query, zone)
    assert filter_form.from_fields(fields_of(form)) == form
    raw, errors = filter_form.query_of(form, zone)
    assert not errors
    assert days_of(filters.read(raw), zone) == days_of(filter_json.simplified(query), zone)


def days_of(query: Query, zone: ZoneInfo) -> Query:
    """The query with the day of each time, which is all of it that counts."""
    if isinstance(query, Group):
        return Group(query.is_and, tuple(days_of(part, zone) for part in query.parts))
    if query.kind != Kind.DATE or query.values[0] is None:
        return query
    day = datetime.fromtimestamp(int(query.values[0]), UTC).astimezone(zone).date()
    return replace(query, values=(day.isoformat(),))


@pytest.mark.parametrize(
    ("raw", "row"),
    [
        ({"field": "name", "operator": "~", "value": "sam"}, Row("name", "contains", "sam")),
        ({"field": "phone", "operator": "$", "value": "0123"}, Row("phone", "ends", "0123")),
        ({"field": "email", "operator": "=", "value": None}, Row("email", "empty")),
        ({"field": "phone_country", "operator": "!=", "value": "GB"}, Row("phone_country", "is_not", "GB")),
        ({"field": "tag_id", "operator": "=", "value": None}, Row("tag_id", "empty")),
        ({"field": "blocked", "operator": "=", "value": True}, Row("blocked", "yes")),
        ({"field": "created_at", "operator": ">", "value": 1772938800}, Row("created_at", "after", "2026-03-08")),
        (
            {"field": "subscription_types.7", "operator": "=", "value": "reachable"},
            Row("subscription_types.7", "is", "reachable"),
        ),
        (
            {"field": "custom_attributes.age", "operator": "=", "value": 30},
            Row("custom_attributes.age", "number_is", "30"),
        ),
        ({"field": "custom_attributes.age", "operator": "=", "value": "30"}, Row("custom_attributes.age", "is", "30")),
        ({"field": "custom_attributes.vip", "operator": "=", "value": False}, Row("custom_attributes.vip", "no")),
        (
            {"field": "email", "operator": "IN", "value": ["a"]},
            Row("json", "", '{"field": "email", "operator": "IN", "value": ["a"]}'),
        ),
        (
            {"field": "browser", "operator": "=", "value": "x"},
            Row("json", "", '{"field": "browser", "operator": "=", "value": "x"}'),
        ),
    ],
)
def test_a_condition_has_the_row_that_people_expect(raw: dict[str, Any], row: Row) -> None:
    query = filters.read(raw)
    assert isinstance(query, Filter)
    assert filter_rows.row_of(query, BERLIN) == row


def test_rows_and_groups_are_added_and_removed() -> None:
    form = filter_form.edited(FilterForm(), "add", "name")
    form = filter_form.edited(form, "group")
    form = filter_form.edited(form, "add:1", "tag_id")
    form = filter_form.edited(form, "add:1", "created_at")
    assert form.parts == (Row("name", "is"), RowGroup(False, (Row("tag_id", "is"), Row("created_at", "on"))))
    assert filter_form.edited(form, "remove:1-0").parts[1] == RowGroup(False, (Row("created_at", "on"),))
    assert filter_form.edited(form, "remove:0").parts == (form.parts[1],)
    for act in ("remove:9", "remove:x", "remove:0-5", "add:0", "add:7", "nothing", ""):
        assert filter_form.edited(form, act, "name") == form, act
    assert filter_form.edited(form, "add", "password") == form
    for _ in range(20):
        form = filter_form.edited(filter_form.edited(form, "add", "name"), "add:1", "name")
    assert len(form.parts) == filters.PARTS_MAX
    assert isinstance(form.parts[1], RowGroup)
    assert len(form.parts[1].rows) == filters.PARTS_MAX


def test_each_wrong_row_is_named_at_its_place() -> None:
    rows = (
        Row("name", "is", " "),
        RowGroup(
            False,
            (
                Row("custom_attributes.age", "more", "old"),
                Row("created_at", "on", "yesterday"),
                Row("role", "rules", "user"),
                Row("name", "is", "Sam"),
            ),
        ),
        Row("json", "", "{"),
        Row("json", "", '{"field": "password", "operator": "=", "value": 1}'),
        Row("subscription_types.1", "is", "maybe"),
    )
    query, errors = filter_form.query_of(FilterForm(parts=rows), BERLIN)
    assert query is None
    assert set(errors) == {"0", "1-0", "1-1", "1-2", "2", "3", "4"}


def test_a_form_that_is_too_deep_is_refused_as_a_whole() -> None:
    group = '{"operator": "AND", "value": [{"field": "name", "operator": "=", "value": "Sam"}]}'
    deep = FilterForm(
        parts=(Row("name", "is", "Sam"), RowGroup(True, (Row("json", "", group), Row("json", "", group))))
    )
    query, errors = filter_form.query_of(deep, BERLIN)
    assert (query, set(errors)) == (None, {""})


def test_an_empty_form_is_no_query_and_no_error() -> None:
    assert filter_form.query_of(FilterForm(parts=(RowGroup(True, ()),)), BERLIN) == (None, {})
