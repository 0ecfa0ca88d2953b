"""Which number a plain text is: every usual reading, and a refusal where two of them are two valid numbers.

Sources: ITU-T E.123 and E.164 (``00`` is the recommended international prefix, ``+`` its written form); FAQ of
google/libphonenumber (which types of numbers receive texts).
"""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from app.core import countries
from app.core.phone_text import DECIMAL, LETTER

MAX_TYPED = 60
MAX_DIGITS = 15
_SMS_CAPABLE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
_NON_GEOGRAPHIC = "001"
_TOO_SHORT = {
    phonenumbers.ValidationResult.TOO_SHORT,
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY,
}
_ARGENTINE_WITH_9_AND_15 = 13  # digits after the country code
_MEXICAN_MOBILE_PREFIX = re.compile(r"^04[45]\D*(?=\d)")
_SEPARATORS = re.compile(r"\D+")
_NORTH_AMERICA = "1"  # no national number begins with 1, so there is no second reading
_PREFIX_CHARS = 12  # enough for a prefix and the separators in it


class Unreadable(Exception):
    """No number can be read from a text. ``code`` is one of ``phone.REFUSALS``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Reading:
    """A number with a possible length, in its one spelling. ``kind`` is UNKNOWN where no numbering plan has it."""

    number: PhoneNumber
    kind: int

    @cached_property
    def e164(self) -> str:
        return phonenumbers.format_number(self.number, PhoneNumberFormat.E164)

    @cached_property
    def country(self) -> str | None:
        """ISO code; null where no plan has the number."""
        return None if not self.is_valid else phonenumbers.region_code_for_number(self.number)

    @property
    def is_valid(self) -> bool:
        return self.kind != PhoneNumberType.UNKNOWN

    @property
    def can_receive_texts(self) -> bool:
        return self.kind in _SMS_CAPABLE and self.country != _NON_GEOGRAPHIC


def the_reading(text: str, region: str | None) -> Reading:
    """The one number that a text is.

    :param text: from ``phone_text.plain``
    :param region: the country of numbers that are written without a country code; without it a ``+`` is required
    :raises Unreadable: no reading is a number, or two readings are two different valid numbers
    """
    _refuse_other_texts(text)
    international = _international_form(text, region)
    if international is None:
        return _reading(text, region)
    if region is None:
        return _reading(international, None)
    abroad = _reading_or_none(international)
    try:
        at_home = _reading(text, region)
    except Unreadable:
        if abroad is not None and abroad.is_valid:
            return abroad
        raise
    return at_home if abroad is None else _the_valid_one(at_home, abroad)


def every_reading(text: str, region: str | None) -> list[Reading]:
    """Every number that a text can be, to find a contact by: also its bare digits with a ``+``.

    Where one of them is valid, only the valid ones.

    :param text: from ``phone_text.plain``
    """
    texts = [text] if text.startswith("+") else [text, f"+{_SEPARATORS.sub('', text).removeprefix('00')}"]
    readings = [reading for each in texts if text and (reading := _reading_or_none(each, region))]
    return [reading for reading in readings if reading.is_valid] or readings


def meant_with_00(e164: str, calling_code: str) -> list[str]:
    """The countries of other numbers that may have been typed with ``00``, where a country's plan read this number.

    In some plans the international prefix is ``00`` and digits for a carrier, which are then missing from the number.

    :param calling_code: of the country whose plan read it, such as ``+65``
    :return: sorted ISO codes; empty where no other valid number reads like this
    """
    carriers = _carriers_after_00(int(calling_code[1:]))
    others = (_reading_or_none(f"+{carrier}{e164[1:]}") for carrier in carriers)
    return sorted({other.country for other in others if other is not None and other.country})


@lru_cache(maxsize=256)
def _carriers_after_00(calling_code: int) -> tuple[str, ...]:
    """The digits that follow ``00`` in the international prefixes of a calling code's countries."""
    plans = map(PhoneMetadata.metadata_for_region, phonenumbers.region_codes_for_country_code(calling_code))
    prefixes = [re.compile(plan.international_prefix or "-") for plan in plans if plan is not None]
    digits = (f"{number:0{length}}" for length in (1, 2, 3) for number in range(10**length))
    return tuple(each for each in digits if any(prefix.fullmatch(f"00{each}") for prefix in prefixes))


def _refuse_other_texts(text: str) -> None:
    if not text:
        raise Unreadable("phone_missing")
    if len(text) > MAX_TYPED:
        raise Unreadable("phone_too_long")
    if DECIMAL.fullmatch(text):
        raise Unreadable("phone_invalid")


def _international_form(text: str, region: str | None) -> str | None:
    """The text with ``+`` where it can be meant: instead of ``00``, or before the region's own calling code."""
    if text[0] == "+":
        return None
    digits = _SEPARATORS.sub("", text[:_PREFIX_CHARS])
    if digits.startswith("00"):
        return f"+{_SEPARATORS.sub('', text)[2:]}" if not LETTER.search(text) else None
    code = _calling_codes().get(region or "")
    return f"+{text}" if code is not None and code != _NORTH_AMERICA and digits.startswith(code) else None


def _the_valid_one(at_home: Reading, abroad: Reading) -> Reading:
    """The reading that is a number which receives texts.

    :raises Unreadable: both are valid numbers, and the one at home would be texted
    """
    if abroad.number == at_home.number or not abroad.is_valid:
        return at_home
    if at_home.can_receive_texts:
        raise Unreadable("phone_country_code_missing")
    return abroad if abroad.can_receive_texts or not at_home.is_valid else at_home


def _reading_or_none(text: str, region: str | None = None) -> Reading | None:
    try:
        return _reading(text, region)
    except Unreadable:
        return None


def _reading(text: str, region: str | None) -> Reading:
    number = _parsed(text, region)
    if number.extension:
        raise Unreadable("phone_has_extension")
    if LETTER.search(text):
        raise Unreadable("phone_has_letters")
    number = _in_one_spelling(number)
    _refuse_impossible(number, text)
    # UNKNOWN means invalid; is_valid_number would compute it again.
    reading = Reading(number, phonenumbers.number_type(number))
    return reading if reading.is_valid else _sibling(reading) or _lasting(reading)


def _parsed(text: str, region: str | None) -> PhoneNumber:
    if region == "MX":
        text = _MEXICAN_MOBILE_PREFIX.sub("", text)
    try:
        return phonenumbers.parse(text, region)
    except NumberParseException as problem:
        raise Unreadable(_code_of(problem.error_type, text)) from None


def _code_of(error_type: int, text: str) -> str:
    if LETTER.search(text):
        return "phone_has_letters"
    if error_type == NumberParseException.INVALID_COUNTRY_CODE and not text.startswith("+"):
        return "phone_country_code_missing"
    if error_type == NumberParseException.TOO_LONG:
        return "phone_too_long"
    if error_type in {NumberParseException.TOO_SHORT_NSN, NumberParseException.TOO_SHORT_AFTER_IDD}:
        return "phone_too_short"
    return "phone_invalid"


def _in_one_spelling(number: PhoneNumber) -> PhoneNumber:
    """The number as it is dialed from abroad, for two countries where mobile numbers have two spellings.

    Argentina needs a 9 after the country code; in the country a 15 after the area code says the same, and some people
    write both. Mexico had a 1 there (in the country 044 or 045) until 2019.
    """
    if number.country_code == 54 and phonenumbers.number_type(number) != PhoneNumberType.MOBILE:
        national = str(number.national_number)
        is_both = len(national) == _ARGENTINE_WITH_9_AND_15 and national.startswith("9")
        mobile = (
            _parsed(national[1:], "AR")
            if is_both
            else PhoneNumber(country_code=54, national_number=int(f"9{national}"))
        )
        return mobile if phonenumbers.number_type(mobile) == PhoneNumberType.MOBILE else number
    national = str(number.national_number)
    if number.country_code == 52 and len(national) == 11 and national.startswith("1"):
        shorter = PhoneNumber(country_code=52, national_number=int(national[1:]))
        return shorter if phonenumbers.is_valid_number(shorter) else number
    return number


def _refuse_impossible(number: PhoneNumber, text: str) -> None:
    digits = f"{number.country_code}{phonenumbers.national_significant_number(number)}"
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason == phonenumbers.ValidationResult.TOO_LONG or len(digits) > MAX_DIGITS:
        raise Unreadable("phone_too_long")
    if reason in _TOO_SHORT:
        raise Unreadable("phone_too_short")
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise Unreadable("phone_invalid" if text.startswith("+") else "phone_country_code_missing")


def _sibling(reading: Reading) -> Reading | None:
    """The one valid number with these national digits in another country of a shared numbering plan, or null."""
    regions = _sibling_regions(reading.number.country_code or 0)
    if not regions:
        return None
    national = phonenumbers.national_significant_number(reading.number)
    found: dict[str, Reading] = {}
    for region in regions:
        number = _parsed(national, region)
        other = Reading(number, phonenumbers.number_type(number))
        if other.is_valid:
            found[other.e164] = other
    return next(iter(found.values())) if len(found) == 1 else None


def _lasting(reading: Reading) -> Reading:
    """The same invalid number, if its E.164 form is read as this number again.

    :raises Unreadable: it is read as another one, because a trunk prefix is missing from it or seems to be in it
    """
    if _in_one_spelling(_parsed(reading.e164, None)) != reading.number:
        raise Unreadable("phone_invalid")
    return reading


@lru_cache(maxsize=256)
def _sibling_regions(calling_code: int) -> tuple[str, ...]:
    """The countries of a shared numbering plan that have another calling code, one for each code."""
    main = phonenumbers.region_code_for_country_code(calling_code)
    by_code = {phonenumbers.country_code_for_region(region): region for region in sorted(countries.siblings(main))}
    return tuple(region for code, region in by_code.items() if code != calling_code)


@lru_cache(maxsize=1)
def _calling_codes() -> dict[str, str]:
    """The calling code of each country, as digits."""
    return {region: str(phonenumbers.country_code_for_region(region)) for region in phonenumbers.SUPPORTED_REGIONS}
