"""The six languages of what people see. Staff pages speak English."""

from collections.abc import Iterator
from contextlib import contextmanager

import flask_babel
from flask import Flask, g
from flask_babel import Babel, force_locale

from app import config
from app.core.wording import DEFAULT_LOCALE


def init_app(app: Flask) -> None:
    """Load the catalogues of ``app/translations``."""
    Babel(
        app,
        default_translation_directories=str(config.PACKAGE / "translations"),
        locale_selector=lambda: g.get("locale", DEFAULT_LOCALE),
    )


@contextmanager
def speaking(locale: str) -> Iterator[None]:
    """Everything said inside is said in this language (a key of ``wording.LOCALES``)."""
    with force_locale(locale):
        yield


def gettext(message: str, **values: object) -> str:
    """A sentence in the language that is spoken now."""
    return flask_babel.gettext(message, **values)


def ngettext(one: str, many: str, number: int) -> str:
    """A sentence about ``%(num)s`` of something, as the language that is spoken now counts."""
    return flask_babel.ngettext(one, many, number)
