"""Programs that check links open every address that they find. Looking changes nothing about people and consent."""

import re
from urllib.parse import urlsplit

import pytest
from flask import Flask

from app.core import clock
from app.core.forms import user_token
from app.core.forms.user_token import FormUser
from app.core.preferences import links
from app.core.signing import keys_of
from app.db import Database
from app.models import EvidenceLevel
from app.web import mounts
from tests import make
from tests.make import SAMS_NUMBER
from tests.stories.acts_on_contacts import Shop
from tests.web.embed.page import answer, open_form
from tests.web.messenger import panel

# Pages of people, which need a token and no sign-in.
MUST_OPEN = {
    *("/f/<token>", "/f/form/<key>", "/f/user/<signed>"),
    *("/p/<token>", "/p/<token>/one-click", "/p/<token>/record", "/p/<token>/subscription_types/<type_id>"),
    *("/messenger/api/poll", "/messenger/api/subscriptions", "/ledger/keys.json"),
}


@pytest.mark.databases("sqlite")
def test_a_program_that_opens_every_address_without_signing_in_changes_nothing(app: Flask, database: Database) -> None:
    shop, sam = Shop(app), app.test_client()
    token = panel.TOKEN
    panel.write(sam, bearer=token)
    done = answer(sam, open_form(sam, shop.key), SAMS_NUMBER)
    shop.api.put(f"/subscription_types/{shop.offers}", {"preference_form_id": shop.form})
    user = shop.api.contact(external_id="sam", phone=SAMS_NUMBER, email="sam@example.com")
    inserted = urlsplit(shop.api.post(f"/forms/{shop.form}/insert", {"contact_id": user})["embed_url"]).path
    with database.unit_of_work() as session:
        contact = make.contact(session, phone_number=make.EVES_NUMBER, email_address="eve@example.com")
        levels = (EvidenceLevel.PERSONAL_LINK, EvidenceLevel.WEB_UNVERIFIED)
        held = [links.issue(session, contact, level=each, at=clock.now()) for each in levels]
        signed = user_token.signed(keys_of(session), FormUser(shop.key.rpartition("/")[2], "sam"))
    known = {
        "/f/<token>": [inserted.rpartition("/")[2], done.main["data-token"]],
        "/f/form/<key>": [shop.key.rpartition("/")[2]],
        "/f/user/<signed>": [signed],
        "/p/<token>": held,
        "type_id": [shop.offers],
        "public_id": [user],
    }
    before, opened = shop.rows(), set[str]()
    readable = [each.path for each in mounts.routes(app) if "GET" in each.methods and not each.path.startswith("/api/")]
    for route in readable:
        for path in addresses(route, known):
            headers = panel.headers(token) if path.startswith("/messenger/api") else {}
            with app.test_client().get(path, headers=headers) as seen:
                assert seen.status_code < 500, path
            if seen.status_code == 200:
                opened.add(route)
                app.test_client().head(path, headers=headers).close()
    assert opened >= MUST_OPEN
    assert shop.rows() == before


def addresses(path: str, known: dict[str, list[str]]) -> list[str]:
    """The address of a route with each value that is known for its first part, and 1 where none is known."""
    values = next((each for place, each in known.items() if path.startswith(place)), ["1"])
    filled = [re.sub("<(?:token|key|signed)>", each, path) for each in values]
    return [re.sub(r"<(?:\w+:)?(\w+)>", lambda part: known.get(part[1], ["1"])[0], each) for each in filled]
