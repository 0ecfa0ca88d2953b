"""The header Host, and what a proxy says that it was."""

import pytest
from flask import Flask
from werkzeug.test import create_environ, run_wsgi_app

from app import create_app
from app.config import Settings
from app.web import hosts

BAD = (".", "a..b", "xn--", "xn--a-.com", "a" * 64, "a.example/b", "a@b.example", "a.example:", "[::1", "a><b", "a b")


@pytest.mark.parametrize(
    "host", ["localhost:8000", "Shop.example.com.", "xn--mller-kva.example:65535", "192.0.2.1", "[::1]:8000", "web_1"]
)
def test_a_name_or_an_address_is_a_host(host: str) -> None:
    assert hosts.is_host(host)


def test_no_application_answers_a_request_whose_host_cannot_be_read(app: Flask, settings: Settings) -> None:
    behind_proxy = create_app(Settings(**(vars(settings) | {"trusted_proxies": 1})))
    for host in BAD:
        for path in ("/", "/x", "/healthz", "/api/me", "/f/form/x", "/static/css/staff.css"):
            for asked, name in ((app, "HTTP_HOST"), (behind_proxy, "HTTP_X_FORWARDED_HOST")):
                parts, status, _ = run_wsgi_app(asked, create_environ(path) | {name: host})
                assert (status[:3], b"".join(parts)) == ("400", b"The header Host names no host.\n"), (host, path)
