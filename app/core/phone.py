"""Phone numbers: reads any usual notation as an E.164 number, which contacts store and texts go to.

``phone_text.py`` cleans the text, ``phone_reading.py`` finds the number in it, ``countries.py`` knows the countries.
Every number that comes in is read here, so that one number has one spelling and one hash.
"""

from dataclasses import dataclass, field
from typing import NewType

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from app.core import phone_reading, phone_text, wording
from app.core.countries import CountryOption as CountryOption  # exported, with the functions: callers import phone
from app.core.countries import calling_code as calling_code
from app.core.countries import countries as countries
from app.core.countries import country_of_time_zone as country_of_time_zone
from app.core.countries import country_options as country_options
from app.core.countries import example as example
from app.core.countries import preselected as preselected
from app.core.countries import with_territories as with_territories
from app.core.errors import DestinationRefused
from app.core.phone_reading import Reading, Unreadable
from app.core.phone_reading import meant_with_00 as meant_with_00
from app.core.wording import translatable

E164 = NewType("E164", str)

REFUSALS = {
    "phone_missing": translatable("Enter your mobile number."),
    "phone_country_code_missing": translatable("Start with + and the country code, for example +44."),
    "phone_has_letters": translatable("Enter just the number, for example +44 7400 123456."),
    "phone_has_extension": translatable("Leave out the extension: texts reach a mobile number directly."),
    "phone_too_short": translatable("This number is too short. Check that no digit is missing."),
    "phone_too_long": translatable(
        "This number is too long. Check that it is one number, without a 0 after the country code."
    ),
    "phone_invalid": translatable(
        "That doesn’t look like a valid phone number. Check the digits and the country code."
    ),
    "phone_not_sms_capable": translatable("This kind of number can’t receive our texts. Enter a mobile number."),
    "country_not_allowed": translatable("We can’t send texts to this country yet."),
}
# The same, with the country of the number, where the person may not have meant it.
_REFUSALS_IN_COUNTRY = {
    "phone_country_code_missing": translatable(
        "It is not clear which number you mean (%(country)s). Start with + and the country code."
    ),
    "phone_has_letters": translatable("Enter just the number, for example %(example)s."),
    "phone_too_short": translatable(
        "This number is too short (%(country)s). Write it like %(example)s, or start with + and the country code."
    ),
    "phone_too_long": translatable(
        "This number is too long (%(country)s). Write it like %(example)s, or start with + and the country code."
    ),
    "phone_invalid": translatable(
        "That doesn’t look like a valid number (%(country)s). Write it like %(example)s, or start with + and the "
        "country code."
    ),
    "phone_not_sms_capable": translatable(
        "This kind of number can’t receive our texts (%(country)s). Enter a mobile number like %(example)s, or start "
        "with + and the country code."
    ),
    "country_not_allowed": translatable("We can’t send texts to this country yet (%(country)s)."),
}

# To be increased with each change of the results of ``normalize`` or ``refusal_of_stored``.
READING_RULES = 3
STORED_MAX = 64


@dataclass(frozen=True)
class SmsNumber:
    """A number that may be opted in: E.164 and ISO country code. ``parsed``: so that it is not parsed again."""

    e164: E164
    country: str
    parsed: PhoneNumber = field(compare=False, repr=False)

    @property
    def formatted(self) -> str:
        """The number for people: ``+44 7400 123456``."""
        return phonenumbers.format_number(self.parsed, PhoneNumberFormat.INTERNATIONAL)


@dataclass(frozen=True)
class StoredNumber:
    """A number that a numbering plan has: E.164, ISO country code, and ``refusal_of_stored`` it."""

    e164: E164
    country: str
    refusal: str | None


def read(typed: str, *, region: str | None, allowed_countries: frozenset[str] = frozenset()) -> SmsNumber:
    """Parse a typed number that can receive texts.

    A text that is two different numbers in two usual ways of reading is refused.

    :param region: the country of numbers that are written without a country code; without it a ``+`` is required
    :param allowed_countries: ISO codes; empty means every country
    :raises DestinationRefused: with a code of ``REFUSALS`` and field ``phone``
    """
    reading, country, assumed = _read(typed, region)
    if not reading.can_receive_texts:
        raise refused("phone_not_sms_capable", assumed)
    refuse_country(country, allowed_countries)
    return SmsNumber(E164(reading.e164), country, reading.number)


def read_any_kind(typed: str, *, region: str | None) -> StoredNumber:
    """A number that some numbering plan has, also one that cannot receive texts, as contacts store it.

    :raises DestinationRefused: as ``read``, without ``phone_not_sms_capable``
    """
    reading, country, _ = _read(typed, region)
    refusal = None if reading.can_receive_texts else "phone_not_sms_capable"
    return StoredNumber(E164(reading.e164), country, refusal)


def _read(typed: str, region: str | None) -> tuple[Reading, str, str | None]:
    """The reading of a typed text, its country, and the country that was assumed because the text names none."""
    text = phone_text.plain(typed)
    assumed = None if text.startswith("+") else region
    try:
        reading = phone_reading.the_reading(text, region)
    except Unreadable as problem:
        raise refused(problem.code, assumed) from None
    if (country := reading.country) is None:
        raise refused("phone_invalid", assumed)
    return reading, country, assumed


def normalize(typed: str, *, region: str | None = None) -> tuple[str, str | None]:
    """A number as contacts store it: E.164 and its country, or the unchanged text and null when it cannot be read.

    It is the number that ``read`` returns, and any other of a possible length. The country is null where no numbering
    plan has the number. ``normalize`` of the result is the result.
    """
    try:
        reading = phone_reading.the_reading(phone_text.plain(typed), region)
    except Unreadable:
        return typed.strip()[:STORED_MAX], None
    return reading.e164, reading.country


def candidates(typed: str, *, region: str | None) -> tuple[str, ...]:
    """Every stored value that a person may be looking for with this text: numbers in E.164, and the text itself.

    :param region: the country in which numbers without a ``+`` are read, too
    """
    text = phone_text.plain(typed)
    given = typed.strip()[:STORED_MAX]
    found = [reading.e164 for reading in phone_reading.every_reading(text, region)]
    return tuple(dict.fromkeys(found if found and text.startswith("+") else [*found, given]))


def lacks_country(typed: str, *, region: str | None) -> bool:
    """Whether a text is a number of which only the country is unknown, so that a search by it finds nothing."""
    try:
        read_any_kind(typed, region=region)
    except DestinationRefused as problem:
        return problem.code == "phone_country_code_missing"
    return False


def refuse_extra_zero(e164: str) -> None:
    """Refuse a number that no plan has, where one has it without the zeros after its country code: ``+57 (0) 321 …``.

    :param e164: a ``+`` and digits
    :raises DestinationRefused: ``phone_invalid``
    """
    try:
        number = phonenumbers.parse(e164, None)
    except NumberParseException:
        return
    without = phonenumbers.PhoneNumber(number.country_code, number.national_number)
    is_extra = number.italian_leading_zero and phonenumbers.is_valid_number(without)
    if is_extra and not phonenumbers.is_valid_number(number):
        raise refused("phone_invalid")


def refuse_country(country: str, allowed_countries: frozenset[str]) -> None:
    """:raises DestinationRefused: the country is not among the allowed ones and their territories (empty: all are)"""
    if not is_allowed(country, allowed_countries):
        raise refused("country_not_allowed", country)


def is_allowed(country: str, allowed_countries: frozenset[str]) -> bool:
    """Whether numbers of a country are allowed: it is listed, or shares the plan of a listed one, or none is listed."""
    return not allowed_countries or country in with_territories(allowed_countries)


def refusal_of_stored(phone: str) -> str | None:
    """Why a stored number cannot be texted (``phone_invalid`` or ``phone_not_sms_capable``); null when it can.

    A stored number can become invalid when its country changes its numbering plan.
    """
    try:
        read(phone, region=None)
    except DestinationRefused as problem:
        return problem.code if problem.code == "phone_not_sms_capable" else "phone_invalid"
    return None


def refused(code: str, assumed_country: str | None = None) -> DestinationRefused:
    """The error for a code of ``REFUSALS``.

    :param assumed_country: the country that the number was read in or is of; the sentence names it
    """
    if assumed_country is None or code not in _REFUSALS_IN_COUNTRY or not example(assumed_country):
        return DestinationRefused(REFUSALS[code], field="phone", code=code, assumed_country=assumed_country)
    calling = wording.isolated(calling_code(assumed_country))
    return DestinationRefused(
        _REFUSALS_IN_COUNTRY[code],
        field="phone",
        code=code,
        assumed_country=assumed_country,
        country=lambda locale: f"{wording.country_name(assumed_country, locale)}{wording.comma(locale)} {calling}",
        example=wording.isolated(example(assumed_country)),
    )


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
    for country in countries():
        example(country)
