"""Which countries a select offers and preselects, and which share a numbering plan."""

import pytest

from app.core import countries, phone
from app.core.wording import LOCALES

EVERY = frozenset[str]()


@pytest.mark.parametrize("locale", LOCALES)
def test_every_country_with_mobile_numbers_is_an_option_sorted_by_its_name(locale: str) -> None:
    options = phone.country_options(locale, EVERY)
    assert {option.code for option in options} == phone.countries() - {"TA"}
    assert all(option.name and option.calling_code.startswith("+") for option in options)
    assert phone.country_options(locale, EVERY) is options


def test_names_are_sorted_without_regard_to_accents() -> None:
    names = [option.name for option in phone.country_options("de", EVERY)]
    assert names.index("Österreich") < names.index("Pakistan")
    assert names.index("Ägypten") < names.index("Albanien")
    assert phone.country_options("de", frozenset({"GB"})) == [
        phone.CountryOption("GB", "Vereinigtes Königreich", "+44")
    ]


@pytest.mark.parametrize(
    ("saved", "default", "allowed", "browser", "zone", "country"),
    [
        ("AT", "DE", "", "CH", "Europe/Zurich", "AT"),
        (None, "DE", "", "CH", "Europe/Zurich", "DE"),
        (None, None, "GB", "CH", "Europe/Zurich", "GB"),
        (None, None, "", "CH", "Europe/Zurich", "CH"),
        (None, None, "", "US", "Europe/Zurich", None),
        (None, None, "", "US", None, None),
        (None, None, "", None, "Europe/Zurich", None),
        (None, None, "", "IN", "Asia/Calcutta", "IN"),
        (None, None, "", "IN", "Asia/Kolkata", "IN"),
        (None, None, "", "US", "America/Puerto_Rico", "US"),
        (None, None, "", "US", "not a zone", None),
        (None, None, "GB IE", "US", "America/New_York", None),
        ("RE", None, "FR BE", None, None, "FR"),
        ("FR", None, "RE GP", None, None, None),
        ("XX", "TA", "", None, None, None),
    ],
)
def test_a_country_is_preselected_only_where_it_is_known(
    saved: str | None, default: str | None, allowed: str, browser: str | None, zone: str | None, country: str | None
) -> None:
    assert phone.preselected(saved, default, frozenset(allowed.split()), browser, zone) == country


def test_territories_of_an_allowed_country_are_allowed_but_not_the_reverse() -> None:
    assert countries.with_territories(["FR"]) >= {"FR", "RE", "GP"}
    assert countries.with_territories(["RE"]) == {"RE"}
    assert countries.with_territories([]) == frozenset()
    assert countries.siblings("RE") == countries.with_territories(["FR"]) - {"RE"}
    assert countries.siblings("DE") == frozenset()


@pytest.mark.parametrize(
    ("country", "written"), [("IN", "81234 56789"), ("EG", "0100 123 4567"), ("GB", "07400 123456")]
)
def test_an_example_is_written_as_people_write_it(country: str, written: str) -> None:
    assert phone.example(country) == written
