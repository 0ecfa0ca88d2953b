"""Words that people see: languages, the Markdown subset of legal texts, and the exact words as evidence."""

import gettext
import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import nh3
from babel import Locale
from markdown_it import MarkdownIt

# The languages of the embed, the preference centre and the messenger, each by its own name.
LOCALES = {
    "en": "English",
    "es": "Español",
    "fr": "Français",
    "de": "Deutsch",
    "pt_BR": "Português (Brasil)",
    "ar": "العربية",
}
DEFAULT_LOCALE = "en"
DEFAULT_BUTTON_TEXT = "Sign Up Now"
_ACCEPTED_CHARS_MAX = 500
_RIGHT_TO_LEFT = {"ar"}
_CATALOGUES = Path(__file__).resolve().parent.parent / "translations"

_MARKDOWN = MarkdownIt("zero", {"breaks": True}).enable(["emphasis", "link", "newline", "escape", "autolink"])
_TAGS = {"p", "br", "em", "strong", "a"}
_SCHEMES = {"https", "http", "mailto", "tel"}
_WEIGHT = re.compile(r"\s*;\s*q\s*=\s*([0-9.]+)\s*$")


def translatable(message: str) -> str:
    """Mark a sentence for the catalogues where it stands; surfaces say it in the reader's language."""
    return message


def speaker(locale: str) -> Callable[..., str]:
    """Says a sentence of the catalogues in this language: ``speaker("de")("Terms")``, with values by name."""
    catalogue = _catalogue(locale)

    def say(message: str, **values: object) -> str:
        said = catalogue.gettext(message)
        return said % values if values else said

    return say


@lru_cache
def _catalogue(locale: str) -> gettext.NullTranslations:
    return gettext.translation("messages", _CATALOGUES, [locale], fallback=True)


@lru_cache(maxsize=2048)
def country_name(code: str, locale: str) -> str:
    """``GB`` as ``United Kingdom``, ``Reino Unido``, …"""
    name: str = Locale.parse(locale).territories.get(code, code)
    return name


@dataclass(frozen=True)
class Words:
    """The exact words of one page. ``hash`` is the SHA-256 of ``body``, canonical JSON (sorted keys, NFC, UTF-8)."""

    locale: str
    body: str
    hash: str


def exact(locale: str, fields: dict[str, Any]) -> Words:
    """Freeze what a person is shown."""
    text = json.dumps(fields | {"locale": locale}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    body = unicodedata.normalize("NFC", text)
    return Words(locale, body, hashlib.sha256(body.encode()).hexdigest())


def direction(locale: str) -> str:
    """``rtl`` or ``ltr``."""
    return "rtl" if locale in _RIGHT_TO_LEFT else "ltr"


def language_tag(locale: str) -> str:
    """As HTML's ``lang`` wants it: ``pt-BR``."""
    return locale.replace("_", "-")


def negotiate(preferred: str | None, accept_language: str) -> str:
    """The locale of ``LOCALES`` that suits: the person's own, else the browser's, else English.

    :param preferred: a stored locale in any usual spelling (``es-MX``, ``pt_BR``)
    :param accept_language: the header as it came
    """
    return _negotiated(preferred, accept_language[:_ACCEPTED_CHARS_MAX])


@lru_cache(maxsize=1024)
def _negotiated(preferred: str | None, accept_language: str) -> str:
    wanted = [preferred] if preferred else []
    return first_known([*wanted, *accepted(accept_language)], LOCALES) or DEFAULT_LOCALE


@lru_cache(maxsize=1024)
def accepted(accept_language: str) -> tuple[str, ...]:
    """The language tags of an Accept-Language header, most wanted first. What cannot be read is passed over."""
    weighted: list[tuple[float, int, str]] = []
    for position, part in enumerate(accept_language[:_ACCEPTED_CHARS_MAX].split(",")):
        weight = 1.0
        if found := _WEIGHT.search(part):
            try:
                weight = float(found[1])
            except ValueError:
                continue
            part = part[: found.start()]
        tag = part.strip()
        if tag and weight > 0:
            weighted.append((-weight, position, tag))
    return tuple(tag for _, _, tag in sorted(weighted))


def region(accept_language: str) -> str | None:
    """Two letters that the browser's first language names as its region (``en-GB``: GB); null when it names none.

    Only the first says where somebody is: ``it,en-US;q=0.7`` is what Firefox sends in Italy. Whether there is such a
    country, ``phone.region`` knows. Source: RFC 5646 section 2.2 (after a single character stands no region).
    """
    for part in accepted(accept_language)[:1]:
        for position, subtag in enumerate(part.replace("_", "-").split("-")):
            if len(subtag) == 1:
                return None
            if position and len(subtag) == 2 and subtag.isascii() and subtag.isalpha():
                return subtag.upper()
    return None


def first_known(wanted: Iterable[str], known: Iterable[str]) -> str | None:
    """The first wanted locale that is known, exactly or by its language alone (``pt``: ``pt_BR``)."""
    by_tag = {locale.replace("_", "-").lower(): locale for locale in known}
    by_language: dict[str, str] = {}
    for tag, locale in by_tag.items():
        by_language.setdefault(tag.partition("-")[0], locale)
    for tag in wanted:
        lowered = tag.replace("_", "-").lower()
        if found := by_tag.get(lowered) or by_language.get(lowered.partition("-")[0]):
            return found
    return None


def legal_html(markdown: str) -> str:
    """Links and emphasis of a Markdown text as safe HTML; everything else stands as it was written.

    Links open in a new tab, tell nobody where they were clicked, and go to web, mail and phone addresses only.
    """
    return nh3.clean(
        _MARKDOWN.render(markdown),
        tags=_TAGS,
        attributes={"a": {"href"}, "*": set()},
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    ).strip()
