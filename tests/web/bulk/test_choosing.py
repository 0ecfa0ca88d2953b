"""The steps before a bulk change: contacts, type or tag, preview, note. Nothing changes before it is started."""

import json
import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.core.bulk import drafts, jobs
from app.core.contacts import tags
from app.db import Database
from app.jobs import run_bulk_jobs
from app.models import BulkJob, Consent, Contact, JobKind, JobState
from tests import make
from tests.web import pages

LEADS = {"field": "role", "operator": "=", "value": "lead"}


def choose(client: FlaskClient, **values: object) -> TestResponse:
    return pages.submit(client, "/contacts/bulk", values, page="/account")


def chosen(client: FlaskClient, **values: object) -> int:
    """The id of the draft."""
    answer = choose(client, **values)
    assert answer.status_code == 303
    return int(answer.location.rpartition("/")[2])


def of(database: Database, job_id: int) -> BulkJob:
    with database.read_only() as session:
        return jobs.find(session, job_id)


def people(database: Database) -> tuple[int, list[str]]:
    """A live type, and sam and eve, who has no number."""
    with database.unit_of_work() as session:
        sam = make.contact(session, name="Sam Rivera", phone_number=make.SAMS_NUMBER)
        eve = make.contact(session, name="Eve Stone")
        return make.live_type(session, name="Offers").id, [sam.public_id, eve.public_id]


def test_selected_contacts_are_subscribed_after_a_preview_and_a_note(max_: FlaskClient, database: Database) -> None:
    offers, ids = people(database)
    draft = chosen(max_, action="subscribe", contact=ids)
    page = f"/bulk/{draft}"
    html = max_.get(page).text
    assert "2 selected contacts" in html
    assert "Offers" in html
    refused = pages.submit(max_, f"{page}/choice", {}, page=page)
    assert (refused.status_code, "Choose a subscription type." in refused.text) == (422, True)
    assert pages.submit(max_, f"{page}/choice", {"subscription_type_id": offers}, page=page).status_code == 303
    html = max_.get(page).text
    assert "Nothing has changed yet." in html
    assert "Subscribe 1 contact<" in html
    assert html.index("Sam Rivera") < html.index("Skipped: no phone number") < html.index("Eve Stone")
    refused = pages.submit(max_, f"{page}/start", {"source_note": " "}, page=page)
    assert (refused.status_code, 'id="source_note-error"' in refused.text) == (422, True)
    with database.read_only() as session:
        assert session.query(Consent).count() == 0
    note = {"source_note": "Signed up at the fair."}
    assert pages.submit(max_, f"{page}/start", note, page=page).headers["Location"] == page
    assert of(database, draft).state == JobState.QUEUED
    run_bulk_jobs.run_until_done(database, draft)
    done = of(database, draft)
    assert (done.state, done.changed, done.skipped) == (JobState.DONE, 1, {"no_phone": 1})
    html = max_.get(page).text
    assert "Signed up at the fair." in html
    assert f"/bulk/{draft}/contacts?outcome=no_phone" in html
    assert pages.submit(max_, f"{page}/start", note, page="/account").status_code == 404


def test_all_that_match_a_filter_and_a_search_are_chosen(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        make.contact(session, name="Sam Rivera")
        make.contact(session, name="Sam Lead", role="lead", external_id=None)
        make.contact(session, name="Eve Lead", role="lead", external_id=None)
        tags.create(session, "VIP", actor="agent:1", at=make.NOON)
    draft = chosen(max_, action="tag", all="1", filter=json.dumps(LEADS), q="Sam")
    page = f"/bulk/{draft}"
    html = max_.get(page).text
    link = re.search(r'href="([^"]+)">Contacts that match a filter', html)
    assert link
    listed = parse_qs(urlsplit(unescape(link[1])).query)
    assert (json.loads(listed["filter"][0]), listed["q"]) == (LEADS, ["Sam"])
    assert '<option value="VIP">' in html
    pages.submit(max_, f"{page}/choice", {"tag": "vip"}, page=page)
    assert "Tag 1 contact<" in max_.get(page).text
    assert "source_note" not in max_.get(page).text
    pages.submit(max_, f"{page}/start", page=page)
    run_bulk_jobs.run_until_done(database, draft)
    with database.read_only() as session:
        tagged = [each.name for each in session.query(Contact) if tags.of_contact(session, each.id)]
    assert tagged == ["Sam Lead"]


def test_archiving_needs_no_choice(max_: FlaskClient, database: Database) -> None:
    _, ids = people(database)
    page = f"/bulk/{chosen(max_, action='archive', contact=ids[:1])}"
    assert "Archive 1 contact<" in max_.get(page).text
    assert "Archive 1 contact<" in max_.get(f"{page}?step=choose").text


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"action": "subscribe"}, "Select at least one contact."),
        ({"action": "subscribe", "contact": ["x"]}, "Give a list of ids of contacts."),
        ({"action": "export", "all": "1"}, "Choose what to do with the contacts."),
        ({"action": "tag", "all": "1", "filter": "{"}, "This filter is not valid."),
        ({"action": "tag", "all": "1", "filter": '{"field": "x", "operator": "=", "value": 1}'}, "no such field"),
    ],
)
def test_a_wrong_selection_leads_back_to_the_list(
    max_: FlaskClient, database: Database, values: dict[str, object], says: str
) -> None:
    answer = choose(max_, **values)
    assert answer.headers["Location"].startswith("/contacts")
    assert says in max_.get("/account").text
    with database.read_only() as session:
        assert session.query(BulkJob).count() == 0


def test_a_large_preview_is_counted_by_the_worker(
    max_: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "COUNTED_AT_ONCE", 1)
    offers, ids = people(database)
    page = f"/bulk/{chosen(max_, action='unsubscribe', contact=ids)}"
    pages.submit(max_, f"{page}/choice", {"subscription_type_id": offers}, page=page)
    html = max_.get(page).text
    assert "data-unfinished" in html
    assert "source_note" not in html
    with database.read_only() as session:
        (preview,) = jobs.waiting(session, at=make.NOON)
    assert f'data-poll="/bulk/{preview}/progress"' in html
    run_bulk_jobs.run_until_done(database, preview)
    assert "source_note" in max_.get(page).text


def test_only_live_types_can_be_subscribed_to(max_: FlaskClient, database: Database) -> None:
    _, ids = people(database)
    with database.unit_of_work() as session:
        draft_type = make.draft_type(session, name="Secret").id
    page = f"/bulk/{chosen(max_, action='subscribe', contact=ids)}"
    assert "Secret" not in max_.get(page).text
    refused = pages.submit(max_, f"{page}/choice", {"subscription_type_id": draft_type}, page=page)
    assert (refused.status_code, "is not live" in refused.text) == (422, True)


def test_a_choice_can_be_made_again(max_: FlaskClient, database: Database) -> None:
    offers, ids = people(database)
    with database.unit_of_work() as session:
        other = make.live_type(session, name="News").id
    draft = chosen(max_, action="subscribe", contact=ids)
    page = f"/bulk/{draft}"
    for type_id in (offers, other):
        pages.submit(max_, f"{page}/choice", {"subscription_type_id": type_id}, page=f"{page}?step=choose")
    assert "Subscribe users: News" in max_.get(page).text
    assert of(database, draft).subscription_type_id == other
    assert of(database, draft).kind == JobKind.SUBSCRIBE
