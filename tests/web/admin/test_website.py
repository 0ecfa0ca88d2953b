"""The website's page says what each page sends, and how to mend what is wrong."""

from dataclasses import replace

import pytest
from flask import Flask

from app.core import clock
from app.core.site import check_words, sample_rows, snippets
from app.core.site.samples import Sample, ValueKind
from app.core.workspace import settings
from app.db import Database
from app.models import SiteCountKind, Workspace
from app.web.admin import website_words
from app.web.services import services_of
from tests import make
from tests.core.site.test_samples import EVE, SHOP, SIGNED
from tests.web.pages import admin, submit

WRONG = replace(SIGNED, sms_optin=ValueKind.REFUSED, gdpr_optin=ValueKind.FALSE, problems=("sms_optin:not_a_boolean",))
RIGHT = replace(SIGNED, path="/right", gdpr_optin=ValueKind.TRUE, problems=())


def send(app: Flask, *samples: Sample) -> None:
    """As if pages had sent these samples to this process."""
    for sample in samples:
        services_of(app).site_reports.add(sample)


def test_an_empty_check_shows_how_to_begin(app: Flask, database: Database) -> None:
    with database.read_only() as session:
        key = settings.get(session).messenger_key
    html = admin(app).get("/admin/website").get_data(as_text=True)
    for part in (f"/site.js&#34; data-key=&#34;{key}&#34; async", f"/site.js?key={key}&#34; async", "data-wait async"):
        assert part in html
    assert "No page was seen yet." in html
    assert "No subscription type is chosen" in html


def test_what_waits_in_the_process_is_written_by_the_page_that_follows(app: Flask, database: Database) -> None:
    with database.unit_of_work() as session:
        snippets.allow(session, SHOP, actor="agent:1", at=make.NOON)
        workspace: Workspace = settings.get(session)
        workspace.site_subscription_type_id = make.live_type(session, name="Offers").id
    client = admin(app)
    send(app, WRONG, RIGHT, replace(WRONG, origin=EVE, path="/<script>"))
    services_of(app).site_reports.count(SiteCountKind.REFUSED, "sms_optin:not_a_boolean")
    with client.get("/admin/website/live") as first:
        assert "No page was seen yet." in first.get_data(as_text=True)
    html = client.get("/admin/website").get_data(as_text=True)
    assert "Everything is right on 1 of 3 pages." in html
    assert "2 pages have mistakes." in html
    assert "sms_optin is not a boolean" in html
    assert "sms_optin: true,  // or false: what the customer chose" in html
    assert "gdpr_optin: false," in html, "the object as it should be keeps the values that were right"
    assert "This website is not allowed" in html
    assert "<script></bdi>" not in html
    assert "opts in to <strong>Offers</strong>" in html
    assert "Refused values" in html
    live = client.get("/admin/website/live?only=wrong&origin=" + SHOP).get_data(as_text=True)
    assert "/cart</bdi>" in live
    assert "/right</bdi>" not in live
    assert "Everything is right on 1 of 3 pages." in live
    assert live == client.get("/admin/website/live?only=wrong&origin=" + SHOP).get_data(as_text=True)


def test_a_website_can_be_allowed_from_its_page(app: Flask, database: Database) -> None:
    client = admin(app)
    response = submit(client, "/admin/setup/origins", {"origin": EVE, "back": "website"}, page="/admin/website")
    assert (response.status_code, response.location) == (303, "/admin/website")
    with database.read_only() as session:
        assert snippets.allowed_origins(session) == {EVE}


@pytest.mark.parametrize(
    "code",
    [
        *(f"{field}:{reason}" for field in ("sms_optin", "uuid") for reason in check_words._BY_REASON),
        *check_words._BY_CODE,
        "identity:user_id_mismatch",
        "new:invention",
    ],
)
def test_every_code_has_a_sentence(app: Flask, code: str) -> None:
    with app.test_request_context():
        words = website_words.words_for(code)
    assert words.problem
    assert "%(" not in words.problem
    assert (words.problem == code) == (code == "new:invention")


@pytest.mark.parametrize(
    ("sample", "code"),
    [
        (
            replace(SIGNED, source="InsiderQueue"),
            'window.InsiderQueue.push({\n  type: "user",\n  value: {\n    uuid: "',
        ),
        (replace(SIGNED, source="", is_signed_in=False), ""),
        (
            replace(SIGNED, uuid=ValueKind.ABSENT, is_signed_in=False, sms_optin=ValueKind.FALSE),
            'window.insider_object = {\n  user: {\n    phone_number: "+12025550123",\n    sms_optin: false,\n',
        ),
    ],
)
def test_the_corrected_object_has_the_form_of_the_page(sample: Sample, code: str) -> None:
    visitors = {"signed_in": None, "signed_out": None} | {"signed_in" if sample.is_signed_in else "signed_out": sample}
    page = sample_rows.PageSamples(SHOP, "/", **visitors, views=1, changed_at=clock.now(), last_seen_at=clock.now())
    assert code in check_words.corrected(page)
    assert bool(check_words.corrected(page)) == bool(code)
