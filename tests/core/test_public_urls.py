"""The URLs between applications match the routes."""

import io
import json

import pytest
from flask import Flask

from app import logs
from app.core import public_urls

BASE = "https://consent.example.com"
ROUTES = {
    public_urls.inserted_form("TOKEN"): "/f/<token>",
    public_urls.inserted_form("TOKEN", full_number_proof="PROOF"): "/f/<token>",
    public_urls.public_form("KEY"): "/f/form/<key>",
    public_urls.form_of_signed_user("SIGNED"): "/f/user/<signed>",
    public_urls.preferences("TOKEN"): "/p/<token>",
    public_urls.one_click("TOKEN", 3): "/p/<token>/one-click",
    public_urls.short_link("TOKEN"): "/s/<token>",
    public_urls.inbox(): "/inbox",
    public_urls.conversation(3): "/inbox/<int:conversation_id>",
    public_urls.account(): "/account",
    public_urls.logo("abc"): "/logo",
    public_urls.report_hook("kannel", 7, "s&s", ""): "/hooks/kannel/dlr",
    public_urls.EMBED_SCRIPT: "/embed.js",
    public_urls.MESSENGER_SCRIPT: "/messenger.js",
    public_urls.SITE_SCRIPT: "/site.js",
    public_urls.API_DOCS: "/api/docs",
    f"{public_urls.MESSENGER_API}/poll": "/messenger/api/poll",
    f"{public_urls.API}/contacts": "/api/contacts",
}


def test_every_url_matches_its_route(app: Flask) -> None:
    stream = io.StringIO()
    logs.configure(stream)
    try:
        for address in ROUTES:
            app.test_client().get(address).close()
    finally:
        logs.silence()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["route"] for line in lines] == list(ROUTES.values())


@pytest.mark.parametrize(
    ("address", "path"),
    [
        (public_urls.inserted_form("T", base=BASE, full_number_proof="P"), "/f/T?full=P"),
        (public_urls.public_form("KEY", base=BASE), "/f/form/KEY"),
        (public_urls.form_of_signed_user("SIGNED", base=BASE), "/f/user/SIGNED"),
        (public_urls.preferences("T", base=BASE), "/p/T"),
        (public_urls.one_click("T", 3, base=BASE), "/p/T/one-click?type=3"),
        (public_urls.short_link("T", base=BASE), "/s/T"),
        (public_urls.inbox(base=BASE), "/inbox"),
        (public_urls.conversation(3, base=BASE), "/inbox/3"),
        (public_urls.account(base=BASE), "/account"),
        (public_urls.logo("abc", base=BASE), "/logo?v=abc"),
        (public_urls.report_hook("kannel", 7, "s&s", BASE), "/hooks/kannel/dlr?secret=s%26s&message=7"),
        (public_urls.report_hook("twilio", 7, "", BASE), "/hooks/twilio/status?message=7"),
    ],
)
def test_a_url_begins_with_its_base(address: str, path: str) -> None:
    assert address == BASE + path


def test_the_sandbox_is_asked_to_report_nowhere() -> None:
    assert public_urls.report_hook("sandbox", 7, "", BASE) == ""
