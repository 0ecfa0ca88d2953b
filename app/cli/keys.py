"""Commands for the keys that sign seals and receipts: keys rotate."""

import click

from app import config
from app.cli.database import ready


@click.group()
def keys() -> None:
    """The keys that sign seals and receipts."""


@keys.command()
def rotate() -> None:
    """Create a new signing key. What older keys signed can still be verified. Prints the id of the new key."""
    from app.core.ledger import signing_keys

    with ready(config.load()) as database, database.unit_of_work() as session:
        made = signing_keys.rotate(session)
    click.echo(made.id)


COMMANDS = (keys,)
