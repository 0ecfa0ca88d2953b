"""Commands for Twilio: twilio reconcile."""

import time
from typing import TYPE_CHECKING

import click

from app import config
from app.cli.database import ready

if TYPE_CHECKING:
    from app.db import Database

# Numbers in one transaction, which keeps other writers of SQLite waiting.
_PAGE = 500
# A call that Twilio asks to repeat later than this is left to the worker.
_WAIT_MAX_S = 60.0


@click.group()
def twilio() -> None:
    """Consents that Twilio keeps."""


@twilio.command()
def reconcile() -> None:
    """Compare every consent and suppression with what was pushed to Twilio, and push what is missing.

    Opt-outs go first. Twilio takes 2,500 numbers a minute. The command can be stopped and repeated at any time.
    """
    from app.core.errors import InvalidState
    from app.core.sms import consent_pushes
    from app.gateways import open_gateway, pusher_of
    from app.jobs.push_consents import Pusher

    settings = config.load()
    gateway = pusher_of(open_gateway(settings))
    if gateway is None:
        raise InvalidState("The gateway of this installation keeps no list of consents.")
    with ready(settings) as database:
        agreeing, queued = _compare(database)
        click.echo(f"{agreeing} numbers agree, {queued} differ.")
        pusher, wait_s = Pusher(database, gateway), 0.0
        while wait_s <= _WAIT_MAX_S:
            time.sleep(wait_s)
            with database.read_only() as session:
                lag = consent_pushes.lag(session)
            if not lag.waiting:
                break
            wait_s = pusher.round()
    if lag.waiting:
        raise InvalidState("Twilio does not take them now. The worker goes on trying.")
    click.echo(f"All of them were pushed to Twilio. It refused {lag.failed}.")


def _compare(database: "Database") -> tuple[int, int]:
    """How many numbers agree, and how many were put into the queue."""
    from app.core import clock, outbox
    from app.core.sms import consent_pushes

    after: str | None = ""
    agreeing = queued = 0
    while after is not None:
        with database.unit_of_work() as session:
            outbox.lock_routing(session)
            page = consent_pushes.reconcile(session, after=after, limit=_PAGE, at=clock.now())
        after, agreeing, queued = page.last, agreeing + page.agreeing, queued + page.queued
    return agreeing, queued


COMMANDS = (twilio,)
