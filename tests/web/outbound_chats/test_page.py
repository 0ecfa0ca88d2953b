"""Outbound chats on the pages of staff, without scripts: from the composer to the report."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core import clock
from app.core.forms import publishing
from app.core.outbound_chats import delivering, drafts
from app.db import Database
from app.jobs import run_outbound_chats
from app.models import Contact, OptInForm, OutboundChat
from tests import make
from tests.web import pages


@pytest.fixture
def form_id(database: Database, max_: FlaskClient) -> int:
    """A form, and sam, who never opted in to its type; eve did."""
    assert max_
    with database.unit_of_work() as session:
        live = make.live_type(session, name="Offers")
        make.contact(session, name="Sam Rivera", phone_number=make.SAMS_NUMBER)
        eve = make.contact(session, name="Eve Stone", phone_number=make.EVES_NUMBER)
        make.opt_in(session, eve, live)
        return make.form(session, live, name="Spring offers").id


def html_of(client: FlaskClient, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.get_data(as_text=True)


def chat_of(database: Database, path: str) -> OutboundChat:
    with database.read_only() as session:
        return drafts.get(session, int(path.rpartition("/")[2]))


def written(client: FlaskClient, form_id: int, **values: str) -> str:
    """The path of a draft that is written in the composer."""
    fields = {"name": "Spring", "body": "Hello {{ first_name | there }}", "form_id": str(form_id), "audience": "all"}
    sent = pages.submit(client, "/outbound-chats/new", fields | values)
    assert sent.status_code == 303, sent.get_data(as_text=True)
    return str(sent.location)


def test_a_draft_is_written_checked_changed_and_deleted(max_: FlaskClient, database: Database, form_id: int) -> None:
    refused = pages.submit(max_, "/outbound-chats/new", {"name": "", "body": "{{ x", "audience": "filter"})
    assert refused.status_code == 422
    assert "Add a condition, or choose all contacts." in refused.get_data(as_text=True)
    checked = {"body": "Hello {{ first_name | there }}", "form_id": str(form_id), "audience": "all"}
    shown = pages.submit(max_, "/outbound-chats/preview", checked, page="/outbound-chats/new").get_data(as_text=True)
    for sentence in ("Hello Sam", "Hello there", "Sign Up Now"):
        assert sentence in shown
    path = written(max_, form_id, ends_at="2099-01-01T10:00")
    html = html_of(max_, path)
    for sentence in ("person of 2 contacts gets the message", "Has opted in already", "Send to 1 person"):
        assert sentence in html
    assert "Sam Rivera" in html_of(max_, f"{path}/audience")
    assert "Eve Stone" in html_of(max_, f"{path}/audience?reason=already_opted_in")
    assert 'value="2099-01-01T10:00"' in html_of(max_, f"{path}/edit")
    fields = {"name": "Summer", "body": "Hi", "form_id": "", "audience": "all", "revision": "1"}
    assert pages.submit(max_, f"{path}/edit", fields).status_code == 303
    assert (chat_of(database, path).name, chat_of(database, path).form_id) == ("Summer", None)
    assert "changed in the meantime" in pages.submit(max_, f"{path}/edit", fields | {"name": "X"}).get_data(
        as_text=True
    )
    assert pages.submit(max_, f"{path}/delete", {}, page=path).status_code == 303
    assert "No outbound chats yet" in html_of(max_, "/outbound-chats")


def test_it_is_scheduled_sent_stopped_and_reported(max_: FlaskClient, database: Database, form_id: int) -> None:
    path = written(max_, form_id)
    soon = {"send_at": (clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT09:30")}
    assert pages.submit(max_, f"{path}/schedule", soon, page=path).status_code == 303
    assert chat_of(database, path).state == "scheduled"
    assert soon["send_at"] in html_of(max_, path)
    refused = pages.submit(max_, f"{path}/schedule", {"send_at": "2020-01-01T09:30"}, page=path)
    assert (refused.status_code, "in the future" in refused.get_data(as_text=True)) == (422, True)
    pages.submit(max_, f"{path}/unschedule", {}, page=path)
    assert pages.submit(max_, f"{path}/send", {}, page=path).status_code == 303
    run_outbound_chats.run_until_active(database, chat_of(database, path).id)
    html = html_of(max_, path)
    for sentence in ("Delivered to 0 of 1 person", "Waiting", "Not in the audience"):
        assert sentence in html
    assert "data-unfinished" in html_of(max_, f"{path}/progress")
    with database.unit_of_work() as session:
        sam = session.scalars(select(Contact).where(Contact.name == "Sam Rivera")).one()
        assert delivering.deliver(session, sam.id, at=clock.now()) == 1
    run_outbound_chats.follow(database)
    assert "data-unfinished" not in html_of(max_, f"{path}/progress")
    assert "Sam Rivera" in html_of(max_, f"{path}/recipients?state=delivered")
    assert "No one is listed" in html_of(max_, f"{path}/recipients?state=seen")
    report = pages.submit(max_, f"{path}/report", {}, page=path).get_data(as_text=True)
    assert ",delivered," in report
    pages.submit(max_, f"{path}/stop", {}, page=path)
    assert chat_of(database, path).state == "ended"
    assert "can be stopped" in html_of(max_, path)
    assert "Report of an outbound chat downloaded" in html_of(max_, "/admin/audit")


def test_an_archived_form_is_said_and_nothing_is_sent(max_: FlaskClient, database: Database, form_id: int) -> None:
    path = written(max_, form_id)
    with database.unit_of_work() as session:
        publishing.archive(session, session.get_one(OptInForm, form_id), actor="agent:1", at=clock.now())
    html = html_of(max_, path)
    assert ("It cannot be sent" in html, "Send now" in html) == (True, False)
    pages.submit(max_, f"{path}/send", {}, page=path)
    assert chat_of(database, path).state == "draft"
    assert "Spring offers (not offered)" in html_of(max_, f"{path}/edit")
