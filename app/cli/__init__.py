"""The ``assent`` command. What a command needs is imported when it runs, so that ``--help`` answers at once."""

import sys

import click

from app.cli import accounts, backup, config, routes, serve
from app.config import VERSION, BadSetting


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="assent")
def assent() -> None:
    """Self-hosted SMS consent: the opt-in form, the subscriptions it feeds, and the proof that somebody said yes."""


for _module in (serve, backup, accounts, config, routes):
    for _command in _module.COMMANDS:
        assent.add_command(_command)


def main() -> None:
    """Run one command. A failure is one line on standard error and a status other than 0."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit status of ``assent`` with these arguments."""
    try:
        assent.main(arguments, prog_name="assent", standalone_mode=False)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as refused:
        return _say(refused.format_message(), refused.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _say("stopped", 130)
    except Exception as problem:
        if (reason := _reason(problem)) is None:
            raise
        return _say(reason)
    return 0


def _reason(problem: Exception) -> str | None:
    """What to say of a failure that can happen to anybody; null for a mistake in the program."""
    from sqlalchemy.exc import SQLAlchemyError

    from app.core.errors import AssentError

    if isinstance(problem, BadSetting | AssentError):
        return str(problem)
    if isinstance(problem, SQLAlchemyError):
        return f"the database cannot be used: {problem}"
    if isinstance(problem, OSError):
        where = f"{problem.filename}: " if problem.filename else ""
        return f"{where}{problem.strerror or problem}"
    return None


def _say(message: str, status: int = 1) -> int:
    line = next((line.strip() for line in message.splitlines() if line.strip()), "failed")
    click.echo(f"assent: {line}", err=True)
    return status
