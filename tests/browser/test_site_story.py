"""A page's object reaches the server: a signed user is opted in and stopped, a wrong signature changes nothing."""

import json

import pytest
from playwright.sync_api import Page
from sqlalchemy import select

from app.core import clock
from app.core.workspace import settings as workspace_settings
from app.db import Database
from app.models import Consent, Contact
from tests import make
from tests.browser.shop import ANA, Shop, wait_until

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture(autouse=True)
def sam(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        make.contact(session, external_id="sam-1", phone_number=make.SAMS_NUMBER)
        workspace_settings.change(session, {"site_subscription_type_id": offers.id}, actor=ANA, at=clock.now())


def states(database: Database) -> list[str]:
    with database.read_only() as session:
        found = (
            select(Consent.state).join(Contact, Contact.id == Consent.contact_id).where(Contact.external_id == "sam-1")
        )
        return [str(each) for each in session.scalars(found)]


def put(shop: Shop, path: str) -> str:
    shop.signed(path, "sam-1")
    user = {"uuid": "sam-1", "phone_number": make.SAMS_NUMBER, "sms_optin": True, "gdpr_optin": True}
    before = f"<script>window.insider_object = {{user: {json.dumps(user)}}}</script>"
    shop.pages[path] += f'{before}<script src="{shop.address}/site.js" data-key="{shop.key}" async></script>'
    return f"{shop.origin}{path}"


def test_a_signed_user_is_opted_in_and_out_by_the_page_and_stopped_by_gdpr_false(
    page: Page, shop: Shop, database: Database
) -> None:
    with page.expect_response("**/site/collect") as answer:
        page.goto(put(shop, "/account"))
    assert (answer.value.status, answer.value.json()["refused"]) == (202, [])
    assert states(database) == ["opted_in"]
    with page.expect_response("**/site/collect"):
        page.evaluate("insider_object.user.sms_optin = false")
    assert states(database) == ["opted_out"]
    with page.expect_response("**/site/collect"):
        page.evaluate("insider_object.user.gdpr_optin = false")
    with database.read_only() as session:
        sam = session.scalars(select(Contact).where(Contact.external_id == "sam-1")).one()
        assert sam.gdpr_optin is False


def test_a_wrong_signature_changes_nothing_of_the_user_and_is_named(page: Page, shop: Shop, database: Database) -> None:
    lines: list[str] = []
    page.on("console", lambda message: lines.append(message.text))
    address = put(shop, "/wrong")
    shop.pages["/wrong"] = shop.pages["/wrong"].replace('"user_hash": "', '"user_hash": "0')
    with page.expect_response("**/site/collect") as answer:
        page.goto(address)
    assert answer.value.json()["refused"] == [{"field": "identity", "reason": "user_hash_wrong"}]
    wait_until(page, lambda: lines)
    assert "assent: identity: user_hash_wrong. See /admin/website" in lines
    assert states(database) == []
