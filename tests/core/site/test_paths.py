"""Paths of the integration check name no person and no order."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.site import paths


@pytest.mark.parametrize(
    ("page", "path"),
    [
        ("https://shop.example.com", "/"),
        ("https://shop.example.com/", "/"),
        ("https://shop.example.com/cart/?sam@example.com#+12025550123", "/cart"),
        ("/checkout", "/checkout"),
        ("https://shop.example.com//a///b/", "/a/b"),
        ("https://shop.example.com/orders/4711/items/2", "/orders/*/items/*"),
        ("https://shop.example.com/summer-sale-2026", "/summer-sale-*"),
        ("https://shop.example.com/iphone-15-pro.html", "/iphone-15-pro.html"),
        ("https://shop.example.com/u/8f14e45f-ceea-467f-a8ab-1b2c3d4e5f60", "/u/*"),
        ("https://shop.example.com/u/deadbeef1", "/u/*"),
        ("https://shop.example.com/t/eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoi", "/t/*"),
        ("https://shop.example.com/verify/aVeryLongTokenWithoutAnyDigitAtAll", "/verify/*"),
        ("https://shop.example.com/call/202-555-0123", "/call/*"),
        ("https://shop.example.com/people/sam@example.com", "/people/*"),
        ("https://shop.example.com/people/J%C3%BCrgen%20Klopp", "/people/*"),
        ("https://shop.example.com/people/Jürgen", "/people/*"),
        ("https://shop.example.com/cart;jsessionid=A1B2", "/cart"),
        ("https://[broken", "/"),
        ("", "/"),
    ],
)
def test_ids_and_names_are_replaced_and_words_are_kept(page: str, path: str) -> None:
    assert paths.of(page) == path


_PIECES = st.sampled_from(
    ["orders", "a-b", "4711", "٤٢", "sam@example.com", "%40", "/", "-", ".", "?", "#", ";", "+1202", "ab12cd34ef"]
)


@settings(max_examples=200)
@given(st.one_of(st.text(max_size=300), st.lists(_PIECES, max_size=40).map("".join).map("https://a.example/".__add__)))
def test_no_number_address_or_code_is_left_whatever_the_page_is_called(page: str) -> None:
    path = paths.of(page)
    assert path.startswith("/")
    assert len(path) <= paths.PATH_MAX
    assert path.isascii()
    assert path.isprintable()
    assert not re.search(r"\d{4}|[@%?#; ]", path)
    assert paths.of(path) == path, "it stays what it is when it is read again"
