"""The documentation: examples run as they stand, named files exist, decisions are listed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from app import config
from app.config import ROOT
from app.core import clock
from app.core.accounts import api_tokens
from app.core.workspace import bootstrap
from app.web import mounts
from tests.serve import web_process

EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"`([^`\n]+)`")
TOP_FOLDERS = {"app", "templates", "static", "tests", "docs", "bench", "instance"}
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
DECISIONS = ROOT / "docs" / "decisions"
PAGES = sorted(path for path in DECISIONS.glob("*.md") if path.name != "README.md")
MADE_BY_COMMANDS = {"instance/huey.db", "instance/config.toml"}


def test_the_examples_of_integrate_work_one_after_the_other(settings: config.Settings) -> None:
    opened = bootstrap.open_database(settings)
    with opened.unit_of_work() as session:
        _, token = api_tokens.create(session, "My shop", [], at=clock.now())
    opened.close()
    examples = EXAMPLE.findall((ROOT / "docs" / "integrate.md").read_text())
    assert len(examples) > 8
    with web_process(settings) as address:
        script = "\n".join(examples).replace("https://consent.example.com", address).replace("assent_…", token)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert f"{address}/f/" in done.stdout


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("page", documents(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    """Superseded decisions may name what is gone; they are not edited."""
    text = page.read_text()
    missing = {path for path in named_paths(text) if not (ROOT / path).exists()}
    assert missing - MADE_BY_COMMANDS == set() or "Superseded by" in text


def named_paths(text: str) -> set[str]:
    """The paths in code spans. A bare module name (``changes.py``) belongs to the folder named last."""
    found, folder = set(), ""
    for line in text.splitlines():
        if not line or line.startswith("|"):
            folder = ""
        for span in CODE_SPAN.findall(line):
            if span.partition("/")[0] in TOP_FOLDERS and "/" in span and " " not in span:
                found.add(span)
                folder = span.rpartition("/")[0]
            elif re.fullmatch(r"\w+\.py", span) and folder:
                found.add(f"{folder}/{span}")
    return found


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(path: Path) -> None:
    assert [link for link in LINK.findall(path.read_text()) if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_decision_has_the_same_headings(path: Path) -> None:
    text = path.read_text()
    assert re.match(rf"# {path.name[:4]} \S", text)
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings[:4] == ["Status", "Context", "Decision", "Consequences"]
    assert re.search(r"^## Status\n(Accepted|Superseded by)", text, re.MULTILINE)


def test_the_index_lists_every_decision_with_its_title_and_status() -> None:
    rows = re.findall(
        r"^\| \[(\d{4})\]\((\S+)\) \| (.+) \| (accepted|superseded)\b", (DECISIONS / "README.md").read_text(), re.M
    )
    listed = {name: (number, title, status) for number, name, title, status in rows}
    expected = {}
    for path in PAGES:
        number, title = re.match(r"# (\d{4}) (.+)", path.read_text()).groups()
        status = re.search(r"^## Status\n(\w+)", path.read_text(), re.MULTILINE)[1].lower()
        expected[path.name] = (number, title, status)
    assert listed == expected


def test_the_index_is_in_the_order_of_the_numbers() -> None:
    numbers = re.findall(r"^\| \[(\d{4})\]", (DECISIONS / "README.md").read_text(), re.MULTILINE)
    assert numbers == sorted(set(numbers))


def test_the_map_names_each_folder_once_and_each_mounted_application(app: Flask) -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    folders = [f"app/{path.parent.relative_to(ROOT / 'app')}/" for path in (ROOT / "app").glob("*/*/__init__.py")]
    assert [each for each in folders if each not in text and not each.startswith("app/migrations/")] == []
    rows = re.findall(r"^\| (`app/\S+/`) \| ", text, re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(re.findall(r"^\| `(/\S+)` \| ", text, re.MULTILINE)) == set(mounts.mounted(app))


def test_the_changelog_has_this_version_first_among_the_releases() -> None:
    sections = re.findall(r"^## (\S+)(?: – \d{4}-\d{2}-\d{2})?$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert next(each for each in sections if each != "Unreleased") == config.VERSION


def test_no_page_refers_to_files_outside_the_repository() -> None:
    outside = re.compile(r"DESIGN\.md|DESIGN section|STYLE\.md|interface section|domain facts", re.IGNORECASE)
    assert [str(path) for path in documents() if outside.search(path.read_text())] == []


def test_every_module_with_a_compiled_statement_is_in_the_decision_that_lists_them() -> None:
    listed = set(CODE_SPAN.findall((DECISIONS / "0018-where-compiled-statements-are-used.md").read_text()))
    modules = {path.relative_to(ROOT).as_posix(): path.read_text() for path in (ROOT / "app").rglob("*.py")}
    users = {
        name
        for name, source in modules.items()
        if "= CompiledStatement(" in source or "return CompiledStatement(" in source
    }
    assert users
    assert users - listed == set()
