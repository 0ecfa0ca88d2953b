"""Runs one command. A failure is one line on standard error, and an exit status other than 0."""

import sqlite3

import click

from app.config import BadSetting


def run(command: click.Command, arguments: list[str], *, name: str) -> int:
    """Run a command with these arguments; returns its exit status.

    :param name: what ``--help`` and usage errors call the command
    """
    try:
        command.main(arguments, prog_name=name, standalone_mode=False)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.exceptions.NoArgsIsHelpError as bare:
        click.echo(bare.format_message(), err=True)
        return bare.exit_code
    except click.ClickException as refused:
        return _fail(refused.format_message(), refused.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _fail("stopped", 130)
    except Exception as problem:
        if (reason := _reason(problem)) is None:
            raise
        return _fail(reason)
    return 0


def _reason(problem: Exception) -> str | None:
    """The message for a failure that is no mistake in the program; null for any other."""
    from sqlalchemy.exc import SQLAlchemyError

    from app.core.errors import AssentError
    from app.db import CommitLost, DatabaseBusy

    if isinstance(problem, BadSetting | AssentError):
        return str(problem)
    # SQLite's own errors come from where a connection is made or a transaction begins, as when others lock the file.
    if isinstance(problem, SQLAlchemyError | sqlite3.Error):
        return f"the database of ASSENT_DATABASE_URL cannot be used: {problem}"
    if isinstance(problem, UnicodeEncodeError):  # Python keeps such bytes of the command line as half characters
        return "an argument is not text in UTF-8"
    if isinstance(problem, DatabaseBusy):
        return "the database is busy: try again in a moment"
    if isinstance(problem, CommitLost):
        return "the connection to the database broke at the end: look whether it was saved before you try again"
    if isinstance(problem, OSError):
        where = f"{problem.filename}: " if problem.filename else ""
        return f"{where}{problem.strerror or problem}"
    return None


def _fail(message: str, status: int = 1) -> int:
    line = next((line.strip() for line in message.splitlines() if line.strip()), "failed")
    click.echo(f"assent: {line}", err=True)
    return status
