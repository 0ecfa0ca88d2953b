"""Texts for people: languages, the Markdown subset of legal texts, and frozen wordings for evidence."""

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

# The languages of the embed and the messenger, each with its own name for itself.
LOCALES = {
    "en": "English",
    "es": "Español",
    "fr": "Français",
    "de": "Deutsch",
    "pt_BR": "Português do Brasil",
    "ar": "العربية",
}
DEFAULT_LOCALE = "en"
DEFAULT_BUTTON_TEXT = "Sign Up Now"
_ACCEPTED_CHARS_MAX = 500
_RIGHT_TO_LEFT = {"ar"}
CATALOGS = Path(__file__).resolve().parent.parent / "translations"

_MARKDOWN = MarkdownIt("zero", {"breaks": True}).enable(["emphasis", "link", "newline", "escape", "autolink"])
_TAGS = {"p", "br", "em", "strong", "a"}
_SCHEMES = {"https", "http", "mailto", "tel"}
_WEIGHT = re.compile(r"\s*;\s*q\s*=\s*([0-9.]+)\s*$")


def translatable(message: str) -> str:
    """Mark a sentence for the catalogs. It is translated where it is shown."""
    return message


def translator(locale: str) -> Callable[..., str]:
    """A function that translates a sentence, with values by name: ``translator("de")("Terms")``."""
    catalog = _catalog(locale)

    def translate(message: str, **values: object) -> str:
        translated = catalog.gettext(message)
        return translated % values if values else translated

    return translate


@lru_cache
def _catalog(locale: str) -> gettext.NullTranslations:
    return gettext.translation("messages", CATALOGS, [locale], fallback=True)


@lru_cache(maxsize=2048)
def country_name(code: str, locale: str) -> str:
    """The name of a country in this language: ``United Kingdom``, ``Reino Unido``, …"""
    name: str = Locale.parse(locale).territories.get(code, code)
    return name


@dataclass(frozen=True)
class FrozenWording:
    """The exact texts of one page. ``hash`` is the SHA-256 of ``body``, canonical JSON (sorted keys, NFC, UTF-8)."""

    locale: str
    body: str
    hash: str


def freeze(locale: str, texts: dict[str, Any]) -> FrozenWording:
    """Freeze the texts that a person sees."""
    text = json.dumps(texts | {"locale": locale}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    body = unicodedata.normalize("NFC", text)
    return FrozenWording(locale, body, hashlib.sha256(body.encode()).hexdigest())


def isolated(text: str) -> str:
    """The text, isolated, so that a number reads from left to right in a sentence of either direction."""
    return f"\u2066{text}\u2069"


def embedded(text: str) -> str:
    """The text, isolated with its own direction, so that a name in one script reads well in a sentence of another."""
    return f"\u2068{text}\u2069"


def direction(locale: str) -> str:
    """The direction of the script: ``rtl`` or ``ltr``."""
    return "rtl" if locale in _RIGHT_TO_LEFT else "ltr"


def comma(locale: str) -> str:
    """The comma of this language."""
    return "،" if locale == "ar" else ","


def language_tag(locale: str) -> str:
    """The locale as a language tag for HTML's ``lang``: ``pt-BR``."""
    return locale.replace("_", "-")


def negotiate(preferred: str | None, accept_language: str) -> str:
    """The best locale of ``LOCALES``: that of the contact, else of the browser, else English.

    :param preferred: the stored locale of the contact in any usual notation (``es-MX``, ``pt_BR``)
    :param accept_language: the header ``Accept-Language``
    """
    return _negotiated(preferred, accept_language[:_ACCEPTED_CHARS_MAX])


@lru_cache(maxsize=1024)
def _negotiated(preferred: str | None, accept_language: str) -> str:
    languages = [preferred] if preferred else []
    return first_known([*languages, *accepted_languages(accept_language)], LOCALES) or DEFAULT_LOCALE


@lru_cache(maxsize=1024)
def accepted_languages(accept_language: str) -> tuple[str, ...]:
    """The language tags of an Accept-Language header by preference. Parts that cannot be parsed are ignored."""
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
    """The region of the browser's first language, two letters (``en-GB``: GB); null when it has none.

    Only the first language is relevant: in Italy Firefox sends ``it,en-US;q=0.7``. It may be no country.
    Source: RFC 5646 section 2.2 (no region follows a subtag of a single character).
    """
    for part in accepted_languages(accept_language)[:1]:
        for position, subtag in enumerate(part.replace("_", "-").split("-")):
            if len(subtag) == 1:
                return None
            if position and len(subtag) == 2 and subtag.isascii() and subtag.isalpha():
                return subtag.upper()
    return None


def first_known(preferred: Iterable[str], known: Iterable[str]) -> str | None:
    """The first preferred locale that is known, exactly or by its language (``pt`` matches ``pt_BR``)."""
    by_tag = {locale.replace("_", "-").lower(): locale for locale in known}
    by_language: dict[str, str] = {}
    for tag, locale in by_tag.items():
        by_language.setdefault(tag.partition("-")[0], locale)
    for tag in preferred:
        lowered = tag.replace("_", "-").lower()
        if found := by_tag.get(lowered) or by_language.get(lowered.partition("-")[0]):
            return found
    return None


def legal_html(markdown: str) -> str:
    """Links and emphasis of a Markdown text as safe HTML; all other markup stays text.

    Links open in a new tab, send no referrer, and may only have the schemes http, https, mailto and tel.
    """
    return nh3.clean(
        _MARKDOWN.render(markdown),
        tags=_TAGS,
        attributes={"a": {"href"}, "*": set()},
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    ).strip()
