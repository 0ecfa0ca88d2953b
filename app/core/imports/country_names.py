"""Finds the country that a cell names."""

from collections.abc import Mapping
from functools import lru_cache

from app.core import phone, wording
from app.core.imports.options import word

_OTHER_COUNTRIES = {"usa": "US", "uk": "GB", "united states of america": "US", "great britain": "GB", "england": "GB"}


@lru_cache(maxsize=2000)
def country_of(text: str) -> str | None:
    """The ISO code of a country that is named by its code or in one of our languages; null where it is not known."""
    code = text.strip().upper()
    if code in phone.countries():
        return code
    return _country_names().get(" ".join(word(text).split()))


@lru_cache(maxsize=1)
def _country_names() -> Mapping[str, str]:
    names = {word(wording.country_name(code, locale)): code for locale in wording.LOCALES for code in phone.countries()}
    return {**names, **_OTHER_COUNTRIES}
