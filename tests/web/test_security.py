"""The address of the client: what is believed of the connection and of trusted proxies."""

from collections.abc import Iterator

import pytest
from flask import Flask, request

from app import create_app
from app.config import Settings
from app.web.security import client_address

PROXY = "10.0.0.2"
LONG = "fe80::1%" + "a" * 56  # 64 characters


@pytest.fixture(params=[0, 1, 2], ids="{}_proxies".format)
def behind(request: pytest.FixtureRequest, settings: Settings) -> Iterator[tuple[int, Flask]]:
    """An application that trusts this number of proxies."""
    app = create_app(Settings(**(vars(settings) | {"trusted_proxies": request.param})))
    app.add_url_rule("/address", "address", address_seen)
    yield request.param, app
    app.extensions["assent"].database.close()


def address_seen() -> str:
    return str(client_address(request))


# The header, and who is believed to be the client behind no, one and two trusted proxies.
FORWARDED = (
    ("", (PROXY, PROXY, PROXY)),
    ("192.0.2.1", (PROXY, "192.0.2.1", PROXY)),
    ("6.6.6.6, 192.0.2.1", (PROXY, "192.0.2.1", "6.6.6.6")),
    ("6.6.6.6, 192.0.2.1, 192.0.2.2", (PROXY, "192.0.2.2", "192.0.2.1")),
    ("2001:db8::7", (PROXY, "2001:db8::7", PROXY)),
    ("unknown", (PROXY, PROXY, PROXY)),
    ("192.0.2.1:4711", (PROXY, PROXY, PROXY)),
    ("'; DROP TABLE contacts", (PROXY, PROXY, PROXY)),
    (LONG, (PROXY, LONG, PROXY)),
    (LONG + "a", (PROXY, PROXY, PROXY)),
    ("1" * 100_000, (PROXY, PROXY, PROXY)),
)


def test_only_ip_addresses_of_at_most_64_characters_are_believed_and_only_of_trusted_proxies(
    behind: tuple[int, Flask],
) -> None:
    proxies, app = behind
    client = app.test_client()
    for forwarded_for, believed in FORWARDED:
        headers = {"X-Forwarded-For": forwarded_for} if forwarded_for else {}
        response = client.get("/address", headers=headers, environ_base={"REMOTE_ADDR": PROXY})
        assert response.get_data(as_text=True) == believed[proxies], forwarded_for[:80]


def test_the_address_of_a_unix_socket_is_unknown(app: Flask) -> None:
    with app.test_request_context(environ_base={"REMOTE_ADDR": ""}):
        assert client_address(request) is None
