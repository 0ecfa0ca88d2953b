"""The command that lists every route."""

import click

from app import config


@click.command("routes")
def list_routes() -> None:
    """Print every route of every application: methods, path, endpoint."""
    from app import create_app
    from app.web import mounts
    from app.web.services import services_of

    app = create_app(config.load())
    rows = [(" ".join(route.methods), route.path, route.endpoint) for route in mounts.routes(app)]
    services_of(app).database.close()
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for methods, path, endpoint in rows:
        click.echo(f"{methods:<{widths[0]}}  {path:<{widths[1]}}  {endpoint}")


COMMANDS = (list_routes,)
