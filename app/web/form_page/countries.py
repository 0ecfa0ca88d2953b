"""The options of the country select beside the phone number, and when a script may preselect one of them."""

from functools import lru_cache

from babel.core import get_global
from markupsafe import escape

from app.core import phone, wording
from app.core.forms.form_view import FormView
from app.models import Channel


def options_html(locale: str, allowed: frozenset[str], selected: str | None) -> str:
    """The options with the country's name and calling code, sorted by name in the reader's language.

    Without a selected country the first option is "Choose a country".

    :param allowed: ISO codes; empty means every country
    """
    options = _options(locale, allowed)
    chosen = f'<option value="{selected}"'
    if selected and chosen in options:
        return options.replace(chosen, f"{chosen} selected", 1)
    gettext = wording.translator(locale)
    first = gettext("Choose a country")
    return f'<option value="">{escape(first)}</option>{options}'


def preselected(view: FormView) -> str | None:
    """The country that the page preselects where it asks for a number, without a guess; null: the person chooses.

    A saved number counts that cannot be signed up, for example a landline. A usable one is not asked for.
    """
    form, respondent = view.form, view.respondent
    if form.channel != Channel.SMS:
        return None
    saved = respondent.phone_country if respondent else None
    return phone.preselected(saved, form.default_country, frozenset(view.publisher.allowed_countries), None, None)


def chosen(view: FormView, country: str | None) -> str | None:
    """The country that the person chose; null where it is none that they can choose."""
    return (
        phone.preselected(country, None, frozenset(view.publisher.allowed_countries), None, None) if country else None
    )


@lru_cache(maxsize=512)
def time_zones(country: str) -> str:
    """The time zones of a country, separated by spaces: where a browser is in one, its country is preselected."""
    names = {*get_global("zone_territories"), *get_global("zone_aliases")}
    return " ".join(sorted(name for name in names if _is_preselected_in(country, name)))


def browser_region(accept_language: str, allowed: frozenset[str]) -> str:
    """The region of the browser's first language if it can be chosen here, else empty."""
    country = wording.region(accept_language)
    return country if country and phone.preselected(country, None, allowed, None, None) == country else ""


def _is_preselected_in(country: str, time_zone: str) -> bool:
    return phone.preselected(None, None, frozenset(), country, time_zone) == country


@lru_cache(maxsize=64)
def _options(locale: str, allowed: frozenset[str]) -> str:
    # Beside words from right to left a plus sign would be placed after its digits.
    shown = wording.isolated if wording.direction(locale) == "rtl" else str
    return "".join(
        f'<option value="{option.code}">{escape(option.name)} ({shown(option.calling_code)})</option>'
        for option in phone.country_options(locale, allowed)
    )
