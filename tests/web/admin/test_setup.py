"""Getting started: the first steps, websites seen and allowed, templates, the test page."""

import re

from flask.testing import FlaskClient

from app.core.forms import publishing
from app.core.site import snippets
from app.core.site.checklist import Step
from app.core.workspace import settings
from app.db import Database
from tests import make
from tests.web import pages

SHOP = "https://shop.example.com"


def test_a_new_workspace_leads_through_its_first_steps(max_: FlaskClient, database: Database) -> None:
    for path in ("/", "/admin/setup"):
        html = max_.get(path).text
        assert re.findall(r'data-step="(\w+)" data-is-done="false"', html) == [step.value for step in Step]
    with database.unit_of_work() as session:
        make.live_type(session)
    assert 'data-step="type_live" data-is-done="true"' in max_.get("/").text


def test_only_admins_see_the_steps(ana: FlaskClient, client: FlaskClient) -> None:
    assert "data-step" not in ana.get("/").text
    assert "data-step" not in client.get("/").text
    assert ana.get("/admin/setup").status_code == 403
    assert ana.get("/admin/try").status_code == 403
    assert pages.submit(ana, "/admin/setup/origins", {"origin": SHOP}, page="/").status_code == 403


def test_an_origin_that_was_seen_is_allowed_by_one_click(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        snippets.record(session, "embed", SHOP, at=make.NOON)
    assert f'aria-label="Allow {SHOP}"' in max_.get("/admin/setup").text
    assert pages.submit(max_, "/admin/setup/origins", {"origin": SHOP}, page="/admin/setup").status_code == 303
    assert "Not allowed" not in max_.get("/admin/setup").text
    with database.read_only() as session:
        assert settings.get(session).allowed_origins == [SHOP]
    refused = pages.submit(max_, "/admin/setup/origins", {"origin": "shop"}, page="/admin/setup")
    assert refused.status_code == 303
    assert "is not an origin" in max_.get("/admin/setup").text


def test_a_form_starts_from_a_template_filled_in_for_the_workspace(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"name": "Harbour Coffee"}, actor="agent:1", at=make.NOON)
        offers = make.live_type(session)
        session.flush()
        type_id = str(offers.id)
    html = max_.get("/admin/forms/new?template=de-sms-de").text
    assert 'value="SMS von Harbour Coffee"' in html
    assert '<option selected value="de">' in html
    assert '<option selected value="DE">' in html
    assert "SMS von" not in max_.get("/admin/forms/new?template=unknown").text
    values = {"subscription_type_id": type_id, "locale": "en", "title": "Texts", "legal_text": "Up to [number] texts"}
    saved = pages.submit(max_, "/admin/forms/new", values | {"accent_color": "#0b6e4f"}, page="/admin/forms/new")
    assert saved.status_code == 303
    assert "Replace what is in square brackets: Legal text." in max_.get(saved.headers["Location"]).text


def test_the_test_page_shows_the_chosen_form_and_the_chat(max_: FlaskClient, database: Database) -> None:
    assert "No form yet" in max_.get("/admin/try").text
    with database.unit_of_work() as session:
        first, newest = make.form(session), make.form(session)
        first_id, keys = first.id, (first.key, newest.key)
        assert [each.form for each in publishing.find_offered(session)] == [newest, first]
    assert f'data-form="{keys[1]}"' in max_.get("/admin/try").text
    html = max_.get(f"/admin/try?form={first_id}").text
    assert f'data-form="{keys[0]}"' in html
    assert "/messenger.js" in html
