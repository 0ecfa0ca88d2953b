"""The page of requests for deletion."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core import clock
from app.core.contacts import merge
from app.core.preferences import erasure_requests
from app.db import Database
from app.models import Contact, ErasureRequest
from tests import make
from tests.web import pages

PATH = "/deletion-requests"


def _asked(database: Database, days_ago: int = 0, **values: object) -> int:
    """The id of a request of sam."""
    with database.unit_of_work() as session:
        sam = make.contact(session, **({"name": "Sam Rivera", "phone_number": make.SAMS_NUMBER} | values))
        return erasure_requests.request(session, sam.id, at=clock.now() - timedelta(days=days_ago)).id


def _request(database: Database, request_id: int) -> ErasureRequest:
    with database.read_only() as session:
        return session.get_one(ErasureRequest, request_id)


@pytest.mark.databases("sqlite", "postgresql")
def test_ana_sees_who_asked_and_what_is_overdue_and_max_erases_the_contact(
    ana: FlaskClient, max_: FlaskClient, database: Database
) -> None:
    assert "No open requests" in ana.get(PATH).text
    late, new = _asked(database, days_ago=31), _asked(database, name="Max Miller")
    html = ana.get(PATH).text
    assert html.count("state-overdue") == 1
    assert html.index("Sam Rivera") < html.index("Max Miller")
    assert '<b class="badge number">2</b>' in html
    assert html.count("A marketer or an admin can erase this person.") == 2
    for act in ("erase", "refuse"):
        assert f"{PATH}/{late}/{act}" not in html
        assert pages.submit(ana, f"{PATH}/{late}/{act}", page=PATH).status_code == 403
    assert pages.submit(max_, f"{PATH}/{late}/erase", page=PATH).status_code == 303
    html = ana.get(PATH).text
    assert "Sam Rivera" not in html
    assert "state-overdue" not in html
    assert _request(database, late).resolution == "erased"
    with database.read_only() as session:
        erased = session.get_one(Contact, _request(database, late).contact_id)
        assert (erased.name, erased.phone, erased.erased_at is not None) == (None, None, True)
        assert session.get_one(Contact, _request(database, new).contact_id).erased_at is None
    assert "is closed already" in pages.submit(max_, f"{PATH}/{late}/erase", page=PATH, follow_redirects=True).text


def test_a_request_of_a_contact_that_was_merged_erases_the_contact_that_it_became(
    max_: FlaskClient, database: Database
) -> None:
    asked = _asked(database, role="lead", external_id=None)
    with database.unit_of_work() as session:
        lead = session.scalars(select(Contact)).one()
        sam = make.contact(session)
        merge.merge(session, lead.public_id, sam.public_id, actor="agent:1", at=clock.now())
        sam_id = sam.id
    pages.submit(max_, f"{PATH}/{asked}/erase", page=PATH)
    with database.read_only() as session:
        assert session.get_one(Contact, sam_id).erased_at is not None
    assert _request(database, asked).resolution == "erased"


def test_a_refusal_needs_a_note_which_stays_with_the_request(max_: FlaskClient, database: Database) -> None:
    asked = _asked(database)
    field = f"request-{asked}-note"
    refused = pages.submit(max_, f"{PATH}/{asked}/refuse", {field: " "}, page=PATH)
    assert (refused.status_code, f'id="{field}-error"' in refused.text) == (422, True)
    assert pages.submit(max_, f"{PATH}/{asked}/refuse", {field: "An invoice is open."}, page=PATH).status_code == 303
    kept = _request(database, asked)
    assert (kept.resolution, kept.note) == ("refused", "An invoice is open.")
    assert 'class="badge' not in max_.get(PATH).text


def test_eve_who_is_not_signed_in_sees_and_decides_nothing(app: Flask, database: Database) -> None:
    asked = _asked(database)
    eve = app.test_client()
    assert eve.get(PATH).status_code == 302
    for act in ("erase", "refuse"):
        assert eve.post(f"{PATH}/{asked}/{act}").status_code in {302, 400, 401}
    assert _request(database, asked).resolved_at is None
