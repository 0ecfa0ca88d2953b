"""The country that a page can guess from the browser."""

import pytest

from app.web.form_page import countries


@pytest.mark.parametrize(
    ("header", "allowed", "region"),
    [
        ("en-GB,en;q=0.9", (), "GB"),
        ("en-US", ("GB", "IE"), ""),
        ("it,en-US;q=0.7,en;q=0.3", (), ""),
        *((header, (), "") for header in ("en-UK", "en-ZZ", "en-EU", "en-u-nu-latn", "en-TA", "en", "")),
    ],
)
def test_the_region_of_a_browser_is_a_known_and_allowed_country(
    header: str, allowed: tuple[str, ...], region: str
) -> None:
    assert countries.browser_region(header, frozenset(allowed)) == region


@pytest.mark.parametrize(("locale", "code"), [("ar", "(\u2066+44\u2069)"), ("de", "(+44)")])
def test_a_calling_code_reads_from_left_to_right_in_every_script(locale: str, code: str) -> None:
    assert f"{code}</option>" in countries.options_html(locale, frozenset({"GB"}), None)
