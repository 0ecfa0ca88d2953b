"""Translation of every page into six languages. Responses of the API are English."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import flask_babel
from babel.numbers import format_decimal
from flask import Flask, g
from flask_babel import Babel, force_locale

from app import config
from app.core import wording
from app.core.errors import AssentError, Value
from app.core.wording import DEFAULT_LOCALE


def init_app(app: Flask, locale_selector: Callable[[], str] = lambda: g.get("locale", DEFAULT_LOCALE)) -> None:
    """Load the catalogs of ``app/translations``. Adds ``lang`` and ``dir`` of the page to templates.

    An imported template is evaluated once for all languages: ``translatable`` marks what it defines outside of macros,
    and ``_`` translates it where it is shown.

    :param locale_selector: a key of ``wording.LOCALES`` for the current request
    """
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.filters["language_tag"] = wording.language_tag
    app.jinja_env.globals.update(page_lang=page_lang, page_dir=page_dir, translatable=wording.translatable)
    Babel(
        app,
        default_translation_directories=str(config.PACKAGE / "translations"),
        locale_selector=locale_selector,
    )


@contextmanager
def use_locale(locale: str) -> Iterator[None]:
    """Translate to this locale (a key of ``wording.LOCALES``) inside the block."""
    with force_locale(locale):
        yield


def forget_locale() -> None:
    """Select the locale of this request again: its reader has just signed in."""
    flask_babel.refresh()


def gettext(message: str, **values: object) -> str:
    """Translate a sentence to the current locale. In a right-to-left one, texts in it keep their own direction."""
    return flask_babel.gettext(message, **_isolated(values))


def lazy_gettext(message: str, **values: object) -> Any:
    """A sentence that is translated each time it is shown, for what is defined before a request: labels, choices."""
    return flask_babel.lazy_gettext(message, **values)


def ngettext(one: str, many: str, number: int, **values: object) -> str:
    """Translate a sentence with ``%(num)s`` to the current locale, in the plural form for this number."""
    return flask_babel.ngettext(one, many, number, **_isolated(values))


def sentence_of(error: AssentError) -> str:
    """The sentence of an error in the current locale, completed with its values in that locale."""
    locale = current_locale()
    return gettext(error.sentence, **{name: _completed(value, locale) for name, value in error.values.items()})


def current_locale() -> str:
    """The key of ``wording.LOCALES`` that the current request is answered in; English outside a request."""
    locale = flask_babel.get_locale()
    return str(locale) if locale else DEFAULT_LOCALE


def _completed(value: Value, locale: str) -> str:
    if isinstance(value, int):
        return str(format_decimal(value, locale=locale))
    return value(locale) if callable(value) else value


def _isolated(values: Mapping[str, object]) -> dict[str, object]:
    if not values or page_dir() == "ltr":
        return dict(values)
    return {name: wording.embedded(value) if type(value) is str else value for name, value in values.items()}


def page_lang() -> str:
    """The value of the attribute ``lang``."""
    return wording.language_tag(current_locale())


def page_dir() -> str:
    """The value of the attribute ``dir``."""
    return wording.direction(current_locale())
