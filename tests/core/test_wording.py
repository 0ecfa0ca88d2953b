"""Languages, the Markdown subset, frozen wordings, and the catalogs."""

import io
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from app.config import ROOT
from app.core import wording
from app.core.wording import LOCALES

TRANSLATIONS = ROOT / "app" / "translations"
TRANSLATED_TEMPLATES = ("embed", "messenger")


@pytest.mark.parametrize(
    ("preferred", "header", "locale"),
    [
        (None, "", "en"),
        (None, "de-AT,de;q=0.9,en;q=0.8", "de"),
        (None, "en;q=0.5, fr;q=0.9", "fr"),
        (None, "pt", "pt_BR"),
        (None, "pt-PT", "pt_BR"),
        (None, "zh-TW, ar-EG;q=0.5", "ar"),
        (None, "zh-TW", "en"),
        ("es-MX", "de", "es"),
        ("pt_BR", "de", "pt_BR"),
        ("tlh", "de", "de"),
        (None, "de;q=0, fr;q=nonsense, es", "es"),
        (None, "*", "en"),
    ],
)
def test_the_locale_is_that_of_the_contact_else_of_the_browser(preferred: str | None, header: str, locale: str) -> None:
    assert wording.negotiate(preferred, header) == locale


@pytest.mark.parametrize(
    ("header", "region"),
    [
        ("en-GB,en;q=0.9", "GB"),
        ("en;q=0.5, de-AT", "AT"),
        ("de", None),
        ("it,en-US;q=0.7,en;q=0.3", None),
        ("zh-Hant-TW", "TW"),
        ("en-u-nu-latn", None),
        ("en-x-us", None),
        ("x-us", None),
        ("", None),
        ("es-419", None),
    ],
)
def test_the_region_is_that_of_the_first_language_of_the_browser(header: str, region: str | None) -> None:
    assert wording.region(header) == region


@given(st.text(max_size=300))
def test_every_header_is_accepted(header: str) -> None:
    assert wording.negotiate(header, header) in LOCALES
    region = wording.region(header)
    assert region is None or (len(region) == 2 and region.isascii())


def test_legal_text_keeps_links_and_emphasis() -> None:
    html = wording.legal_html("Read *our* **terms** [here](https://shop.example.com/t).\n\nSecond\nline")
    assert html == (
        '<p>Read <em>our</em> <strong>terms</strong> <a href="https://shop.example.com/t" target="_blank" '
        'rel="noopener noreferrer">here</a>.</p>\n<p>Second<br>\nline</p>'
    )


@pytest.mark.parametrize(
    "markdown",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](https://shop.example.com/pixel.png)",
        "[x](https://a.example.com 'on\" onclick=\"alert(1)')",
        '<https://a.example.com/"onmouseover=alert(1)>',
        "# heading\n- list\n> quote\n```code```",
    ],
)
def test_legal_text_has_no_other_markup(markdown: str) -> None:
    html = wording.legal_html(markdown)
    for refused in ("<script", "<img", 'href="javascript', 'href="data', " onclick", " onmouse", "<h1", "<ul", "<code"):
        assert refused not in html.replace("&quot;", "").replace("&lt;", "§")


@given(st.text(alphabet=st.sampled_from("[](){}<>*_!`\"'&; javascript:alert(1)x\n#\\"), max_size=120))
def test_legal_text_never_has_a_tag_that_is_not_allowed(markdown: str) -> None:
    html = wording.legal_html(markdown)
    for tag in html.split("<")[1:]:
        name = tag.lstrip("/").split(">")[0].split(" ")[0]
        assert name in {"p", "br", "em", "strong", "a"}


def test_the_hash_of_a_wording_depends_on_its_content_only() -> None:
    one, same = wording.freeze("en", {"b": 1, "a": "é"}), wording.freeze("en", {"a": "e\u0301", "b": 1})
    assert (one.hash, one.body) == (same.hash, '{"a":"é","b":1,"locale":"en"}')
    assert wording.freeze("de", {"b": 1, "a": "é"}).hash != one.hash


@pytest.mark.parametrize("locale", [locale for locale in LOCALES if locale != "en"])
def test_every_sentence_is_translated_with_its_placeholders(locale: str) -> None:
    catalog = _catalog(locale)
    for message in _sentences():
        entry = catalog.get(message)
        assert entry, f"{locale}: {message!r} is missing"
        translations = entry.string if entry.pluralizable else [entry.string]
        assert all(translations), f"{locale}: {message!r} is empty"
        assert len(translations) in {1, catalog.num_plurals}, f"{locale}: {message!r} lacks a form"
        assert not list(entry.check(catalog)), f"{locale}: {message!r}"
    assert {entry.id for entry in catalog if entry.id} == _sentences(), "a sentence that is no longer used"


@pytest.mark.parametrize("locale", [locale for locale in LOCALES if locale != "en"])
def test_the_compiled_catalog_matches_its_source(locale: str) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, _catalog(locale))
    assert (TRANSLATIONS / locale / "LC_MESSAGES" / "messages.mo").read_bytes() == compiled.getvalue()


def _catalog(locale: str) -> Catalog:
    with (TRANSLATIONS / locale / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=locale)


@cache
def _sentences() -> set[str | tuple[str, ...]]:
    """The sentences of the code and of the templates of embed and messenger; a pair where there is a plural."""
    templates = [(f"templates/{folder}/**.html", "jinja2") for folder in TRANSLATED_TEMPLATES]
    found = extract_from_dir(
        ROOT,
        [("app/**.py", "python"), *templates],
        keywords={"gettext": None, "_": None, "translatable": None, "ngettext": (1, 2)},
        directory_filter=lambda folder: Path(folder).name in {"work", ROOT.name, *_folder_names()},
    )
    return {message for _, _, message, _, _ in found if message}


def _folder_names() -> set[str]:
    templates = [ROOT / "templates", *(ROOT / "templates" / folder for folder in TRANSLATED_TEMPLATES)]
    folders = [*(ROOT / "app").rglob("*"), ROOT / "app", *templates]
    return {folder.name for folder in folders if folder.is_dir()}
