"""Commands for contacts: export. ``imports.py`` adds import."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from app import config
from app.cli.database import ready
from app.cli.new_file import NewFile, written

_WHATS, _FORMATS = ("contacts", "consents", "events", "texts", "sms"), ("csv", "jsonl")


@click.group()
def contacts() -> None:
    """Contacts: import and export."""


@contacts.command("export")
@click.option("--what", type=click.Choice(_WHATS), default="contacts", show_default=True, help="What to export.")
@click.option(
    "--format", "format_", type=click.Choice(_FORMATS), default="csv", show_default=True, help="CSV or JSON lines."
)
@click.option("--segment", metavar="ID", help="Only contacts of this segment, with the id that the API shows.")
@click.option("--out", type=NewFile(), help="Write to a file instead of standard output.")
def export_contacts(what: str, format_: str, segment: str | None, out: Path | None) -> None:
    """Export contacts, consents, events of the ledger with their evidence, texts that were shown, or SMS.

    The export is written while it is read, and is recorded in the audit log. It holds personal data: keep it safe.
    """
    from app.core import clock
    from app.core.exports import jobs, parts
    from app.core.exports.parts import Export, Format, What

    chosen = {"query": {"field": "segment_id", "operator": "=", "value": segment} if segment else None}
    export = Export(What(what), Format(format_), chosen)
    with ready(config.load()) as database, _target(out) as target:
        with database.unit_of_work() as session:
            parts.check(session, export)
            jobs.record(session, "export.started", export, "workspace", actor="command line", at=clock.now())
        for data in parts.stream(database, export):
            target.write(data)


@contextmanager
def _target(out: Path | None) -> Iterator[BinaryIO]:
    """The file, or standard output.

    :raises ClickException: standard output is closed
    """
    if out is not None:
        with written(out) as file:
            yield file
    elif sys.stdout is not None:
        yield sys.stdout.buffer
    else:
        raise click.ClickException("Standard output is closed. Give a file with --out.")


COMMANDS = (contacts,)
