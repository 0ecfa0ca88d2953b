"""Merging two contacts with a preview, and the list of likely duplicates."""

from flask.testing import FlaskClient

from app.core.consent import eligibility
from app.db import Database
from app.models import ConsentState, Contact
from tests import make
from tests.make import BRITISH_NUMBER, SAMS_NUMBER
from tests.web import pages


def _pair(database: Database) -> tuple[Contact, Contact]:
    """A lead and a user with one number, of whom the lead opted out of the user's type."""
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        lead = make.contact(session, name="Sam L", role="lead", external_id=None, phone_number=SAMS_NUMBER)
        user = make.contact(session, name="Sam U", phone_number=SAMS_NUMBER)
        make.opt_in(session, user, offers)
        make.opt_out(session, lead, offers)
        return lead, user


def test_a_merge_is_shown_before_it_is_done(ana: FlaskClient, database: Database) -> None:
    lead, user = _pair(database)
    page = ana.get(f"/contacts/{lead.public_id}").text
    assert "Likely the same person" in page
    assert f'href="/contacts/{lead.public_id}/merge/{user.public_id}"' in page
    choose = ana.get(f"/contacts/{lead.public_id}/merge?q=Sam").text
    address = f"/contacts/{lead.public_id}/merge/{user.public_id}"
    assert f'href="{address}"' in choose
    html = ana.get(address).text
    rows = html.partition('id="consents-title"')[2]
    assert rows.count("state-opted_out") == 2, "of the one that ends, and of the result"
    assert rows.count("state-opted_in") == 1
    with database.read_only() as session:
        assert session.get_one(Contact, lead.id).merged_into_id is None
    done = pages.submit(ana, address, follow_redirects=True)
    assert "The contacts are merged." in done.text
    assert done.request.path == f"/contacts/{user.public_id}"
    with database.read_only() as session:
        assert session.get_one(Contact, lead.id).merged_into_id == user.id
        (status,) = eligibility.live_statuses(session, session.get_one(Contact, user.id))
        assert status.state == ConsentState.OPTED_OUT


def test_before_an_erasure_it_is_said_that_likely_duplicates_stay(max_: FlaskClient, database: Database) -> None:
    lead, user = _pair(database)
    said = "Other contacts are likely the same person. Their data stays"
    assert said in max_.get(f"/contacts/{user.public_id}").text
    pages.submit(max_, f"/contacts/{lead.public_id}/merge/{user.public_id}")
    assert said not in max_.get(f"/contacts/{user.public_id}").text


def test_a_merge_that_is_refused_says_why_and_offers_the_other_way_round(ana: FlaskClient, database: Database) -> None:
    lead, user = _pair(database)
    address = f"/contacts/{user.public_id}/merge/{lead.public_id}"
    html = ana.get(address).text
    assert "merge the lead into the user" in html
    assert "Merge now" not in html
    assert f'href="/contacts/{lead.public_id}/merge/{user.public_id}"' in html
    assert pages.submit(ana, address, page=f"/contacts/{user.public_id}").status_code == 422
    assert ana.get(f"/contacts/{user.public_id}/merge/ffffffffffffffffffffffff").status_code == 404


def test_likely_duplicates_are_listed_by_what_they_share(ana: FlaskClient, database: Database) -> None:
    assert "No likely duplicates" in ana.get("/contacts/duplicates").text
    lead, user = _pair(database)
    with database.unit_of_work() as session:
        make.contact(session, name="Alone", phone_number=BRITISH_NUMBER)
    html = ana.get("/contacts/duplicates").text
    assert "+1 202-555-0123" in html
    assert f'href="/contacts/{lead.public_id}/merge/{user.public_id}"' in html
    assert "Alone" not in html
    assert "No likely duplicates" in ana.get("/contacts/duplicates?by=email").text
    assert "There are no more" in ana.get("/contacts/duplicates?after=%2b9").text
