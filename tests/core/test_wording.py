"""Languages, the Markdown subset, frozen wordings, and the catalogs."""

import re
import tomllib
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config import ROOT
from app.core import wording
from app.core.campaigns import wording as opt_out_words
from app.core.wording import LOCALES
from tests import catalogs

WITH_LINK = (opt_out_words.link, opt_out_words.reply_or_link, opt_out_words.one_way)


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


@pytest.mark.parametrize("path", ["confirmations/texts.toml", "inbound/answers.toml", "proof/disclosure.toml"])
def test_texts_that_are_sent_or_proposed_are_written_in_every_language(path: str) -> None:
    read = tomllib.loads((ROOT / "app" / "core" / path).read_text("utf-8"))
    tables = read.get("start", read)
    assert set(tables) == set(LOCALES)
    assert len({frozenset(each) for each in tables.values() if isinstance(each, dict)}) <= 1


def test_the_way_to_opt_out_of_a_campaign_is_written_in_every_language() -> None:
    for way in (opt_out_words.reply, *(partial(each, address="x") for each in WITH_LINK)):
        assert len({way(locale) for locale in LOCALES}) == len(LOCALES)


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


@pytest.mark.parametrize("locale", catalogs.TRANSLATED)
def test_every_sentence_is_translated_with_its_placeholders(locale: str) -> None:
    catalog = catalogs.read(locale)
    for sentence in catalogs.sentences():
        entry = catalog.get(sentence)
        assert entry, f"{locale}: {sentence!r} is missing"
        translations = entry.string if entry.pluralizable else [entry.string]
        assert all(translations), f"{locale}: {sentence!r} is empty"
        assert not entry.fuzzy, f"{locale}: {sentence!r} is fuzzy"
        assert len(translations) in {1, catalog.num_plurals}, f"{locale}: {sentence!r} lacks a form"
        assert not list(entry.check(catalog)), f"{locale}: {sentence!r}"
        # Templates show translations as they are, in attributes, too.
        unsafe = {char for each in translations for char in each if char in '"<&'}
        assert unsafe <= set("".join(sentence)), f"{locale}: {sentence!r} holds {unsafe}"
    assert {entry.id for entry in catalog if entry.id} == catalogs.sentences(), "a sentence that is no longer used"


def test_french_marks_do_not_begin_a_line() -> None:
    """The space before ``: ; ? ! »`` and after ``«`` is one that does not break."""
    strings = [each.string for each in catalogs.read("fr") if each.id]
    texts = [text for string in strings for text in ([string] if isinstance(string, str) else string)]
    assert [text for text in texts if re.search(r"\w [:;?!»]|» [:;?!]|« ", text)] == []


@pytest.mark.parametrize("locale", catalogs.TRANSLATED)
def test_the_compiled_catalog_matches_its_source(locale: str) -> None:
    file = catalogs.TRANSLATIONS / locale / "LC_MESSAGES" / "messages.mo"
    assert file.read_bytes() == catalogs.compiled(catalogs.read(locale))
