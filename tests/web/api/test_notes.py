"""Notes about contacts: written, listed, moved by a merge, and gone with the person."""

import pytest
from flask import Flask
from sqlalchemy import select

from app.models import ContactNote, IdempotencyKey, Role
from tests import make
from tests.web.api.client import ApiClient, database


@pytest.fixture
def max_(app: Flask, api: ApiClient) -> str:
    with database(app).unit_of_work() as session:
        return str(make.agent(session, role=Role.ADMIN, name="Max").id)


def test_a_note_is_written_listed_and_found(api: ApiClient, max_: str) -> None:
    sam = api.contact(external_id="70")
    made = api.post(f"/contacts/{sam}/notes", {"body": "<p>Likes <b>tea</b> & cake.</p>"})
    assert (made["body"], made["author"]["id"], made["contact"]["id"]) == ("<p>Likes tea &amp; cake.</p>", max_, sam)
    second = api.post(f"/contacts/{sam}/notes", {"body": "Two.", "admin_id": int(max_)})
    assert api.get(f"/notes/{second['id']}").body == second.body
    listed = api.get(f"/contacts/{sam}/notes?per_page=1")
    assert (listed["total_count"], [each["id"] for each in listed["data"]]) == (2, [second["id"]])
    cursor = listed["pages"]["next"]["starting_after"]
    assert [each["id"] for each in api.get(f"/contacts/{sam}/notes?starting_after={cursor}")["data"]] == [made["id"]]
    pages = [api.get(f"/contacts/{sam}/notes?page={page}&per_page=1") for page in (1, 2, 3)]
    assert [[each["id"] for each in page["data"]] for page in pages] == [[second["id"]], [made["id"]], []]
    assert [page["pages"]["page"] for page in pages] == [1, 2, 3]
    assert ["next" in page["pages"] for page in pages] == [True, False, False]
    inline = api.get(f"/contacts/{sam}")["notes"]
    assert inline["total_count"] == 2
    assert inline["data"][0] == {"type": "note", "id": made["id"], "url": f"/notes/{made['id']}"}


def test_an_invalid_note_is_refused(api: ApiClient) -> None:
    sam = api.contact(external_id="70")
    assert api.post(f"/contacts/{sam}/notes", {"body": " "}).field == "body"
    assert api.post(f"/contacts/{sam}/notes", {}).field == "body"
    assert api.post(f"/contacts/{sam}/notes", {"body": "x", "admin_id": "9"}).status == 404
    assert api.post(f"/contacts/{'0' * 24}/notes", {"body": "x"}).status == 404
    assert api.get("/notes/9").status == 404


def test_a_merge_moves_notes_and_an_erasure_deletes_them(app: Flask, api: ApiClient) -> None:
    lead, sam = api.contact(role="lead"), api.contact(external_id="70")
    made = api.post(f"/contacts/{lead}/notes", {"body": "Sam lives in Main Street."}, Idempotency_Key="note")
    api.post("/contacts/merge", {"from": lead, "into": sam})
    assert [each["id"] for each in api.get(f"/contacts/{sam}/notes")["data"]] == [made["id"]]
    api.delete(f"/contacts/{sam}")
    with database(app).read_only() as session:
        assert session.scalars(select(ContactNote)).all() == []
        assert "Main Street" not in str(session.scalars(select(IdempotencyKey.answer)).all())
    assert api.get(f"/notes/{made['id']}").status == 404
