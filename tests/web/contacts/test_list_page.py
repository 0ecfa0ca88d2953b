"""The list of contacts and its segments, as agents and marketers use them."""

import json
import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core.contacts import erase, records, segments, tags
from app.core.workspace import settings
from app.db import Database
from app.jobs.count_segments import count_due
from app.models import BulkJob, Contact, Role
from app.web.contacts import list_page, list_request
from tests import make
from tests.web import pages

BRITISH = {"field": "phone_country", "operator": "=", "value": "GB"}


@pytest.fixture
def mia(app: Flask) -> FlaskClient:
    """mia@example.com, a marketer, signed in."""
    pages.make_agent(app, "mia@example.com", name="Mia", role=Role.MARKETER)
    return pages.signed_in(app, "mia@example.com")


@pytest.fixture
def people(database: Database) -> dict[str, str]:
    """Sam in America, Bo in Britain, opted in; the public id of each."""
    with database.unit_of_work() as session:
        settings.change(session, {"default_country": "GB"}, actor="agent:1", at=make.NOON)
        offers = make.live_type(session)
        sam = make.contact(session, name="Sam", phone_number=make.SAMS_NUMBER, external_id="sam-1")
        bo = make.contact(session, name="Bo", phone_number=make.BRITISH_NUMBER, email_address="bo@example.com")
        make.opt_in(session, bo, offers)
        vip = tags.create(session, "VIP", actor="agent:1", at=make.NOON)
        tags.attach(session, bo.public_id, vip.id, actor="agent:1", at=make.NOON)
        return {"sam": sam.public_id, "bo": bo.public_id}


def listed(html: str) -> list[str]:
    """The public ids of the rows."""
    return re.findall(r'<th scope="row"><span class="person">.*?href="/contacts/([0-9a-f]{24})"', html)


def get(client: FlaskClient, path: str, status: int = 200, **query: object) -> str:
    response = client.get(path, query_string=query or None)
    assert response.status_code == status, response.get_data(as_text=True)
    return response.get_data(as_text=True)


def test_the_list_shows_numbers_states_and_chosen_columns(ana: FlaskClient, people: dict[str, str]) -> None:
    html = get(ana, "/contacts")
    assert listed(html) == [people["bo"], people["sam"]]
    assert "2 contacts" in html
    assert "+44 7400 123456" in html
    assert html.count('class="state state-opted_in"') == 1
    chosen = get(ana, "/contacts", columns=["tags", "country", "made up"])
    assert "VIP" in chosen
    assert "United Kingdom" in chosen
    assert "+44 7400 123456" not in chosen


def test_the_list_is_searched_filtered_and_sorted_by_its_address(ana: FlaskClient, people: dict[str, str]) -> None:
    assert listed(get(ana, "/contacts", q="07400 123456")) == [people["bo"]]
    filtered = get(ana, "/contacts", filter=json.dumps(BRITISH))
    assert listed(filtered) == [people["bo"]]
    assert "Country of the number is United Kingdom" in filtered
    assert "1 contact" in filtered
    assert listed(get(ana, "/contacts", q="sam", filter=json.dumps(BRITISH))) == []
    assert "No contact matches" in get(ana, "/contacts", q="nobody")
    assert listed(get(ana, "/contacts", sort="name")) == [people["bo"], people["sam"]]
    assert listed(get(ana, "/contacts", sort="-name")) == [people["sam"], people["bo"]]
    assert listed(get(ana, "/contacts", sort="password")) == [people["bo"], people["sam"]]


def test_pages_lead_forward_and_back(ana: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_page, "PAGE_SIZE", 2)
    assert "No contacts yet" in get(ana, "/contacts")
    with database.unit_of_work() as session:
        for number in range(5):
            make.contact(session, name=f"Person {number}.")
    path, seen = "/contacts?sort=name", []
    for _ in range(3):
        html = get(ana, path)
        seen.append(re.findall(r"Person (\d)\.</a>", html))
        following = re.search(r'href="([^"]+)" rel="next"', html)
        path = unescape(following[1]) if following else ""
    assert (seen, path) == ([["0", "1"], ["2", "3"], ["4"]], "")
    back = re.search(r'href="([^"]+)" rel="prev"', html)
    assert back
    html = get(ana, unescape(back[1]))
    assert re.findall(r"Person (\d)\.</a>", html) == ["2", "3"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"field": "password", "operator": "=", "value": 1}',
        '{"field": "segment_id", "operator": "=", "value": "x"}',
        '{"field": "subscription_types.99", "operator": "=", "value": "opted_in"}',
        '{"a":"\\u0000"}',
    ],
)
def test_a_wrong_filter_is_shown_beside_the_builder(ana: FlaskClient, people: dict[str, str], text: str) -> None:
    html = get(ana, "/contacts", 422, filter=text)
    assert listed(html) == []
    assert re.search(r'<details class="more filter" id="filter" open>', html)
    assert 'role="alert"' in html


@pytest.mark.parametrize(
    "key", ["x", "W10", "WyJhIiwgIjEiXQ", "W251bGwsIC0xXQ", "e30", "WzEsIDJd" * 900, "é", "W3RydWUsIDFd"]
)
def test_a_wrong_key_of_a_page_leads_to_the_first_page(ana: FlaskClient, people: dict[str, str], key: str) -> None:
    for name in ("after", "before"):
        assert "Show the first page" in get(ana, "/contacts", 400, **{name: key})


def test_the_key_of_a_row_comes_back() -> None:
    for key in ((None, 7), ("Élan “x”", 2**31 - 1), (1_700_000_000_000_000, 1), None):
        assert list_request.unpacked(list_request.packed(key)) == key


def test_a_filter_is_built_row_by_row_without_scripts(ana: FlaskClient, people: dict[str, str]) -> None:
    html = get(ana, "/contacts", do="add", new="phone_country")
    assert listed(html) == [people["bo"], people["sam"]]
    fields = dict(re.findall(r'<input type="hidden" name="(part-[^"]+)" value="([^"]*)"', html))
    assert fields == {"part-0-field": "phone_country"}
    row = {"part-0-field": "phone_country", "part-0-operator": "is", "match": "all"}
    refused = get(ana, "/contacts", 422, do="apply", **row, **{"part-0-value": ""})
    assert 'id="part-0-error"' in refused
    grouped = get(ana, "/contacts", do="group", **row, **{"part-0-value": "GB"})
    assert 'name="part-1-match"' in grouped
    assert "Remove the group" in grouped
    applied = ana.get("/contacts", query_string={"do": "apply", "sort": "name", **row, "part-0-value": "GB"})
    assert applied.status_code == 303
    address = applied.headers["Location"]
    assert "sort=name" in address
    html = get(ana, address)
    assert listed(html) == [people["bo"]]
    assert '<option value="GB" selected>' in html
    cleared = ana.get("/contacts", query_string={"do": "apply", "filter": json.dumps(BRITISH)})
    assert cleared.headers["Location"] == "/contacts"


def test_a_segment_says_that_its_filter_named_a_person_who_was_erased(
    ana: FlaskClient, database: Database, people: dict[str, str]
) -> None:
    with database.unit_of_work() as session:
        query = {"field": "email", "operator": "=", "value": "bo@example.com"}
        made = segments.create(session, "Bo alone", query, actor="agent:1", at=make.NOON)
        erase.erase(session, records.find(session, people["bo"]), actor="agent:1", at=make.NOON)
        address = f"/segments/{made.public_id}"
    html = get(ana, address)
    assert "Email address is a person who was erased" in html
    assert "bo@example.com" not in html


def test_a_filter_becomes_a_segment_is_changed_and_deleted(
    mia: FlaskClient, ana: FlaskClient, database: Database, people: dict[str, str]
) -> None:
    assert "No segments yet" in get(mia, "/segments")
    page = f"/contacts?filter={json.dumps(BRITISH)}"
    saved = pages.submit(mia, "/segments", {"name": "British", "filter": json.dumps(BRITISH)}, page=page)
    assert saved.status_code == 303
    address = saved.headers["Location"]
    for reader in (mia, ana):
        html = get(reader, address)
        assert "<h1>British</h1>" in html
        assert listed(html) == [people["bo"]]
        assert ("Delete this segment" in html) == (reader is mia)
        assert ("Not counted yet" in get(reader, "/segments")) == (reader is mia)
        count_due(database)
        segment_list = get(reader, "/segments")
        assert re.search(r'class="end">1</td>', segment_list)
        assert "Not counted yet" not in segment_list
    for sending in ("/campaigns/new", "/outbound-chats/new"):
        link = f"{sending}?segment={address.rpartition('/')[2]}"
        assert (f'href="{link}"' in get(mia, address), f'href="{link}"' in get(ana, address)) == (True, False)
        chosen = re.search(r'<option selected value="(\w+)">British', get(mia, link))
        assert chosen or sending == "/campaigns/new"  # its composer needs a type for texts first
    editing = re.search(r'href="(/contacts\?[^"]*edit=[^"]*)"', get(mia, address))
    assert editing
    assert "Save changes" in get(mia, unescape(editing[1]))
    users = {"field": "role", "operator": "=", "value": "user"}
    assert pages.submit(mia, address, {"name": "All", "filter": json.dumps(users)}, page=page).status_code == 303
    assert listed(get(ana, address)) == [people["bo"], people["sam"]]
    assert get(ana, "/segments/nothing", 404)
    for wrong in ({"name": "", "filter": json.dumps(users)}, {"name": "x", "filter": ""}, {"name": "x", "filter": "{"}):
        again = pages.submit(mia, "/segments", wrong, page=page)
        assert again.headers["Location"].startswith("/contacts")
    for path, values in (("/segments", {"name": "x"}), (address, {"name": "x"}), (f"{address}/delete", {})):
        refused = pages.submit(ana, path, values, page="/account")
        assert refused.status_code == 403
    assert pages.submit(mia, f"{address}/delete", page=address).status_code == 303
    with database.read_only() as session:
        assert segments.find_all(session) == []


def test_more_than_the_limit_is_counted_by_a_job(
    ana: FlaskClient, database: Database, people: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.core.contacts import search
    from app.jobs import run_bulk_jobs

    monkeypatch.setattr(search, "COUNTED_MAX", 1)
    page = "/contacts?q=sam"
    assert "1+ contacts" in get(ana, page)
    started = pages.submit(ana, "/contacts/count", {"q": "sam"}, page=page)
    assert started.headers["Location"] == page
    assert "Counting" in get(ana, page)
    with database.read_only() as session:
        (job,) = session.query(BulkJob).all()
    run_bulk_jobs.run_until_done(database, job.id)
    html = get(ana, page)
    assert "1 contact, counted a moment ago" in html
    assert "Count exactly" not in html


def test_a_list_takes_few_statements(app: Flask, ana: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        for number in range(20):
            make.opt_in(session, make.contact(session, phone_number=f"+120255501{number:02}"), offers)
        assert session.get(Contact, 1)
    get(ana, "/contacts")
    with pages.statements(app) as seen:
        get(ana, "/contacts")
    assert len(seen) < 30
