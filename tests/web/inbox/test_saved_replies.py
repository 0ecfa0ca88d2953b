"""The pages of saved replies."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core.conversations import saved_replies
from app.core.conversations.saved_replies import ReplyContent
from app.core.forms import publishing
from app.db import Database
from app.models import SavedReply
from tests import make
from tests.make import NOON
from tests.web import pages

VALUES = {"name": "Opening hours", "body": "We are open till 6.", "form_id": ""}


def replies(database: Database) -> list[SavedReply]:
    with database.read_only() as session:
        return saved_replies.find_all(session)


def text_of(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.get_data(as_text=True)


def test_an_agent_saves_changes_and_deletes_a_reply(ana: FlaskClient, database: Database) -> None:
    assert "No saved replies yet" in text_of(ana, "/inbox/replies")
    with database.unit_of_work() as session:
        form_id = make.form(session, name="Shop offers").id
    saved = pages.submit(ana, "/inbox/replies/new", VALUES | {"form_id": str(form_id)})
    assert (saved.status_code, saved.location) == (303, "/inbox/replies")
    page = text_of(ana, "/inbox/replies")
    assert all(each in page for each in ("The reply is saved.", "Opening hours", "We are open till 6.", "Shop offers"))
    reply = replies(database)[0]
    assert "We are open till 6." in text_of(ana, f"/inbox/replies/{reply.id}")
    pages.submit(ana, f"/inbox/replies/{reply.id}", VALUES | {"body": "Till 7."})
    assert [(each.body, each.form_id) for each in replies(database)] == [("Till 7.", None)]
    pages.submit(ana, f"/inbox/replies/{reply.id}/delete", page=f"/inbox/replies/{reply.id}")
    assert replies(database) == []


def test_a_refused_reply_is_explained_and_keeps_what_was_typed(ana: FlaskClient, database: Database) -> None:
    refused = pages.submit(ana, "/inbox/replies/new", VALUES | {"name": ""})
    page = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert "Give the saved reply a name." in page
    assert "We are open till 6." in page
    assert replies(database) == []


def test_another_agent_reads_a_reply_and_may_not_change_it(app: Flask, ana: FlaskClient, database: Database) -> None:
    pages.submit(ana, "/inbox/replies/new", VALUES)
    path = f"/inbox/replies/{replies(database)[0].id}"
    pages.make_agent(app, "eve@example.com", name="Eve")
    eve = pages.signed_in(app, "eve@example.com")
    page = text_of(eve, path)
    assert "We are open till 6." in page
    assert "Save reply" not in page
    token = pages.csrf_token(text_of(eve, "/account"))
    for address in (path, f"{path}/delete"):
        assert eve.post(address, data=VALUES | {"csrf_token": token, "body": "Closed."}).status_code == 403
    assert [each.body for each in replies(database)] == ["We are open till 6."]


def test_a_reply_keeps_a_form_that_is_no_longer_offered_until_another_is_chosen(
    max_: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        form = make.form(session, name="Last winter")
        reply = saved_replies.create(session, ReplyContent("Winter", "Hello", form.id), actor="agent:9", at=NOON)
        publishing.archive(session, form, actor="agent:9", at=NOON)
    page = text_of(max_, f"/inbox/replies/{reply.id}")
    assert "Last winter (no longer offered)" in page
    assert "No longer offered" in text_of(max_, "/inbox/replies")


@pytest.mark.parametrize("path", ["/inbox/replies", "/inbox/replies/new", "/inbox/replies/1", "/inbox/1/replies"])
def test_strangers_are_sent_to_the_sign_in_page(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 302
