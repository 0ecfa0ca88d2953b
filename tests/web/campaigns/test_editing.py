"""The composer."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core.campaigns import drafts
from app.core.contacts import segments
from app.db import Database
from app.models import ConsentType
from tests import make
from tests.web import pages

NEW = "/campaigns/new"
VALUES = {
    "name": "Winter sale",
    "audience": "all",
    "segment": "",
    "body": "Hi {{ first_name | there }}, 20% off.",
    "opt_out_text": "reply",
    "price_ceiling": "99,50",
}


@pytest.fixture
def live_id(database: Database) -> str:
    with database.unit_of_work() as session:
        live = make.live_type(session, name="Offers")
        sam = make.contact(session, name="Sam Rivera", phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, live)
        return str(live.id)


def text_of(client: FlaskClient, path: str, **values: object) -> str:
    return pages.submit(client, path, values).get_data(as_text=True)


def test_agents_may_not_see_campaigns(app: Flask) -> None:
    assert pages.agent(app).get("/campaigns").status_code == 403


def test_without_a_type_for_texts_the_composer_leads_to_one(max_: FlaskClient) -> None:
    assert "No subscription type for texts yet" in max_.get(NEW).get_data(as_text=True)
    assert "No campaigns yet" in max_.get("/campaigns").get_data(as_text=True)


@pytest.mark.usefixtures("live_id")
def test_a_campaign_that_begins_at_a_segment_is_for_its_contacts(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        query = {"field": "role", "operator": "=", "value": "user"}
        segment_id = segments.create(session, "Users", query, actor="agent:1", at=make.NOON).public_id
    html = max_.get(f"{NEW}?segment={segment_id}").get_data(as_text=True)
    assert f'<option selected value="{segment_id}">Users</option>' in html
    assert (
        "selected" not in max_.get(f"{NEW}?segment=nothing").get_data(as_text=True).partition('id="segment"')[2][:200]
    )


def test_a_campaign_is_saved_as_a_draft_and_changed(max_: FlaskClient, database: Database, live_id: str) -> None:
    values = {**VALUES, "subscription_type_id": live_id}
    saved = pages.submit(max_, NEW, values)
    assert saved.status_code == 303
    path = saved.headers["Location"]
    html = max_.get(path).get_data(as_text=True)
    assert "Harbour" not in html
    assert "Hi Sam, 20% off." in html
    assert "Reply STOP" in html

    opened = max_.get(f"{path}/edit").get_data(as_text=True)
    assert 'value="99.5"' in opened
    changed = {**values, "name": "Sale", "price_ceiling": "", "revision": "1"}
    assert pages.submit(max_, f"{path}/edit", changed).status_code == 303
    with database.read_only() as session:
        campaign = drafts.get(session, int(path.rpartition("/")[2]))
        assert (campaign.name, campaign.price_ceiling_micros, campaign.query) == ("Sale", None, None)
    assert "was changed in the meantime" in text_of(max_, f"{path}/edit", **{**changed, "name": "Late"})


def test_mistakes_are_said_at_their_fields(max_: FlaskClient, live_id: str) -> None:
    wrong = {**VALUES, "subscription_type_id": live_id, "name": "", "price_ceiling": "much"}
    refused = pages.submit(max_, NEW, {**wrong, "audience": "segment"})
    html = refused.get_data(as_text=True)
    assert refused.status_code == 422
    for sentence in ("Enter a name for the campaign.", "Enter an amount", "Choose a segment."):
        assert sentence in html
    for amount in ("1e999999", "-1e999999", "1e400000", "NaN", "Infinity", "0.0000001", "9" * 40):
        ceiling = text_of(max_, NEW, **{**VALUES, "subscription_type_id": live_id, "price_ceiling": amount})
        assert "Enter an amount" in ceiling, amount
    html = text_of(max_, NEW, **{**VALUES, "subscription_type_id": live_id, "body": "Hi {{ name"})
    assert "Close the variable at character 4" in html
    html = text_of(max_, NEW, **{**VALUES, "subscription_type_id": live_id, "audience": "filter"})
    assert "Add a condition, or choose all contacts." in html


def test_buttons_work_without_scripts_and_save_nothing(max_: FlaskClient, live_id: str) -> None:
    values = {**VALUES, "subscription_type_id": live_id, "body": "It’s “new” – 20% off, ça va"}

    html = text_of(max_, NEW, **values, do="check")
    for shown in ("once, at character 3; plain:", "Use plain characters", "Also drop accents", "UCS-2"):
        assert shown in html
    html = text_of(max_, NEW, **values, do="plain")
    assert "It&#39;s &#34;new&#34; - 20% off, ça va" in html
    assert "Use plain characters" not in html
    html = text_of(max_, NEW, **values, do="letters")
    assert "ca va</textarea>" in html
    assert "GSM-7" in html

    html = text_of(max_, NEW, **values, do="add", new="phone_country")
    assert 'name="part-0-field" value="phone_country"' in html
    with_filter = {**values, "audience": "filter", "part-0-field": "name", "part-0-operator": "is", "match": "all"}
    html = text_of(max_, NEW, **with_filter, **{"part-0-value": "Sam Rivera"}, do="remove:0")
    assert "part-0-field" not in html
    assert "No campaigns yet" in max_.get("/campaigns").get_data(as_text=True)

    saved = pages.submit(max_, NEW, {**with_filter, "part-0-value": "Nobody"})
    html = max_.get(saved.headers["Location"]).get_data(as_text=True)
    assert "Name is Nobody" in html
    assert "No one gets the text as it is now." in html
    assert 'value="Nobody"' in max_.get(f"{saved.headers['Location']}/edit").get_data(as_text=True)


def test_the_text_is_checked_while_it_is_typed(max_: FlaskClient, live_id: str) -> None:
    token = pages.csrf_token(max_.get(NEW).get_data(as_text=True))
    values = {"csrf_token": token, "subscription_type_id": live_id, "opt_out_text": "link", "body": "Hello"}

    html = max_.post("/campaigns/check", data=values).get_data(as_text=True)
    assert html.startswith("\n") or "<html" not in html
    assert "1 segment" in html
    assert "Sam Rivera" in html
    assert "Close the variable" in max_.post("/campaigns/check", data={**values, "body": "{{ a"}).get_data(as_text=True)
    assert "Write a text" in max_.post("/campaigns/check", data={**values, "body": ""}).get_data(as_text=True)
    for strange in ("9" * 5000, "😀"):
        unknown = dict.fromkeys(("subscription_type_id", "opt_out_text", "price_ceiling", "revision"), strange)
        assert max_.post("/campaigns/check", data=values | unknown).status_code == 200
        assert pages.submit(max_, NEW, {**VALUES, **unknown}).status_code == 422


def test_an_opt_out_type_carries_a_warning(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        make.live_type(session, name="News", consent_type=ConsentType.OPT_OUT)
    assert "everyone who did not object is texted" in max_.get(NEW).get_data(as_text=True)
