"""Languages, the Markdown subset, the words as evidence, and the catalogues."""

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
SPOKEN_TEMPLATES = ("embed", "messenger")


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
def test_the_language_is_the_persons_own_else_the_browsers(preferred: str | None, header: str, locale: str) -> None:
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
def test_the_region_is_the_one_that_the_browsers_first_language_names(header: str, region: str | None) -> None:
    assert wording.region(header) == region


@given(st.text(max_size=300))
def test_no_header_can_break_the_negotiation(header: str) -> None:
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
def test_nothing_else_becomes_markup(markdown: str) -> None:
    html = wording.legal_html(markdown)
    for refused in ("<script", "<img", 'href="javascript', 'href="data', " onclick", " onmouse", "<h1", "<ul", "<code"):
        assert refused not in html.replace("&quot;", "").replace("&lt;", "§")


@given(st.text(alphabet=st.sampled_from("[](){}<>*_!`\"'&; javascript:alert(1)x\n#\\"), max_size=120))
def test_no_legal_text_smuggles_a_tag_or_an_attribute(markdown: str) -> None:
    html = wording.legal_html(markdown)
    for tag in html.split("<")[1:]:
        name = tag.lstrip("/").split(">")[0].split(" ")[0]
        assert name in {"p", "br", "em", "strong", "a"}


def test_the_words_are_addressed_by_their_content() -> None:
    one, same = wording.exact("en", {"b": 1, "a": "é"}), wording.exact("en", {"a": "e\u0301", "b": 1})
    assert (one.hash, one.body) == (same.hash, '{"a":"é","b":1,"locale":"en"}')
    assert wording.exact("de", {"b": 1, "a": "é"}).hash != one.hash


@pytest.mark.parametrize("locale", [locale for locale in LOCALES if locale != "en"])
def test_every_sentence_is_translated_with_its_placeholders(locale: str) -> None:
    catalog = _catalog(locale)
    for message in _sentences():
        entry = catalog.get(message)
        assert entry, f"{locale}: {message!r} is missing"
        said = entry.string if entry.pluralizable else [entry.string]
        assert all(said), f"{locale}: {message!r} is empty"
        assert len(said) in {1, catalog.num_plurals}, f"{locale}: {message!r} lacks a form"
        assert not list(entry.check(catalog)), f"{locale}: {message!r}"
    assert {entry.id for entry in catalog if entry.id} == _sentences(), "a sentence that nobody says any more"


@pytest.mark.parametrize("locale", [locale for locale in LOCALES if locale != "en"])
def test_the_compiled_catalogue_is_the_written_one(locale: str) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, _catalog(locale))
    assert (TRANSLATIONS / locale / "LC_MESSAGES" / "messages.mo").read_bytes() == compiled.getvalue()


def _catalog(locale: str) -> Catalog:
    with (TRANSLATIONS / locale / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=locale)


@cache
def _sentences() -> set[str | tuple[str, ...]]:
    """Everything that the code and the templates of the embed and the messenger say; a pair where it is counted."""
    spoken = [(f"templates/{folder}/**.html", "jinja2") for folder in SPOKEN_TEMPLATES]
    found = extract_from_dir(
        ROOT,
        [("app/**.py", "python"), *spoken],
        keywords={"gettext": None, "_": None, "translatable": None, "ngettext": (1, 2)},
        directory_filter=lambda folder: Path(folder).name in {"work", ROOT.name, *_parts()},
    )
    return {message for _, _, message, _, _ in found if message}


def _parts() -> set[str]:
    templates = [ROOT / "templates", *(ROOT / "templates" / folder for folder in SPOKEN_TEMPLATES)]
    folders = [*(ROOT / "app").rglob("*"), ROOT / "app", *templates]
    return {folder.name for folder in folders if folder.is_dir()}
