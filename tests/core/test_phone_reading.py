"""For every country: a valid mobile number is read as itself or refused, never as another, however it is written."""

import random
from collections.abc import Iterator
from functools import cache

import phonenumbers
import pytest
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from app.core import phone
from app.core.errors import DestinationRefused

# Without those that have no mobile numbers of their own, because the plan counts them to a larger country.
REGIONS = sorted(phone.countries() - {"TA", "AX", "BL", "CC", "CX", "EH", "MF", "SJ", "VA"})
NUMBERS_EACH = 4
SMS_CAPABLE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


@cache
def mobiles(region: str) -> tuple[PhoneNumber, ...]:
    """Some valid mobile numbers of a country, always the same ones: the plan's example with other digits."""
    example = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    digits, found = phonenumbers.national_significant_number(example), {}
    source = random.Random(region)
    for _ in range(400):
        changed = "".join(
            source.choice("0123456789") if source.random() < (0.2 if place < 4 else 0.9) else digit
            for place, digit in enumerate(digits)
        )
        number = phonenumbers.parse(f"+{example.country_code}{changed}")
        e164 = phone.normalize(phonenumbers.format_number(number, PhoneNumberFormat.E164))[0]
        number = phonenumbers.parse(e164)
        if phonenumbers.number_type(number) in SMS_CAPABLE and phonenumbers.region_code_for_number(number) == region:
            found[e164] = number
        if len(found) == NUMBERS_EACH:
            break
    assert found, region
    return tuple(found.values())


def mobiles_everywhere() -> Iterator[tuple[str, PhoneNumber]]:
    """Each of them with its country."""
    return ((region, number) for region in REGIONS for number in mobiles(region))


def written_at_home(number: PhoneNumber) -> Iterator[str]:
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    bare = phonenumbers.national_significant_number(number)
    yield national
    yield "".join(char for char in national if char.isdigit())
    yield bare
    yield f"{number.country_code}{bare}"
    yield f"00{number.country_code}{bare}"


def written_abroad(number: PhoneNumber) -> Iterator[str]:
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    bare = phonenumbers.national_significant_number(number)
    for each in (PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.RFC3966):
        yield phonenumbers.format_number(number, each)
    yield f"+{number.country_code} {national}"
    yield f"+{number.country_code} 0{bare}"
    yield f"+{number.country_code} (0){bare}"


def usual_spellings(number: PhoneNumber) -> Iterator[str]:
    """Every usual way to write a number with its country, and how people in Argentina and Mexico wrote it earlier."""
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    bare, code = phonenumbers.national_significant_number(number), number.country_code
    for each in (PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.RFC3966):
        yield phonenumbers.format_number(number, each)
    yield f"+{code} {national}"
    yield f"00{code}{bare}"
    yield f"00 {code} {bare[:3]} {bare[3:]}"
    if "".join(char for char in national if char.isdigit()) == f"0{bare}":
        yield f"+{code} (0) {bare}"
    if code == 54:
        yield from (f"+54{bare[1:]}", f"+54 {bare[1:3]} 15 {bare[3:]}", f"0054{bare[1:]}")
        yield f"+54 9 {bare[1:3]} 15 {bare[3:]}"
    if code == 52:
        yield from (f"+521{bare}", f"+52 1 {bare}", f"00521{bare}")


def read_or_none(typed: str, region: str | None) -> str | None:
    try:
        return phone.read(typed, region=region).e164
    except DestinationRefused:
        return None


def e164_of(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def test_a_number_written_at_home_is_read_as_itself() -> None:
    for region, number in mobiles_everywhere():
        for typed in written_at_home(number):
            read = read_or_none(typed, region)
            assert read in {e164_of(number), None}, (typed, region)
            assert phone.normalize(typed, region=region)[0] in {e164_of(number), typed}, (typed, region)
        national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        assert read_or_none(national, region) is not None, (national, region)


def test_every_usual_spelling_of_a_number_is_stored_as_one() -> None:
    for region, number in mobiles_everywhere():
        for typed in usual_spellings(number):
            assert phone.normalize(typed)[0] == e164_of(number), (typed, region)
            assert phone.normalize(typed, region=region)[0] == e164_of(number), (typed, region)
        for typed in written_at_home(number):
            assert phone.normalize(typed, region=region)[0] == e164_of(number), (typed, region)


@pytest.mark.parametrize("region", ["SG", "TH", "KR", "BR", "US", "FR", None])
def test_a_number_with_its_country_code_is_the_same_everywhere(region: str | None) -> None:
    for home in REGIONS:
        number = mobiles(home)[0]
        for typed in written_abroad(number):
            assert read_or_none(typed, region) in {e164_of(number), None}, (typed, region)
        assert read_or_none(f"00{e164_of(number)[1:]}", region) in {e164_of(number), None}, (home, region)
        assert read_or_none(e164_of(number), region) == e164_of(number)


def test_a_stored_number_is_read_as_itself() -> None:
    for region, number in mobiles_everywhere():
        stored = phone.normalize(e164_of(number))
        assert stored == (e164_of(number), region)
        assert phone.read(stored[0], region=None).e164 == stored[0], stored
        assert phone.refusal_of_stored(stored[0]) is None, stored


@pytest.mark.parametrize("region", ["AR", "MX", "FR", "RE", "GP", "DE", "IT", "BR", "US", "RU", "KZ", "CI", "GA"])
def test_reading_a_stored_text_again_changes_nothing(region: str) -> None:
    source = random.Random(region)
    for _ in range(150):
        digits = "".join(source.choice("0123456789") for _ in range(source.randint(6, 12)))
        for typed in (digits, f"0{digits}", f"{phone.calling_code(region)}{digits}"):
            stored = phone.normalize(typed, region=region)
            assert phone.normalize(stored[0]) == (stored if stored[0].startswith("+") else phone.normalize(typed))
            if (read := read_or_none(typed, region)) is not None:
                assert read == stored[0]
