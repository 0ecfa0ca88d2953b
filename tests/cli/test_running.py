"""A command that fails says why in one line."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest
from sqlalchemy import event

from app import cli
from app.cli import running
from app.config import Settings
from app.db import Database, WriteLockTimeout


@pytest.mark.databases("sqlite")
def _commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from _commands(each)


def test_the_help_explains_every_command_and_every_option() -> None:
    commands = list(_commands(cli.assent))
    assert len(commands) > 25
    for command in commands:
        assert (command.help or "").strip().endswith("."), command.name
        options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
        assert [each.opts for each in options if not each.help] == [], command.name


def test_a_database_that_another_program_has_locked_is_named(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert database.file is not None
    event.listen(database.engine, "connect", lambda driver, _record: driver.execute("PRAGMA busy_timeout = 10"))

    def write() -> None:
        with database.exclusive():
            pass

    with closing(sqlite3.connect(database.file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert running.run(click.Command("write", callback=write), [], name="write") == 1
    printed = capsys.readouterr().err
    assert printed.startswith("assent: the database of ASSENT_DATABASE_URL cannot be used: ")
    assert (printed.endswith("database is locked\n"), printed.count("\n")) == (True, 1)


def test_a_database_that_cannot_be_reached_is_named_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASSENT_INSTANCE", str(tmp_path))
    monkeypatch.setenv("ASSENT_DATABASE_URL", "postgresql://assent:hidden@127.0.0.1:1/assent")
    for command in (["web"], ["token", "create", "shop"]):
        assert cli.run(command) == 1
        printed = capsys.readouterr().err
        assert printed.startswith("assent: the database of ASSENT_DATABASE_URL cannot be used: ")
        assert "Connection refused" in printed
        assert "hidden" not in printed


def test_a_database_that_is_empty_is_named_before_the_password_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASSENT_INSTANCE", str(tmp_path))
    assert cli.run(["create-admin", "max@example.com"]) == 1
    assert capsys.readouterr().err == "assent: the database is empty: run “assent db upgrade”\n"


@pytest.mark.usefixtures("installed")
def test_an_argument_that_cannot_be_used_is_refused_in_one_line(
    settings: Settings,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "contacts.csv"
    file.write_text("Name\nSam\n")
    monkeypatch.setenv("ASSENT_DATABASE_URL", settings.database_url)
    for command, answer in (
        (["token", "create", "caf\udce9"], "an argument is not text in UTF-8"),
        (["contacts", "import", "--undo", "99999999999999999999"], "is not in the range"),
        (["contacts", "import", "--resume", "99"], "There is no import 99."),
        (["contacts", "import", "--resume", "99", "--undo", "1"], "Give either a FILE"),
        (
            ["contacts", "import", str(file), "--encoding", "latin"],
            "There is no encoding “latin”; use one of utf-8, cp1252",
        ),
        (["forms", "kit", "99999999999999999999", "kit.zip"], "is not in the range"),
    ):
        assert cli.run(command) in {1, 2}
        printed = capsys.readouterr().err
        assert (answer in printed, printed.count("\n")) == (True, 1)


def test_a_busy_database_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    def write() -> None:
        raise WriteLockTimeout

    assert running.run(click.Command("write", callback=write), [], name="write") == 1
    assert capsys.readouterr().err == "assent: the database is busy: try again in a moment\n"
