"""Short links of campaigns lead on, and count clicks without a cookie."""

from typing import cast

from flask import Flask

from app.core.campaigns import rendering, short_links
from app.models import ShortLink
from app.web import mounts
from app.web.short_links import views
from app.web.short_links.clicks import Clicks
from tests import make
from tests.web.api.client import database

TARGET = "https://shop.example.com/terrace?from=sms&when=may"
BASE = "https://sms.example.com"


def test_a_short_link_leads_on_and_its_clicks_are_counted_in_batches(app: Flask) -> None:
    with database(app).unit_of_work() as session:
        campaign = make.campaign(session, make.live_type(session), body=f"Hello: {TARGET}. Or {TARGET}!")
        short_links.create(session, campaign, at=make.NOON)
        short_links.create(session, campaign, at=make.NOON)
        token = short_links.of_campaign(session, campaign.id)[TARGET]
        text = rendering.measure(session, campaign, base=BASE).body
        assert text.startswith(f"My business: Hello: {BASE}/s/{token}. Or {BASE}/s/{token}!\n")
    client, address = app.test_client(), f"/s/{token}"
    for _ in range(2):
        response = client.get(address)
        assert (response.status_code, response.location) == (302, TARGET)
        assert (response.headers.get("Set-Cookie"), response.headers["Cache-Control"]) == (None, "no-store")
    assert client.head(address).status_code == 302
    assert client.post(address).status_code == 405
    with database(app).read_only() as session:
        assert session.get_one(ShortLink, token).clicks == 0
    cast(Clicks, mounts.mounted(app)["/s"].extensions[views.EXTENSION]).store()
    with database(app).read_only() as session:
        assert short_links.clicks(session, campaign.id) == [(TARGET, 2)]
    for unknown in ("/s/AAAAAAAAAAAA", "/s/x", f"/s/{token}/more"):
        response = client.get(unknown)
        assert (response.status_code, "<h1>This link does not work.</h1>" in response.text) == (404, True)
        assert (response.headers.get("Set-Cookie"), response.headers["Referrer-Policy"]) == (None, "no-referrer")


def test_addresses_are_found_without_the_punctuation_around_them() -> None:
    body = (
        "A (https://a.example/x?y=1), b: HTTP://B.example/Ä! c https://c.example/{{ name }} d https://a.example/x?y=1"
    )
    assert short_links.addresses_in(body) == ["https://a.example/x?y=1", "HTTP://B.example/Ä"]
