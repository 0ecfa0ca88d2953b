from functools import partial

import pytest

from app.core import origins
from app.core.bots import matching, rule_values
from app.core.errors import InvalidInput
from app.core.workspace import settings


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("https://shop.example.com", "https://shop.example.com"),
        (" HTTPS://Shop.Example.com/ ", "https://shop.example.com"),
        ("https://shop.example.com:443", "https://shop.example.com"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("https://müller.example.com", "https://xn--mller-kva.example.com"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://straße.example", "https://xn--strae-oqa.example"),
        ("https://κλαρα-σωλις.ευ", "https://xn----ylba7abgd9bnh0e.xn--qxa6a"),
        ("https://Bücher.Example", "https://xn--bcher-kva.example"),
        ("https://i❤.ws", "https://xn--i-7iq.ws"),
        ("https://r3---sn.shop_one.example", "https://r3---sn.shop_one.example"),
        ("https://shop。example", "https://shop.example"),
    ],
)
def test_an_origin_is_returned_as_browsers_send_it(typed: str, origin: str) -> None:
    assert origins.read(typed) == origin


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "shop.example.com",
        "*",
        "https://*.example.com",
        "https://shop.example.com/path",
        "https://shop.example.com?x",
        "https://me:secret@shop.example.com",
        "ftp://shop.example.com",
        "https://shop.example.com; script-src *",
        "https://shop.example.com 'unsafe-inline'",
        "https://a,b",
        "https://shop.example.com:99999",
        "https://",
        "https://shop..example",
        f"https://{'a' * 64}.example",
        "https://shop\u2028.example",
        "javascript:alert(1)",
    ],
)
def test_an_invalid_origin_is_refused_with_its_field(typed: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        origins.read(typed)
    assert refused.value.field == "allowed_origins"


def test_several_origins_keep_their_order_without_duplicates() -> None:
    assert origins.read_many("https://b.example.com, https://a.example.com\nhttps://b.example.com") == [
        "https://b.example.com",
        "https://a.example.com",
    ]


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("shop.example.com", "https://shop.example.com"),
        ("Shop.example.com:8443/cart?x=1", "https://shop.example.com:8443"),
        ("https://shop.example.com/a/b#c", "https://shop.example.com"),
        ("localhost:5173", "http://localhost:5173"),
        ("127.0.0.1:5500/index.html", "http://127.0.0.1:5500"),
        ("localhost.example.com", "https://localhost.example.com"),
    ],
)
def test_an_address_that_people_type_is_read_as_its_origin(typed: str, origin: str) -> None:
    assert origins.read_many(typed) == [origin]


@pytest.mark.parametrize(
    "typed", ["*", "*.example.com", "ftp://shop.example.com", "me:secret@shop.example.com", "://x", "/", "shop/path"]
)
def test_what_has_no_origin_is_refused_where_people_type_it(typed: str) -> None:
    with pytest.raises(InvalidInput):
        origins.read_many(typed)


def test_the_origin_of_a_page_is_returned_or_null() -> None:
    assert origins.of("https://shop.example.com/cart?x=1") == "https://shop.example.com"
    assert origins.of("about:blank") is None
    assert origins.of("") is None


@pytest.mark.parametrize("address", ["http://[", "http://[::1", "https://[v1.x/shop"])
def test_an_address_that_cannot_be_read_has_no_parts(address: str) -> None:
    assert not any(origins.parts_of(address))
    assert origins.of(address) is None
    assert origins.joined("https://shop.example.com/", address) == ""
    assert matching.is_page("/shop/*", address) is False
    for read in (partial(rule_values.check_page, address), partial(settings.check, "privacy_url", address)):
        with pytest.raises(InvalidInput):
            read()
