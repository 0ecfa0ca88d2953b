"""Which numbers are accepted, and with which code the others are refused."""

import csv

import pytest

from app.core import phone
from app.core.errors import DestinationRefused
from tests.conftest import TESTS


@pytest.mark.parametrize(
    ("typed", "region", "e164"),
    [
        ("+1 202 555 0123", None, "+12025550123"),
        ("415-555-2671", "US", "+14155552671"),
        ("(415) 555 2671", "US", "+14155552671"),
        ("＋１４１５５５５２６７１", None, "+14155552671"),
        ("٠٧٤٠٠١٢٣٤٥٦", "GB", "+447400123456"),
        ("+44\u00a07400\u2011123456", None, "+447400123456"),
        ("\u202a+44 7400 123456\u202c", None, "+447400123456"),
        ("00447400123456", "GB", "+447400123456"),
        ("011447400123456", "US", "+447400123456"),
        ("+44 (0)7400 123456", None, "+447400123456"),
        ("+33 06 12 34 56 78", None, "+33612345678"),
        ("+49 (0)151 23456789", None, "+4915123456789"),
        ("+54 11 2345-6789", None, "+5491123456789"),
        ("011 15-2345-6789", "AR", "+5491123456789"),
        ("+54 9 11 15 2345-6789", None, "+5491123456789"),
        ("9 351 15 512-3456", "AR", "+5493515123456"),
        ("+52 1 55 1234 5678", None, "+525512345678"),
        ("044 55 1234 5678", "MX", "+525512345678"),
        ("+39 312 345 6789", None, "+393123456789"),
        ("+225 01 23 45 67 89", None, "+2250123456789"),
        ("00447400123456", None, "+447400123456"),
        ("00447400123456", "US", "+447400123456"),
        ("+0044 7400 123456", None, "+447400123456"),
        ("001 44 7400 123456", "SG", "+447400123456"),
        ("49 176 12345678", "DE", "+4917612345678"),
        ("62812345678", "ID", "+62812345678"),
        ("38343201234", "XK", "+38343201234"),
        ("0692 12 34 56", "FR", "+262692123456"),
        ("0690 12 34 56", "FR", "+590690123456"),
        ("0694 20 12 34", "FR", "+594694201234"),
        ("0696 20 12 34", "FR", "+596696201234"),
        ("0639 01 23 45", "FR", "+262639012345"),
        ("0612345678", "RE", "+33612345678"),
        ("+33 6 92 12 34 56", None, "+262692123456"),
        ("07797 712345", "GB", "+447797712345"),
        ("(+44) 7400 123456", "GB", "+447400123456"),
    ],
)
def test_every_usual_notation_is_parsed_to_e164(typed: str, region: str | None, e164: str) -> None:
    assert phone.read(typed, region=region).e164 == e164


@pytest.mark.parametrize(
    "typed",
    [
        *(
            f"+44{char}7400 123{char}456"
            for char in "\ufe0d\ufe0f\u034f\u17b4\u180b\u3164\uffa0\u115f\u200b\u2066\u00ad"
        ),
        *(f"+44{char}7400{char}123456" for char in "\t\n\r\f\v\u00a0\u2003\u3000\u2028"),
        *(f"+44{char}7400{char}123456" for char in "-.\u00b7\u30fb\u3002'\u2019_\u30fc\u2010\u2014\u2212\uff0d\ufe63/"),
        *(
            "\u27954\ufe0f\u20e34\ufe0f\u20e37400123456",
            "447400123456+",
            "\u202a+44 7400 123456\u202c",
            "+44 7400 123456.",
        ),
        *(
            "tel:+447400123456",
            "TEL:+44-7400-123456",
            "tel:07400-123456;phone-context=+44",
            "sms:+447400123456?body=Hi",
        ),
        *("tel:%2B447400123456", "sms://+447400123456", "tel:+447400123456;isub=1"),
        *("Mobile: +44 7400 123456", "Tel.+447400123456", "mobile number +44 7400 123456", "Handy-Nr. +44 7400 123456"),
        *(
            "T\u00e9l\u00e9phone portable : +44 7400 123456",
            "M\u00f3vil: +44 7400 123456",
            "Telem\u00f3vel +44 7400 123456",
        ),
        *("\u0631\u0642\u0645 \u0627\u0644\u062c\u0648\u0627\u0644: +44 7400 123456", "Tel: 0044 7400 123456"),
    ],
)
def test_what_people_and_programs_write_around_digits_is_removed(typed: str) -> None:
    assert phone.read(typed, region=None).e164 == "+447400123456"
    assert phone.normalize(typed) == ("+447400123456", "GB")


def test_the_mark_that_japanese_keyboards_write_for_a_hyphen_is_one() -> None:
    typed = "\uff10\uff19\uff10\u30fc\uff11\uff12\uff13\uff14\u30fc\uff15\uff16\uff17\uff18"
    assert phone.read(typed, region="JP").e164 == "+819012345678"


@pytest.mark.parametrize(
    ("typed", "region"),
    [
        ("00351913079005", "SG"),
        ("0066808868020", "TH"),
        ("00 81 90 1572 7805", "SG"),
        ("00918153945889", "KR"),
        ("00522229272100", "TW"),
        ("00254798817927", "BR"),
    ],
)
def test_a_text_that_is_two_valid_numbers_is_refused_and_asks_for_a_plus(typed: str, region: str) -> None:
    with pytest.raises(DestinationRefused) as refused:
        phone.read(typed, region=region)
    assert (refused.value.code, refused.value.assumed_country) == ("phone_country_code_missing", region)
    assert "Start with +" in refused.value.message
    assert phone.normalize(typed, region=region) == (typed, None)


@pytest.mark.parametrize(
    ("typed", "region", "sentence"),
    [
        (
            "07400 123456",
            "US",
            "This number is too long (United States, +1). Write it like (201) 555-0123, or start with",
        ),
        (
            "07400",
            "GB",
            "This number is too short (United Kingdom, +44). Write it like 07400 123456, or start with",
        ),
        (
            "07400 123456",
            "AE",
            "That doesn’t look like a valid number (United Arab Emirates, +971). Write it like 050 123",
        ),
        (
            "020 7946 0018",
            "GB",
            "This kind of number can’t receive our texts (United Kingdom, +44). Enter a mobile number",
        ),
        ("+44 7400 1234", "US", "This number is too short. Check that no digit is missing."),
    ],
)
def test_a_refusal_names_the_country_that_was_assumed(typed: str, region: str, sentence: str) -> None:
    with pytest.raises(DestinationRefused) as refused:
        phone.read(typed, region=region)
    assert refused.value.message.replace("\u2066", "").replace("\u2069", "").startswith(sentence)


def test_a_refusal_in_arabic_has_an_arabic_comma() -> None:
    with pytest.raises(DestinationRefused) as refused:
        phone.read("07400", region="GB")
    country = refused.value.values["country"]
    assert callable(country)
    assert country("ar") == "المملكة المتحدة، \u2066+44\u2069"
    assert country("de") == "Vereinigtes Königreich, \u2066+44\u2069"


def test_territories_of_an_allowed_country_are_accepted() -> None:
    for typed, region, allowed in (
        ("0692 12 34 56", "FR", "FR"),
        ("07797 712345", "GB", "GB"),
        ("787 234 5678", "US", "US"),
    ):
        assert phone.read(typed, region=region, allowed_countries=frozenset({allowed})).e164
    with pytest.raises(DestinationRefused, match="this country"):
        phone.read("0612345678", region="RE", allowed_countries=frozenset({"RE"}))


@pytest.mark.parametrize(
    ("typed", "region", "code"),
    [
        ("", None, "phone_missing"),
        (" \u200e ", "US", "phone_missing"),
        ("976577425", "GP", "phone_invalid"),  # in Guadeloupe; valid in France and in French Guiana
        ("+1 900 555 1234", None, "phone_not_sms_capable"),
        ("+44 90 1234 5678", None, "phone_not_sms_capable"),
        ("+61 1900 123456", None, "phone_not_sms_capable"),
        ("+979 123 456 789", None, "phone_not_sms_capable"),
        ("+44 70 1234 5678", None, "phone_not_sms_capable"),
        ("+44 7600 123456", None, "phone_not_sms_capable"),
        ("+881 612 345 678", None, "phone_not_sms_capable"),
        ("+882 16 12345", None, "phone_not_sms_capable"),
        ("+1 500 555 0006", None, "phone_not_sms_capable"),
        ("+39 06 1234 5678", None, "phone_not_sms_capable"),
        ("+44 20 7946 0018", None, "phone_not_sms_capable"),
        ("+44 7700 900123", None, "phone_invalid"),
        ("+1 555 123 4567", None, "phone_invalid"),
        ("+1 415 555 2671 ext. 55", None, "phone_has_extension"),
        ("+14155552671;ext=123", None, "phone_has_extension"),
        ("+14155552671 x55", None, "phone_has_extension"),
        ("+1415555CALL", None, "phone_has_letters"),
        ("1-800-FLOWERS", "US", "phone_has_letters"),
        ("Call me at +1 415 555 2671 today", None, "phone_has_letters"),
        ("+14155552671\r\nX: y", None, "phone_has_letters"),
        ("+14155552671' OR 1=1", None, "phone_has_letters"),
        ("+14155552671 +14155552672", None, "phone_invalid"),
        ("07400 123456 / 07400 123457", "GB", "phone_too_long"),
        ("447400123456", "US", "phone_too_long"),
        ("tel:+14155552671;ext=55", None, "phone_has_extension"),
        ("Fax: +44 7400 123456", None, "phone_has_letters"),
        ("07400 123456 after six", "GB", "phone_has_letters"),
        ("4366412345.0", "AT", "phone_invalid"),
        ("+4366412345,0", None, "phone_invalid"),
        ("4.479E+11", "GB", "phone_has_letters"),
        ("+120394879878", None, "phone_too_long"),
        ("+49 15123456789012", None, "phone_too_long"),
        ("+225 01234567", None, "phone_too_short"),
        ("911", "US", "phone_too_short"),
        ("40404", "US", "phone_too_short"),
        ("415-555-2671", None, "phone_country_code_missing"),
        ("1" * 250, "US", "phone_too_long"),
        ("(" * 50, "US", "phone_invalid"),
    ],
)
def test_a_number_is_refused_with_the_code_of_its_fault(typed: str, region: str | None, code: str) -> None:
    with pytest.raises(DestinationRefused) as refused:
        phone.read(typed, region=region)
    assert (refused.value.code, refused.value.field) == (code, "phone")
    assert code in phone.REFUSALS
    assert not typed.strip() or typed not in refused.value.message


def test_a_number_of_a_country_that_is_not_allowed_is_refused() -> None:
    allowed = frozenset({"GB"})
    assert phone.read("+447400123456", region=None, allowed_countries=allowed).country == "GB"
    with pytest.raises(DestinationRefused) as refused:
        phone.read("+12025550123", region=None, allowed_countries=allowed)
    assert refused.value.code == "country_not_allowed"
    assert refused.value.message == "We can’t send texts to this country yet (United States, \u2066+1\u2069)."


def test_a_masked_number_shows_country_code_and_two_digits_only() -> None:
    assert phone.masked("+447400123471") == "+44 ••• ••• ••71"
    assert phone.masked("what is this") == "•••"


def test_a_stored_number_is_e164_or_the_unchanged_text() -> None:
    assert phone.normalize("+5215512345678") == ("+525512345678", "MX")
    assert phone.normalize("+541123456789") == ("+5491123456789", "AR")
    assert phone.normalize("0044 7400 123456") == ("+447400123456", "GB")
    assert phone.normalize("+1415555CALL") == ("+1415555CALL", None)
    assert phone.normalize("+447700900123") == ("+447700900123", None)
    assert phone.normalize("447400123456") == ("447400123456", None)
    assert phone.normalize("+44 (0)7400 123456") == ("+447400123456", "GB")
    assert phone.normalize(" ask me ") == ("ask me", None)
    assert phone.refusal_of_stored("+447400123456") is None
    assert phone.refusal_of_stored("ask me") == "phone_invalid"
    assert phone.refusal_of_stored("+442079460018") == "phone_not_sms_capable"


def test_the_example_of_every_country_can_be_parsed() -> None:
    for country in phone.countries() - {"TA"}:
        shown = phone.example(country)
        assert shown, country
        try:
            assert phone.read(shown, region=country).e164.startswith(phone.calling_code(country))
        except DestinationRefused as refused:
            assert refused.code == "phone_not_sms_capable", (country, shown)  # noqa: PT017


@pytest.mark.parametrize(
    ("typed", "region", "found"),
    [
        ("+447400123456", "US", ["+447400123456"]),
        ("447400123456", None, ["+447400123456", "447400123456"]),
        ("0044 7400 123456", None, ["+447400123456", "0044 7400 123456"]),
        ("07400 123456", "GB", ["+447400123456", "07400 123456"]),
        ("07400 123456", None, ["07400 123456"]),
        ("00351913079005", "SG", ["+51913079005", "+351913079005", "00351913079005"]),
        ("+52 1 55 1234 5678", None, ["+525512345678"]),
        (" ask me ", None, ["ask me"]),
        ("", None, [""]),
    ],
)
def test_a_number_is_looked_for_in_every_way_it_can_be_read(typed: str, region: str | None, found: list[str]) -> None:
    assert list(phone.candidates(typed, region=region)) == found


# Twenty spellings of one number in each of eight countries, as people type and paste them.
with (TESTS / "data" / "typed_numbers.csv").open(encoding="utf-8", newline="") as file:
    _SPELLINGS = list(csv.DictReader(file))


def _read_or_none(typed: str, region: str | None) -> str | None:
    try:
        return phone.read(typed, region=region).e164
    except DestinationRefused:
        return None


def test_nearly_every_spelling_is_read_in_the_chosen_country_and_none_as_another_number() -> None:
    read = [(row, _read_or_none(row["typed"], row["country"])) for row in _SPELLINGS]
    assert len(read) == 160
    assert [(row, number) for row, number in read if number not in {None, row["expected"]}] == []
    assert sum(number is not None for _, number in read) >= 155


def test_without_a_chosen_country_no_spelling_is_read_as_another_number() -> None:
    read = [(row, _read_or_none(row["typed"], None)) for row in _SPELLINGS]
    assert [(row, number) for row, number in read if number not in {None, row["expected"]}] == []
    assert sum(number is not None for _, number in read) >= 8 * 7  # with + or 00
