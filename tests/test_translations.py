"""What people read is translated: templates, messages, labels, errors. core/test_wording.py checks the catalogs."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from tests import catalogs

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "templates"
# The documentation of the API is English, and so is the shop of the demo, which stands for a page of somebody else.
ENGLISH = {"api/docs.html", "home/shop.html"}
TRANSLATING = {"_", "gettext", "ngettext", "lazy_gettext", "translatable"}
READ_ATTRIBUTES = {
    "alt",
    "title",
    "placeholder",
    "label",
    "aria-label",
    "aria-description",
    "data-label",
    "data-filter",
}
# Names, and what is the same in all six languages.
NOT_TRANSLATED = re.compile(r"Assent|SMS|API|URL|QR|\bms\b|&\w+;|https?://\S+|Ctrl")
EXPRESSION = "￼"


@pytest.mark.parametrize(
    "path",
    sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.*") if path.suffix in {".html", ".txt"}),
)
def test_every_text_of_a_template_is_translated(path: str) -> None:
    if path in ENGLISH:
        return
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    template = environment.parse((TEMPLATES / path).read_text("utf-8"))
    source = "".join(_texts(template))
    shown = [source] if path.endswith(".txt") else _read_by_people(source)
    assert [text for text in shown if _has_words(text)] == []
    constants = [text for text in _constants(template) if re.match(r"[A-Z][a-z]|\S+ \S+ \S", text)]
    prose = [text for each in constants for text in (_read_by_people(each) if each.startswith("<") else [each])]
    assert [text for text in prose if _has_words(text)] == []


@pytest.mark.parametrize("path", sorted(path.name for path in (TEMPLATES / "_macros").iterdir()))
def test_what_is_imported_is_translated_when_it_is_shown_not_when_it_is_imported(path: str) -> None:
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    template = environment.parse((TEMPLATES / "_macros" / path).read_text("utf-8"))
    outside = [node for node in template.body if not isinstance(node, nodes.Macro)]
    called = {
        call.node.name for node in outside for call in node.find_all(nodes.Call) if isinstance(call.node, nodes.Name)
    }
    assert called & TRANSLATING <= {"translatable"}


def test_scripts_of_staff_pages_hold_no_sentences() -> None:
    scripts = [*(ROOT / "static" / "js" / "inbox").glob("*.js"), ROOT / "static" / "js" / "staff.js"]
    sentences = re.compile(r"""^[^/]*["'`](?:[A-Z][^"'`]*\s[^"'`]*|[A-Z]\w+[.…])["'`]""", re.MULTILINE)
    assert {path.name: found for path in scripts if (found := sentences.findall(path.read_text("utf-8")))} == {}


def test_arrows_are_drawn_by_style_sheets_which_turn_them_with_the_script() -> None:
    drawn = [path for path in TEMPLATES.rglob("*.html") if "←" in path.read_text("utf-8")]
    assert [str(path.relative_to(TEMPLATES)) for path in drawn] == ["api/docs.html"]


def test_style_sheets_follow_the_direction_of_the_script() -> None:
    physical = re.compile(
        r"(?:margin|padding|border)-(?:left|right)\b|text-align: (?:left|right)|[{;]\s*(?:left|right|float):"
    )
    sheets = (ROOT / "static" / "css").glob("*.css")
    assert {path.name: found for path in sheets if (found := physical.findall(path.read_text("utf-8")))} == {}


def test_every_error_has_a_constant_sentence() -> None:
    """A constant, one of a table, or that of the error that it replaces; else the catalogs would not have it."""
    wrong = []
    for path in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and node.args and getattr(node.func, "id", "") in _error_names():
                first = node.args[0]
                is_found = not _is_formatted(first) if catalogs.is_for_programs(path) else _is_in_catalogs(first)
                if not is_found:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert wrong == []


def test_every_message_and_label_in_the_code_is_translated() -> None:
    wrong = []
    for path in sorted((ROOT / "app" / "web").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and node.args and _shows_first_argument(node.func):
                first = node.args[0]
                if _is_formatted(first) or (isinstance(first, ast.Constant) and _has_words(str(first.value))):
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert wrong == []


def test_every_sentence_in_the_code_is_found_for_the_catalogs() -> None:
    """One inside another call that translates would not be."""
    found = {
        each for sentence in catalogs.sentences() for each in ([sentence] if isinstance(sentence, str) else sentence)
    }
    missing = []
    for path in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and node.args and getattr(node.func, "id", "") in TRANSLATING:
                first = node.args[0]
                if isinstance(first, ast.Constant) and first.value not in found:
                    missing.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert missing == []


def _error_names() -> set[str]:
    return set(catalogs.ERRORS)


def _is_in_catalogs(sentence: ast.expr) -> bool:
    if isinstance(sentence, ast.Call):
        return getattr(sentence.func, "id", "") in TRANSLATING
    return isinstance(sentence, ast.Constant | ast.Subscript) or getattr(sentence, "attr", "") == "sentence"


def _is_formatted(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr | ast.BinOp)


def _shows_first_argument(called: ast.expr) -> bool:
    name = getattr(called, "id", getattr(called, "attr", ""))
    return name in {"flash", "flash_undo", "ValidationError"} or (
        name.endswith("Field") and name not in catalogs.ERRORS
    )


def _texts(node: nodes.Node) -> Iterator[str]:
    """The static parts of a template in their order, with a mark for each expression between them."""
    if isinstance(node, nodes.Output):
        for part in node.nodes:
            yield part.data if isinstance(part, nodes.TemplateData) else EXPRESSION
    else:
        for child in node.iter_child_nodes():
            yield from _texts(child)


def _constants(node: nodes.Node) -> Iterator[str]:
    """The strings in expressions, without those that are passed to a function that translates, or are compared."""
    if isinstance(node, nodes.Compare):
        return
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in TRANSLATING:
        return
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    for child in node.iter_child_nodes():
        yield from _constants(child)


def _has_words(text: str) -> bool:
    return re.search(r"[^\W\d_]{2,}", NOT_TRANSLATED.sub("", text)) is not None


def _read_by_people(source: str) -> list[str]:
    reader = _Reader()
    reader.feed(source)
    return reader.found


class _Reader(HTMLParser):
    """Collects the texts and the attributes that people read. Code, keys and scripts are not prose."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"code", "pre", "kbd", "script", "style", "svg"}:
            self.inside.append(tag)
        self.found += [value for name, value in attrs if value and name in READ_ATTRIBUTES]

    def handle_endtag(self, tag: str) -> None:
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.found.append(data)
