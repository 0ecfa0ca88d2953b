"""Commands for the ledger: ledger verify, head and seal."""

import json
from pathlib import Path

import click

from app import config
from app.cli.database import ready


@click.group()
def ledger() -> None:
    """The sealed ledger of consents."""


@ledger.command()
@click.option("--head", metavar="FILE|JSON", help="A published head, or a file of them, that the ledger must contain.")
def verify(head: str | None) -> None:
    """Recompute every hash, seal and state. Prints the result as JSON, and exits with 1 on tampering.

    Events that are not sealed yet, and events that a restore replaced, are reported, but do not count as tampering.
    """
    from app.core.errors import InvalidState
    from app.core.ledger import head_file
    from app.core.ledger.verify import verify as verify_ledger

    settings = config.load()
    heads = []
    if head is not None:
        heads = head_file.parse(head) if head.lstrip().startswith("{") else head_file.read(Path(head))
    if settings.ledger_head_file and Path(settings.ledger_head_file).exists():
        heads += head_file.read(Path(settings.ledger_head_file))
    with ready(settings) as database:
        report = verify_ledger(database, heads=heads)
    click.echo(json.dumps(report.as_json(), indent=1))
    if report.is_tampered:
        raise InvalidState("The ledger was tampered with. The result names what differs.")


@ledger.command()
def head() -> None:
    """Print the newest seal as JSON. Keep it where this server cannot change it.

    It shows later whether the database was replaced by an older copy. The head counts as published from then on, and
    every verification looks for it.
    """
    from app.core import clock
    from app.core.errors import InvalidState
    from app.core.ledger import head as ledger_head

    with ready(config.load()) as database, database.unit_of_work() as session:
        current = ledger_head.current(session)
        if current is None:
            raise InvalidState("Nothing is sealed yet: run “assent ledger seal”, or the worker.")
        ledger_head.mark_published(session, current, way="command", at=clock.now())
    click.echo(json.dumps(current, separators=(",", ":")))


@ledger.command()
def seal() -> None:
    """Seal every event that can be sealed now. The worker does this each second."""
    from app.core.ledger import lag, sealing

    with ready(config.load()) as database:
        sealed = sealing.seal(database)
        with database.read_only() as session:
            waiting = lag.current(session)
    click.echo(f"Sealed {sealed} events; {waiting.events} still wait.")
    if waiting.blocked_by:
        click.echo(f"They wait for a transaction that still writes: {json.dumps(waiting.blocked_by)}", err=True)


COMMANDS = (ledger,)
