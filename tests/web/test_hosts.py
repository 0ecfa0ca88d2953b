"""The header Host, and what a proxy says that it was."""

import pytest
from flask import Flask
from werkzeug.test import create_environ, run_wsgi_app

from app import create_app
from app.config import Settings
from app.web import hosts

PATHS = {
    "/": "text/html",
    "/x": "text/html",
    "/healthz": "text/html",
    "/api/me": "application/json",
    "/messenger/api/poll": "application/json",
    "/f/form/x": "text/html",
    "/static/css/staff.css": "text/html",
}
BAD = (".", "a..b", "xn--", "xn--a-.com", "a" * 64, "a.example/b", "a@b.example", "a.example:", "[::1", "a><b", "a b")


@pytest.mark.parametrize(
    "host", ["localhost:8000", "Shop.example.com.", "xn--mller-kva.example:65535", "192.0.2.1", "[::1]:8000", "web_1"]
)
def test_a_name_or_an_address_is_a_host(host: str) -> None:
    assert hosts.is_host(host)


def test_each_application_refuses_a_host_that_cannot_be_read_in_its_own_format(app: Flask, settings: Settings) -> None:
    behind_proxy = create_app(Settings(**(vars(settings) | {"trusted_proxies": 1})))
    for host in BAD:
        for path, kind in PATHS.items():
            for asked, name in ((app, "HTTP_HOST"), (behind_proxy, "HTTP_X_FORWARDED_HOST")):
                _, status, headers = run_wsgi_app(asked, create_environ(path) | {name: host})
                assert (status[:3], headers["Content-Type"].split(";")[0]) == ("400", kind), (host, path)
