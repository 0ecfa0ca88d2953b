"""Which numbers are accepted, and with which code the others are refused."""

import pytest

from app.core import phone
from app.core.errors import DestinationRefused


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
        ("+52 1 55 1234 5678", None, "+525512345678"),
        ("044 55 1234 5678", "MX", "+525512345678"),
        ("+39 312 345 6789", None, "+393123456789"),
        ("+225 01 23 45 67 89", None, "+2250123456789"),
    ],
)
def test_every_usual_notation_is_parsed_to_e164(typed: str, region: str | None, e164: str) -> None:
    assert phone.read(typed, region=region).e164 == e164


@pytest.mark.parametrize(
    ("typed", "region", "code"),
    [
        ("", None, "phone_missing"),
        (" \u200e ", "US", "phone_missing"),
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
        ("tel:+14155552671", None, "phone_has_letters"),
        ("1-800-FLOWERS", "US", "phone_has_letters"),
        ("Call me at +1 415 555 2671 today", None, "phone_has_letters"),
        ("+14155552671\r\nX: y", None, "phone_has_letters"),
        ("+14155552671' OR 1=1", None, "phone_has_letters"),
        ("+14155552671 +14155552672", None, "phone_invalid"),
        ("07400 123456 / 07400 123457", "GB", "phone_too_long"),
        ("00447400123456", "US", "phone_too_long"),
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


@pytest.mark.parametrize(
    ("default", "header", "allowed", "region"),
    [
        (None, "en-GB,en;q=0.9", (), "GB"),
        ("FR", "en-GB", (), "FR"),
        ("FR", "en-GB", ("GB",), "GB"),
        (None, "en-US", ("GB", "IE"), None),
        (None, "it,en-US;q=0.7,en;q=0.3", (), None),
        *((None, header, (), None) for header in ("en-UK", "en-ZZ", "en-EU", "en-u-nu-latn", "en-TA", "en", "")),
    ],
)
def test_the_region_is_a_known_and_allowed_country(
    default: str | None, header: str, allowed: tuple[str, ...], region: str | None
) -> None:
    assert phone.region(default, header, frozenset(allowed)) == region


def test_a_masked_number_shows_country_code_and_two_digits_only() -> None:
    assert phone.masked("+447400123471") == "+44 ••• ••• ••71"
    assert phone.masked("what is this") == "•••"


def test_a_stored_number_is_e164_or_the_unchanged_text() -> None:
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
