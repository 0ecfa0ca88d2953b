"""Sam opts in by the public form of the shop's page."""

from urllib.parse import urlsplit

from flask.testing import FlaskClient

from tests.web import pages
from tests.web.api.client import ApiClient
from tests.web.embed.page import answer, open_form

TYPED = "(202) 555-0123"


def form_of(max_: FlaskClient, shop: ApiClient, offers: str) -> str:
    """Max publishes a form. Returns the path of its page."""
    values = {
        "subscription_type_id": offers,
        "locale": "en",
        "title": "Hear it first",
        "legal_text": "By signing up you agree to get texts.",
        "accent_color": "#aa3300",
    }
    assert pages.submit(max_, "/admin/forms/new", values).status_code == 303
    (form,) = shop.get("/forms")["data"]
    return str(urlsplit(form["embed_url"]).path)


def test_a_visitor_opts_in_with_a_typed_number(
    max_: FlaskClient, sam: FlaskClient, shop: ApiClient, offers: str
) -> None:
    page = open_form(sam, form_of(max_, shop, offers))
    assert (page.state, page.asks) == ("ask", "phone")
    done = answer(sam, page, TYPED, country="US")
    assert done.state == "done"
    assert "+1 202-555-0123" in done.text
    (lead,) = shop.search(f"subscription_types.{offers}", "=", "opted_in")
    assert shop.get(f"/contacts/{lead}")["phone"] == "+12025550123"
    assert shop.search(f"subscription_types.{offers}", "=", "reachable") == [lead]


def test_an_agent_sees_what_the_visitor_agreed_to(
    max_: FlaskClient, ana: FlaskClient, sam: FlaskClient, shop: ApiClient, offers: str
) -> None:
    answer(sam, open_form(sam, form_of(max_, shop, offers)), TYPED, country="US")
    (lead,) = shop.search(f"subscription_types.{offers}", "=", "opted_in")
    page = ana.get(f"/contacts/{lead}").get_data(as_text=True)
    assert "Opted in" in page
    assert "By signing up you agree to get texts." in page
    assert "+1 202-555-0123" in page


def test_viewing_the_form_opts_nobody_in(max_: FlaskClient, sam: FlaskClient, shop: ApiClient, offers: str) -> None:
    open_form(sam, form_of(max_, shop, offers))
    assert shop.search(f"subscription_types.{offers}", "=", "opted_in") == []
    assert shop.get("/contacts")["total_count"] == 0


def test_an_impossible_number_is_refused_and_not_stored(
    max_: FlaskClient, sam: FlaskClient, shop: ApiClient, offers: str
) -> None:
    refused = answer(sam, open_form(sam, form_of(max_, shop, offers)), "12345")
    assert (refused.status, refused.state) == (422, "ask")
    assert shop.get("/contacts")["total_count"] == 0


def test_a_stranger_cannot_publish_or_read_anything(eve: FlaskClient, shop: ApiClient, offers: str) -> None:
    for path in ("/admin/forms", "/contacts", "/inbox"):
        assert eve.get(path).status_code == 302
    assert eve.get("/api/contacts").status_code == 401
