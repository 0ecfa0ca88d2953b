"""Commands for accounts and tokens: create-admin, token create."""

import sys

import click

from app import config
from app.cli.database import ready


@click.command("create-admin")
@click.argument("email")
@click.option("--name", default="", help="The name that colleagues and customers see.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create_admin(email: str, name: str, password_stdin: bool) -> None:  # noqa: FBT001 - click passes flags like this
    """Create an admin, who can sign in immediately."""
    from app.core import clock
    from app.core.accounts import agents
    from app.models import Role

    settings = config.load()
    with ready(settings):  # before the password is asked for
        pass
    password = _password(from_stdin=password_stdin)
    agents.check_password_rules(password, email)
    with ready(settings) as database, database.unit_of_work() as session:
        new = agents.NewAgent(email, name, Role.ADMIN, agents.hash_password(password))
        agent = agents.create_agent(session, new, at=clock.now())
        address = agent.email
    click.echo(f"{address} can sign in.")


@click.group()
def token() -> None:
    """API tokens."""


@token.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, help="read, write or admin; may be given more than once.")
@click.option("--admin", metavar="EMAIL", help="The admin in whose name it acts. Default: the oldest admin.")
def create(name: str, scopes: tuple[str, ...], admin: str | None) -> None:
    """Create an API token and print it. It is shown only this once. Without --scope it may read and write."""
    from app.core import clock
    from app.core.accounts import api_tokens

    with ready(config.load()) as database, database.unit_of_work() as session:
        made, text = api_tokens.create(session, name, scopes, at=clock.now())
        if admin is not None:
            api_tokens.give_to(session, made, admin, actor=made.created_by, at=clock.now())
    click.echo(text)


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask for the password on: use --password-stdin.")
    entered: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return entered


COMMANDS = (create_admin, token)
