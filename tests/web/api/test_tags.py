"""Tags: made, attached, found by, and gone with the person."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.core.contacts import tags
from app.models import AuditEntry, ContactTag, OutboxEvent
from tests.web.api.client import ApiClient, database


@pytest.fixture
def vip(api: ApiClient) -> str:
    return str(api.post("/tags", {"name": "VIP"})["id"])


def test_a_tag_is_made_once_for_a_name_and_renamed(api: ApiClient, vip: str) -> None:
    assert api.post("/tags", {"name": "  vip "})["id"] == vip
    other = api.post("/tags", {"name": "Asks often"})["id"]
    assert [(each["id"], each["name"]) for each in api.get("/tags")["data"]] == [(other, "Asks often"), (vip, "VIP")]
    assert api.post("/tags", {"id": int(vip), "name": "Guests"})["name"] == "Guests"
    assert api.get(f"/tags/{vip}")["name"] == "Guests"
    taken = api.post("/tags", {"id": vip, "name": "asks OFTEN"})
    assert (taken.status, taken.code, taken.field) == (409, "conflict", "name")


def test_a_tag_is_attached_and_detached_once(app: Flask, api: ApiClient, vip: str) -> None:
    sam = api.contact(external_id="70")
    for _ in range(2):
        assert api.post(f"/contacts/{sam}/tags", {"id": vip})["name"] == "VIP"
    assert [each["id"] for each in api.get(f"/contacts/{sam}/tags")["data"]] == [vip]
    inline = api.get(f"/contacts/{sam}")["tags"]
    assert inline["data"] == [{"type": "tag", "id": vip, "url": f"/tags/{vip}"}]
    assert (inline["url"], inline["total_count"]) == (f"/contacts/{sam}/tags", 1)
    for _ in range(2):
        assert api.delete(f"/contacts/{sam}/tags/{vip}")["id"] == vip
    assert api.get(f"/contacts/{sam}/tags")["data"] == []
    with database(app).read_only() as session:
        topics = session.scalars(select(OutboxEvent.topic).order_by(OutboxEvent.id)).all()
    assert topics == ["contact.created", "contact.updated", "contact.updated"]


def test_searches_and_segments_find_by_tag(api: ApiClient, vip: str) -> None:
    sam, eve, kim = (api.contact(external_id=name) for name in ("sam", "eve", "kim"))
    other = api.post("/tags", {"name": "Other"})["id"]
    for contact, tag in ((sam, vip), (eve, vip), (eve, other)):
        api.post(f"/contacts/{contact}/tags", {"id": tag})
    assert api.search("tag_id", "=", vip) == [eve, sam]
    assert api.search("tag_id", "=", int(other)) == [eve]
    assert api.search("tag_id", "!=", vip) == [kim]
    assert (api.search("tag_id", "=", None), api.search("tag_id", "!=", None)) == ([kim], [eve, sam])
    both = [{"field": "tag_id", "operator": "=", "value": each} for each in (vip, other)]
    assert [
        each["id"] for each in api.post("/contacts/search", {"query": {"operator": "AND", "value": both}})["data"]
    ] == [eve]
    query: Any = {"query": {"field": "tag_id", "operator": "=", "value": vip}, "pagination": {"per_page": 1}}
    first = api.post("/contacts/search", query)
    assert (first["total_count"], [each["id"] for each in first["data"]]) == (2, [eve])
    query["pagination"]["starting_after"] = first["pages"]["next"]["starting_after"]
    assert [each["id"] for each in api.post("/contacts/search", query)["data"]] == [sam]
    made = api.post("/segments", {"name": "VIPs", "query": query["query"]})["id"]
    assert [each["id"] for each in api.get(f"/contacts/{sam}/segments")["data"]] == [made]
    assert api.get(f"/contacts/{kim}/segments")["data"] == []


def test_deleting_a_tag_detaches_it(api: ApiClient, vip: str) -> None:
    sam = api.contact(external_id="70")
    api.post(f"/contacts/{sam}/tags", {"id": vip})
    assert api.delete(f"/tags/{vip}").body == {"type": "tag", "id": vip, "deleted": True}
    assert api.get(f"/contacts/{sam}")["tags"]["data"] == []
    assert api.search("tag_id", "=", vip) == []
    assert api.delete(f"/tags/{vip}").status == 404
    assert api.post(f"/contacts/{sam}/tags", {"id": vip}).code == "not_found"


def test_a_tag_of_too_many_contacts_is_not_deleted(
    app: Flask, api: ApiClient, vip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tags, "CONTACTS_MAX", 1)
    for name in ("sam", "eve"):
        api.post(f"/contacts/{api.contact(external_id=name)}/tags", {"id": vip})
    refused = api.delete(f"/tags/{vip}")
    assert (refused.status, refused.code) == (409, "invalid_state")


def test_a_merge_moves_tags_and_an_erasure_detaches_them(app: Flask, api: ApiClient, vip: str) -> None:
    lead, sam = api.contact(role="lead"), api.contact(external_id="70")
    other = api.post("/tags", {"name": "Other"})["id"]
    for contact, tag in ((lead, vip), (lead, other), (sam, vip)):
        api.post(f"/contacts/{contact}/tags", {"id": tag})
    api.post("/contacts/merge", {"from": lead, "into": sam})
    assert {each["id"] for each in api.get(f"/contacts/{sam}/tags")["data"]} == {vip, other}
    api.delete(f"/contacts/{sam}")
    with database(app).read_only() as session:
        assert session.scalars(select(ContactTag)).all() == []


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "name"),
        ({"name": " "}, 400, "name"),
        ({"name": "x" * 121}, 400, "name"),
        ({"name": "x", "users": [{"id": "1"}]}, 404, "users.0"),
        ({"name": "x", "users": [{"untag": True}]}, 400, "users.0"),
        ({"name": "x", "users": [{"id": "1", "untag": "maybe"}]}, 400, "users.0.untag"),
        ({"name": "x", "users": [{"id": "1"}] * 1001}, 400, "users"),
        ({"name": "x", "id": "1", "users": [{"id": "1"}]}, 400, "users"),
        ({"name": "x", "companies": [{"id": "1"}]}, 422, "companies"),
    ],
)
def test_an_invalid_tag_is_refused_with_its_field(api: ApiClient, body: Any, status: int, field: str) -> None:
    refused = api.post("/tags", body)
    assert (refused.status, refused.field) == (status, field)


@pytest.mark.databases("sqlite", "postgresql")
def test_many_users_are_tagged_and_untagged_at_the_same_time(app: Flask, api: ApiClient, vip: str) -> None:
    sam, eve = api.contact(external_id="70"), api.contact(email="eve@example.com")
    kim, lee = api.contact(role="lead"), api.contact(external_id="71")
    api.post(f"/contacts/{lee}/tags", {"id": vip})
    users = [{"external_id": 70}, {"email": "Eve@example.com"}, {"id": kim}, {"user_id": "71", "untag": "true"}]
    for _ in range(2):
        assert api.post("/tags", {"name": " vip", "users": users})["id"] == vip
        assert set(api.search("tag_id", "=", vip)) == {sam, eve, kim}
    with database(app).read_only() as session:
        written = session.execute(
            select(AuditEntry.action, AuditEntry.details).where(
                AuditEntry.action.in_(["contact.tagged", "contact.untagged"])
            )
        ).all()
        topics = session.scalars(select(OutboxEvent.topic)).all()
    done = [*["contact.tagged"] * 4, "contact.untagged"]
    assert sorted(map(tuple, written), key=str) == [(each, {"tag": int(vip)}) for each in done]
    assert topics.count("contact.updated") == 5
    made = api.post("/tags", {"name": "New", "users": [{"id": sam}, {"id": sam, "untag": True}, {"id": eve}]})
    assert api.search("tag_id", "=", made["id"]) == [eve]


def test_either_all_users_are_tagged_or_none(app: Flask, api: ApiClient, vip: str) -> None:
    sam, lead = api.contact(external_id="70"), api.contact(role="lead")
    unknown = api.post("/tags", {"name": "New", "users": [{"id": sam}, {"email": "no@example.com"}]})
    assert (unknown.status, unknown.code, unknown.field) == (404, "not_found", "users.1")
    api.post("/contacts/merge", {"from": lead, "into": sam})
    merged = api.post("/tags", {"name": "New", "users": [{"id": sam}, {"id": lead}]})
    assert (merged.status, merged.code, merged.field) == (410, "contact_merged", "users.1")
    untagged = api.post("/tags", {"name": "New", "users": [{"id": sam, "untag": True}]})
    assert (untagged.status, untagged.field) == (404, "name")
    assert [each["id"] for each in api.get("/tags")["data"]] == [vip]
    assert api.get(f"/contacts/{sam}/tags")["data"] == []
