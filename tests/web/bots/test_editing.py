"""The pages of bots: create one, see whom it would greet, order, switch and delete."""

import re

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.core.contacts import segments
from app.core.forms import publishing
from app.db import Database
from app.models import BotRule, OptInForm
from tests import make
from tests.core.bots.bots import rule
from tests.make import NOON
from tests.web import pages


def post(client: FlaskClient, path: str, values: dict[str, str]) -> TestResponse:
    return pages.submit(client, path, values, page="/bots/new")


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_a_bot_is_created_previewed_switched_on_moved_and_deleted(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        form_id, type_id = make.form(session, offers, name="Welcome form").id, offers.id
        vip = segments.create(
            session, "VIP", {"field": "name", "operator": "^", "value": "Vip"}, actor="agent:1", at=NOON
        )
        segment_id = vip.id
        make.contact(session, name="Vip Sam")
        make.contact(session, name="Eve")
        other = rule(session, name="Other").id
    typed = {
        "name": "Offers",
        "trigger": "page",
        "page": "/shop/*",
        "seconds": "5",
        "signed_in": "",
        "not_asked_type_id": str(type_id),
        "segment_id": str(segment_id),
        "hours": "always",
        "body": "Get offers by text?",
        "form_id": str(form_id),
    }
    shown = text_of(post(max_, "/bots/new", typed | {"do": "check"}).text)
    assert "1 contact Vip Sam" in shown
    assert "Not visitors whom we do not know yet" in shown
    assert "Get offers by text? Texts from Harbour Coffee Sign Up Now" in shown
    checked = text_of(post(max_, "/bots/check", typed | {"segment_id": "", "form_id": "99"}).text)
    assert "2 contacts" in checked
    wrong = post(max_, "/bots/new", typed | {"trigger": "words", "words": "", "body": "", "page": "shop"})
    assert wrong.status_code == 422
    assert "Enter a path such as /shop/*" in wrong.text
    assert "Write something first." in wrong.text
    assert post(max_, "/bots/new", typed).status_code == 303
    with database.read_only() as session:
        made = session.scalars(select(BotRule).where(BotRule.name == "Offers")).one()
        assert (made.is_on, made.page, made.seconds, made.segment_id, made.form_id) == (
            False,
            "/shop/*",
            5,
            segment_id,
            form_id,
        )
        made_id = made.id
    edited = max_.get(f"/bots/{made_id}").text
    assert 'value="/shop/*"' in edited
    post(max_, f"/bots/{made_id}", typed | {"body": "Offers?", "revision": "1"})
    assert "changed since" in post(max_, f"/bots/{made_id}", typed | {"revision": "1"}).text
    for step in ("on", "up"):
        assert post(max_, f"/bots/{made_id}/{step}", {}).status_code == 303
    listed = text_of(max_.get("/bots").text)
    assert listed.index("Offers? Form: Welcome form") < listed.index("Other")
    assert "Is on /shop/*, after 5 seconds, never asked for “Offers”, in the segment “VIP”" in re.sub(
        "[\u2068\u2069]", "", listed
    )
    with database.unit_of_work() as session:
        publishing.archive(session, session.get_one(OptInForm, form_id), actor="agent:1", at=NOON)
    assert "Its form is archived. The bot does nothing until this is changed." in text_of(max_.get("/bots").text)
    assert "no longer offered" in max_.get(f"/bots/{made_id}").text
    post(max_, f"/bots/{made_id}/off", {})
    refused = post(max_, f"/bots/{made_id}/on", {})
    assert "cannot be switched on" in max_.get(refused.location).text
    for each in (made_id, other):
        post(max_, f"/bots/{each}/delete", {})
    assert "No bots yet" in max_.get("/bots").text


def test_words_office_hours_and_visitors_without_a_contact_are_explained(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        rule(session, trigger="words", words=["price", "cost"], hours="outside", is_signed_in=False)
    listed = re.sub("[\u2068\u2069]", "", text_of(max_.get("/bots").text))
    assert "Writes “price” and “cost”, not signed in, outside office hours" in listed
    shown = text_of(max_.get("/bots/1").text)
    assert "At this time the bot writes to no one" in shown
    assert "Also visitors whom we do not know yet" in shown
