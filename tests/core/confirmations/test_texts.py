"""The texts of double opt-in."""

import pytest

from app.core import sms_text
from app.core.confirmations import codes, texts
from app.core.sms_text import Encoding
from app.core.wording import LOCALES

VALUES = {"brand": "Harbour", "type": "Offers", "contact": "help@harbour.example.com"}


def _texts(locale: str) -> dict[str, str]:
    return {
        "code": texts.code(locale, brand="Harbour", code="123456", host="sms.harbour.example.com", framed_by=None),
        "confirm": texts.confirm(locale, brand="Harbour", type_name="Offers"),
        "welcome": texts.filled(texts.default_welcome(locale, receives=True), **VALUES),
        "one way": texts.filled(texts.default_welcome(locale, receives=False), **VALUES),
        "own": texts.sms_link(locale, brand="Harbour", nonce="H7KQ2MTVXA"),
    }


@pytest.mark.parametrize("locale", LOCALES)
def test_texts_are_short_complete_and_in_gsm7_where_the_language_allows(locale: str) -> None:
    for name, text in _texts(locale).items():
        packed = sms_text.pack(text)
        assert "{" not in text
        assert packed.segments <= (3 if locale == "ar" else 1 if name in {"confirm", "own"} else 2), (name, text)
        assert packed.encoding == (Encoding.UCS2 if locale == "ar" else Encoding.GSM7), (name, text)
    asked = _texts(locale)["confirm"]
    assert texts.yes(locale) in asked
    assert all("HELP" in each and "STOP" in each for each in (asked, _texts(locale)["welcome"]))
    assert codes.nonces_in(_texts(locale)["own"].lower()) == ["H7KQ2MTVXA"]


def test_braces_in_a_name_are_no_place_of_a_text() -> None:
    text = texts.confirm("en", brand="{type} & {brand}", type_name="{x}")
    assert text.startswith("{type} & {brand}: Reply YES to get texts about {x}.")


def test_a_code_names_the_site_around_the_frame_and_our_own() -> None:
    framed = texts.code("en", brand="H", code="123456", host="f.example.com", framed_by="https://shop.example.com:8443")
    assert framed.endswith("\n\n@shop.example.com #123456 @f.example.com")
    own = texts.code("en", brand="H", code="123456", host="f.example.com", framed_by="https://f.example.com")
    assert own.endswith("\n\n@f.example.com #123456")


@pytest.mark.parametrize("typed", ["123456", " 123 456 ", "123-456", "１２３４５６", "١٢٣٤٥٦"])
def test_a_code_is_read_as_people_type_it(typed: str) -> None:
    assert codes.read_code(typed) == "123456"
    assert codes.read_code(typed + "7") is None
