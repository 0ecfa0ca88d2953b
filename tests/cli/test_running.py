"""A command that fails says why in one line."""

import sqlite3
from contextlib import closing

import click
import pytest
from sqlalchemy import event

from app.cli import running
from app.db import Database, WriteLockTimeout


@pytest.mark.databases("sqlite")
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


def test_a_busy_database_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    def write() -> None:
        raise WriteLockTimeout

    assert running.run(click.Command("write", callback=write), [], name="write") == 1
    assert capsys.readouterr().err == "assent: the database is busy: try again in a moment\n"
