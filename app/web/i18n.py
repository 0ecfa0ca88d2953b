"""Translation of embed and messenger into six languages. Staff pages are English."""

from collections.abc import Iterator
from contextlib import contextmanager

import flask_babel
from flask import Flask, g
from flask_babel import Babel, force_locale

from app import config
from app.core.wording import DEFAULT_LOCALE


def init_app(app: Flask) -> None:
    """Load the catalogs of ``app/translations``."""
    Babel(
        app,
        default_translation_directories=str(config.PACKAGE / "translations"),
        locale_selector=lambda: g.get("locale", DEFAULT_LOCALE),
    )


@contextmanager
def use_locale(locale: str) -> Iterator[None]:
    """Translate to this locale (a key of ``wording.LOCALES``) inside the block."""
    with force_locale(locale):
        yield


def gettext(message: str, **values: object) -> str:
    """Translate a sentence to the current locale."""
    return flask_babel.gettext(message, **values)


def ngettext(one: str, many: str, number: int) -> str:
    """Translate a sentence with ``%(num)s`` to the current locale, in the plural form for this number."""
    return flask_babel.ngettext(one, many, number)
