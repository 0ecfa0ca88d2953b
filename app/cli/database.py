"""The database for commands: opened and checked at the beginning, closed at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from app import config, setting_values
from app.cli import private_files
from app.config import Settings

if TYPE_CHECKING:
    from app.core.contacts.number_rules import Mended
    from app.db import Database


def settings_with_warnings() -> Settings:
    """The settings. Reports unknown environment variables, and files that others could read, on standard error.

    Others cannot read those files any more.

    :raises BadSetting: a value is invalid
    """
    settings = config.load()
    for warning in (*settings.warnings, *private_files.tighten(settings)):
        click.echo(f"assent: warning: {warning}", err=True)
    return settings


def address(settings: Settings) -> str:
    """The address of the database without its password, for people."""
    return setting_values.without_password(settings.database_url)


@contextmanager
def ready(settings: Settings) -> Iterator["Database"]:
    """The database, unchanged.

    :raises InvalidState: it is not migrated, may not be written, or has another secret key
    :raises SQLAlchemyError: it cannot be reached
    """
    from app.core.errors import InvalidState
    from app.core.workspace import bootstrap

    database = bootstrap.open_database(settings, connections=1)
    try:
        if reason := bootstrap.what_is_missing(database):
            raise InvalidState(reason)
        yield database
    finally:
        database.close()


@contextmanager
def migrated(settings: Settings) -> Iterator["Database"]:
    """The database and the queue's tables, migrated, with new number rules applied.

    What the rules changed is reported on standard error.

    :raises InvalidState: a restore of it did not end, it cannot be migrated, or has another secret key
    """
    from app.core.contacts import number_rules
    from app.core.errors import InvalidState
    from app.core.workspace import bootstrap
    from app.jobs import queue

    database = bootstrap.open_database(settings, connections=1)
    try:
        if reason := bootstrap.why_unfinished(database):
            raise InvalidState(reason)
        bootstrap.make_ready(database)
        queue.create_tables(settings, database)
        _report(number_rules.apply(database))
        yield database
    finally:
        database.close()


def _report(mended: "Mended") -> None:
    if not mended:
        return
    click.echo(f"New rules for numbers: {mended.contacts} contacts changed, {mended.merged} leads merged.", err=True)
    for each in mended.held:
        click.echo(f"Held for review: contact {each.contact}, event {each.event_id}: {each.reason}", err=True)
