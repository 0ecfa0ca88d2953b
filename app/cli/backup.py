"""Commands for the whole database: db upgrade, backup, restore."""

from pathlib import Path

import click

from app import config
from app.cli.database import address, migrated, ready
from app.cli.new_file import NewFile


@click.group()
def db() -> None:
    """The database."""


@db.command()
def upgrade() -> None:
    """Upgrade the database to this version. Changes nothing when it is up to date."""
    settings = config.load()
    with migrated(settings):
        click.echo(f"The database is ready: {address(settings)}")


@click.command()
@click.argument("file", type=NewFile())
def backup(file: Path) -> None:
    """Write a consistent copy of the database to FILE, also while the server runs.

    It holds personal data: keep it safe.
    """
    from app.core import backup

    settings = config.load()
    with ready(settings) as database:
        manifest = backup.write(settings, database, file)
    click.echo(f"{manifest.rows} rows at revision {manifest.revision} of {address(settings)} are in {file}.")
    if manifest.has_key:
        click.echo("The secret key is in it too: without it, opt-outs kept as keyed hashes would be lost.")
    else:
        click.echo("ASSENT_SECRET_KEY is not in it: keep that key safe as well, a restore needs it.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--replace", is_flag=True, help="Replace what the database holds now.")
def restore(file: Path, replace: bool) -> None:  # noqa: FBT001 - click passes flags like this
    """Restore the database from the backup FILE. Stop the server first.

    What happened after the backup is lost, except what people asked for in a database that is replaced: their opt-outs,
    objections and erasures are kept.
    """
    from app.core import backup

    had_key = config.key_file().exists()
    settings = config.load()
    restored = backup.restore(settings, file, replace=replace, had_key=had_key)
    with migrated(config.load()):  # the key file may be another one now
        pass
    manifest = restored.manifest
    click.echo(f"{manifest.rows} rows of {manifest.made_at} were restored into {address(settings)}.")
    if restored.carried_over is None:
        click.echo(
            f"WARNING: what happened after {manifest.made_at} is not known here. People who opted out or were erased "
            "since then count as before: add their numbers to the suppressions, record their opt-outs, and erase them "
            "again before anything is sent.",
            err=True,
        )
        return
    counts = {
        "numbers suppressed": restored.carried_over,
        "opt-outs recorded again": restored.kept.opt_outs,
        "objections to all messages recorded again": restored.kept.objections,
        "people erased again": restored.kept.erasures,
        "requests for deletion opened again": restored.kept.requests,
    }
    if kept := [f"  {name}: {count}" for name, count in counts.items() if count]:
        click.echo("\n".join(["WARNING: what people asked for after this backup was made is kept:", *kept]), err=True)
    click.echo("Everything else that happened since is lost.")


COMMANDS = (db, backup, restore)
