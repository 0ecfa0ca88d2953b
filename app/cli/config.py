"""The command that shows the settings."""

import click

from app import config


@click.command("config")
def show_config() -> None:
    """Print every setting, its value (secrets hidden) and where it came from."""
    settings = config.load()
    rows = config.describe(settings)
    names, values = (max(len(row[column]) for row in rows) for column in (0, 1))
    for name, value, source in rows:
        click.echo(f"{name:<{names}}  {value:<{values}}  {source}")
    for warning in settings.warnings:
        click.echo(f"warning: {warning}", err=True)


COMMANDS = (show_config,)
