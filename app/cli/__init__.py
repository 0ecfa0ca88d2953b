"""The ``assent`` command. Each command imports what it needs when it runs, so that ``--help`` is fast."""

import sys

import click

from app.cli import (
    accounts,
    backup,
    config,
    contacts,
    forms,
    imports,
    keys,
    ledger,
    private_files,
    receipts,
    routes,
    running,
    serve,
    site,
    twilio,
)
from app.config import VERSION


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="assent")
def assent() -> None:
    """Self-hosted SMS consent: the opt-in form, the subscriptions it feeds, and the proof of each opt-in."""


for _module in (serve, backup, accounts, contacts, forms, ledger, keys, receipts, config, routes, site, twilio):
    for _command in _module.COMMANDS:
        assent.add_command(_command)
contacts.contacts.add_command(imports.import_contacts)


def main() -> None:
    """Run one command with the arguments of this process, and exit."""
    private_files.use_private_umask()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run ``assent`` with these arguments; returns its exit status."""
    return running.run(assent, arguments, name="assent")
