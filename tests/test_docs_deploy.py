"""The files of docs/deploy name only commands, settings and files that there are."""

import re

import click

from app.cli import assent
from app.config import ROOT, SETTINGS

PLACE = ROOT / "docs" / "deploy"
TEXTS = {path.name: path.read_text() for path in sorted(PLACE.iterdir())}


def test_every_setting_that_is_named_is_one() -> None:
    settings = {setting.variable for setting in SETTINGS}
    for name, text in TEXTS.items():
        assert set(re.findall(r"ASSENT_[A-Z_]+", text)) <= settings, name


def test_every_command_that_is_named_is_one() -> None:
    said = re.compile(
        r"(?:bin/assent |^    assent |\"assent\", |run --rm web assent )([a-z\"][\w\", -]*)", re.MULTILINE
    )
    for name, text in TEXTS.items():
        for found in said.findall(text):
            words = re.findall(r"[a-z][a-z-]+", found)
            command = assent.commands[words[0]]
            if isinstance(command, click.Group):
                assert words[1] in command.commands, f"{name}: {found}"


def test_the_image_holds_all_that_runs() -> None:
    copied = set(re.findall(r"^COPY (\S+) \S+$", TEXTS["Dockerfile"], re.MULTILINE))
    assert copied == {"app", "templates", "static"}
    let_in = set(re.findall(r"^!(\S+)$", TEXTS["Dockerfile.dockerignore"], re.MULTILINE))
    assert let_in == copied | {"requirements.txt", "pyproject.toml", "README.md", "LICENSE"}


def test_every_file_that_the_page_links_to_is_there() -> None:
    linked = set(re.findall(r"\]\(([^)]+)\)", TEXTS["README.md"]))
    assert linked
    assert linked <= set(TEXTS)
