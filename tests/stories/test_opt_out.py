"""Sam opts out, and stays opted out until Sam opts in again."""

import pytest
from flask.testing import FlaskClient

from tests.make import SAMS_NUMBER
from tests.web import pages
from tests.web.api.client import ApiClient, Response


def attach(shop: ApiClient, contact: str, offers: str) -> Response:
    return shop.post(f"/contacts/{contact}/subscriptions", {"id": offers, "consent_type": "opt_in"})


@pytest.fixture
def opted_out(ana: FlaskClient, shop: ApiClient, sams_id: str, offers: str) -> str:
    """Sam's id, after Sam opted in and then asked ana by phone to stop."""
    assert attach(shop, sams_id, offers).status == 200
    assert shop.search(f"subscription_types.{offers}", "=", "reachable") == [sams_id]
    values = {"subscription_type_id": offers, "note": "Asked by phone today"}
    page = f"/contacts/{sams_id}"
    assert pages.submit(ana, f"{page}/opt-outs", values, page=page).status_code == 303
    return sams_id


def test_a_contact_that_opted_out_is_not_reachable(shop: ApiClient, opted_out: str, offers: str) -> None:
    assert shop.search(f"subscription_types.{offers}", "=", "opted_out") == [opted_out]
    assert shop.search(f"subscription_types.{offers}", "=", "reachable") == []


def test_another_contact_with_the_same_number_is_not_reachable(shop: ApiClient, opted_out: str, offers: str) -> None:
    lead = shop.contact(role="lead", phone=SAMS_NUMBER)
    attach(shop, lead, offers)
    assert shop.search(f"subscription_types.{offers}", "=", "reachable") == []


def test_a_new_number_does_not_undo_the_opt_out(shop: ApiClient, opted_out: str, offers: str) -> None:
    assert shop.put(f"/contacts/{opted_out}", {"phone": "+12025550188"}).status == 200
    assert shop.search(f"subscription_types.{offers}", "=", "reachable") == []


def test_the_opt_out_is_shown_with_its_note(ana: FlaskClient, opted_out: str) -> None:
    page = ana.get(f"/contacts/{opted_out}").get_data(as_text=True)
    assert "Opted out" in page
    assert "Asked by phone today" in page
