"""Phone numbers: parses any usual notation to an E.164 number that can receive texts.

Sources: ITU-T E.164; FAQ of google/libphonenumber (which types of numbers receive texts).
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import NewType

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from app.core import wording
from app.core.countries import CountryOption as CountryOption  # exported, with the functions: callers import phone
from app.core.countries import calling_code as calling_code
from app.core.countries import countries as countries
from app.core.countries import country_options as country_options
from app.core.countries import example as example
from app.core.countries import preselected as preselected
from app.core.errors import DestinationRefused
from app.core.wording import translatable

E164 = NewType("E164", str)

REFUSALS = {
    "phone_missing": translatable("Enter your mobile number."),
    "phone_country_code_missing": translatable("Start with + and the country code, for example +44."),
    "phone_has_letters": translatable("Use digits only, without letters."),
    "phone_has_extension": translatable("Leave out the extension: texts reach a mobile number directly."),
    "phone_too_short": translatable("This number is too short. Check that no digit is missing."),
    "phone_too_long": translatable("This number is too long. Enter one number only."),
    "phone_invalid": translatable("This is not a phone number that exists. Check the digits and the country code."),
    "phone_not_sms_capable": translatable("This kind of number can't receive our texts. Enter a mobile number."),
    "country_not_allowed": translatable("We can't send texts to this country yet."),
}

# To be increased with each change of the results of ``refusal_of_stored``.
READING_RULES = 1
MAX_TYPED = 60
MAX_DIGITS = 15
_SMS_CAPABLE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
_NON_GEOGRAPHIC = "001"
_TOO_SHORT = {
    phonenumbers.ValidationResult.TOO_SHORT,
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY,
}
_LETTER = re.compile(r"[^\W\d_]")
_MEXICAN_MOBILE_PREFIX = re.compile(r"^04[45]\D*(?=\d)")


@dataclass(frozen=True)
class SmsNumber:
    """A number that may be opted in: E.164 and ISO country code."""

    e164: E164
    country: str


def read(typed: str, *, region: str | None, allowed_countries: frozenset[str] = frozenset()) -> SmsNumber:
    """Parse a typed number that can receive texts.

    :param region: the country of numbers that are written without a country code; without it a ``+`` is required
    :param allowed_countries: ISO codes; empty means every country
    :raises DestinationRefused: with a code of ``REFUSALS`` and field ``phone``
    """
    text = _plain(typed)
    number = _parsed(text, region)
    if number.extension:
        raise _refused("phone_has_extension")
    if _LETTER.search(text):
        raise _refused("phone_has_letters")
    number = _as_mobile(number)
    _refuse_impossible(number, text)
    country = phonenumbers.region_code_for_number(number)
    number_type = phonenumbers.number_type(number)  # UNKNOWN means invalid; is_valid_number would compute it again
    if country is None or number_type == PhoneNumberType.UNKNOWN:
        raise _refused("phone_invalid")
    if number_type not in _SMS_CAPABLE or country == _NON_GEOGRAPHIC:
        raise _refused("phone_not_sms_capable")
    refuse_country(country, allowed_countries)
    return SmsNumber(E164(phonenumbers.format_number(number, PhoneNumberFormat.E164)), country)


def refuse_country(country: str, allowed_countries: frozenset[str]) -> None:
    """:raises DestinationRefused: the country is not among the allowed ones (empty: all are allowed)"""
    if allowed_countries and country not in allowed_countries:
        raise _refused("country_not_allowed")


def region(
    default_country: str | None, accept_language: str, allowed_countries: frozenset[str] = frozenset()
) -> str | None:
    """The country of numbers that are written without a country code: of the form, else of the browser; or null.

    Countries that are not allowed, unknown, or without a known mobile format are ignored.
    """
    for country in (default_country, wording.region(accept_language)):
        is_allowed = not allowed_countries or country in allowed_countries
        if country and is_allowed and country in phonenumbers.SUPPORTED_REGIONS and example(country):
            return country
    return None


def refusal_of_stored(phone: str) -> str | None:
    """Why a stored number cannot be texted (``phone_invalid`` or ``phone_not_sms_capable``); null when it can.

    A stored number can become invalid when its country changes its numbering plan.
    """
    try:
        read(phone, region=None)
    except DestinationRefused as refused:
        return refused.code if refused.code == "phone_not_sms_capable" else "phone_invalid"
    return None


def normalize(typed: str) -> tuple[str, str | None]:
    """A number as contacts store it: E.164 and its country, or the unchanged text and null when it cannot be parsed."""
    try:
        number = phonenumbers.parse(_plain(typed), None)
    except NumberParseException:
        return typed.strip()[:64], None
    if number.extension or not phonenumbers.is_possible_number(number):
        return typed.strip()[:64], None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164), phonenumbers.region_code_for_number(number)


def masked(e164: str) -> str:
    """The number with only country code and last two digits: ``+44 ••• ••• ••71``. Its owner can recognize it."""
    try:
        code = phonenumbers.parse(e164, None).country_code
    except NumberParseException:
        return "•••"
    return f"+{code} ••• ••• ••{e164[-2:]}"


def formatted(phone: str) -> str:
    """A stored number for people: ``+44 7400 123456``. A text that is not a number is returned unchanged."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(phone, None), PhoneNumberFormat.INTERNATIONAL)
    except NumberParseException:
        return phone


def metadata_version() -> str:
    """The release of the numbering plans, for the evidence."""
    return f"phonenumbers {phonenumbers.__version__}"


def rules_version() -> str:
    """The version of the rules for stored numbers: ours, and the release of the numbering plans."""
    return f"{READING_RULES}; {metadata_version()}"


def preload() -> None:
    """Load the numbering plans of all countries (50 ms, 1.5 MB), so that no request has to."""
    for country in phonenumbers.SUPPORTED_REGIONS:
        example(country)


def _plain(typed: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKC", typed) if unicodedata.category(char) != "Cf").strip()


def _parsed(text: str, region: str | None) -> PhoneNumber:
    if not text:
        raise _refused("phone_missing")
    if len(text) > MAX_TYPED:
        raise _refused("phone_too_long")
    if region == "MX":
        text = _MEXICAN_MOBILE_PREFIX.sub("", text)
    try:
        return phonenumbers.parse(text, region)
    except NumberParseException as problem:
        raise _refused(_code_of(problem.error_type, text)) from None


def _code_of(error_type: int, text: str) -> str:
    if _LETTER.search(text):
        return "phone_has_letters"
    if error_type == NumberParseException.INVALID_COUNTRY_CODE and not text.startswith("+"):
        return "phone_country_code_missing"
    if error_type == NumberParseException.TOO_LONG:
        return "phone_too_long"
    if error_type in {NumberParseException.TOO_SHORT_NSN, NumberParseException.TOO_SHORT_AFTER_IDD}:
        return "phone_too_short"
    return "phone_invalid"


def _as_mobile(number: PhoneNumber) -> PhoneNumber:
    """Correct mobile numbers of two countries that are often written in an old or national form.

    Argentina needs a 9 after the country code. Mexico had a 1 there (in the country 044 or 045) until 2019.
    """
    if number.country_code == 54 and phonenumbers.number_type(number) != PhoneNumberType.MOBILE:
        mobile = PhoneNumber(country_code=54, national_number=int(f"9{number.national_number}"))
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
        raise _refused("phone_too_long")
    if reason in _TOO_SHORT:
        raise _refused("phone_too_short")
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise _refused("phone_invalid" if text.startswith("+") else "phone_country_code_missing")


def _refused(code: str) -> DestinationRefused:
    return DestinationRefused(REFUSALS[code], field="phone", code=code)
