"""The texts that double opt-in sends, and the one that a person sends, from ``texts.toml``."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from app.core.wording import DEFAULT_LOCALE

_FILE = Path(__file__).with_suffix(".toml")
# A place of a text; brand and type come from people and may have braces.
_PLACE = re.compile(r"\{(\w+)\}")
WELCOME_MAX = 480


@cache
def _tables() -> Mapping[str, Mapping[str, str]]:
    with _FILE.open("rb") as file:
        return tomllib.load(file)


def _text(name: str, locale: str) -> str:
    tables = _tables()
    return tables.get(locale, tables[DEFAULT_LOCALE])[name]


def filled(text: str, **values: str) -> str:
    """The text with its places in braces filled in. A place without a value stays as it is."""
    return _PLACE.sub(lambda place: values.get(place[1], place[0]), text)


def yes(locale: str) -> str:
    """The word that confirms by reply, in this language."""
    return _text("yes", locale)


def code(locale: str, *, brand: str, code: str, host: str, framed_by: str | None) -> str:
    """The text with a code. Its last line names the sites that browsers may fill the code in on.

    :param host: of our own address; empty: the line is left out
    :param framed_by: the origin of the page around the form
    Source: https://wicg.github.io/sms-one-time-codes/ (the second host is that of the frame)
    """
    sentence = filled(_text("code", locale), brand=brand, code=code)
    if not host:
        return sentence
    around = urlsplit(framed_by or "").hostname
    last = f"@{around} #{code} @{host}" if around and around != host else f"@{host} #{code}"
    return f"{sentence}\n\n{last}"


def confirm(locale: str, *, brand: str, type_name: str) -> str:
    """The text that asks for a reply."""
    return filled(_text("confirm", locale), brand=brand, type=type_name)


def sms_link(locale: str, *, brand: str, nonce: str) -> str:
    """The text that the person sends."""
    return filled(_text("sms_link", locale), brand=brand, nonce=nonce)


def default_welcome(locale: str, *, receives: bool) -> str:
    """The first text after an opt-in, with ``{brand}`` and ``{type}``; ``{contact}`` where no reply reaches us."""
    return _text("welcome" if receives else "welcome_one_way", locale)
