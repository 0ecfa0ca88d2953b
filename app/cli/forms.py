"""Commands for opt-in forms: forms kit."""

from pathlib import Path

import click

from app import config
from app.cli.database import ready
from app.cli.new_file import NewFile, written
from app.cli.row_id import ROW_ID


@click.group()
def forms() -> None:
    """Opt-in forms."""


@forms.command("kit")
@click.argument("form_id", type=ROW_ID)
@click.argument("file", type=NewFile())
@click.option("--chromium", help="The path of Chromium, where it is not found.")
@click.option("--no-pictures", is_flag=True, help="Write the pages without pictures.")
def write_kit(form_id: int, file: Path, chromium: str | None, no_pictures: bool) -> None:  # noqa: FBT001 - click passes flags like this
    """Write the kit for carrier registration of the form FORM_ID to FILE (a zip file), with pictures of its pages.

    The page of the form offers the same kit without pictures.
    """
    from app import create_app
    from app.cli import pictures
    from app.web.admin import form_kit_files
    from app.web.services import read_only, services_of

    browser = None if no_pictures else chromium or pictures.find_chromium()
    settings = config.load()
    with ready(settings):
        app = create_app(settings)
    if not settings.public_url:
        click.echo("assent: warning: ASSENT_PUBLIC_URL is not set, so the kit names http://localhost", err=True)
    with app.test_request_context(base_url=settings.public_url or None):
        with read_only() as session:
            kit = form_kit_files.kit_of(session, form_id)
        taken = dict(pictures.take(browser, kit.pages)) if browser else {}
        with written(file) as out:
            out.write(form_kit_files.archive(kit, taken))
    services_of(app).database.close()
    click.echo(f"{file}: {len(kit.pages)} pages, {len(taken)} pictures")
    if not browser and not no_pictures:
        click.echo("No Chromium was found, so there are no pictures. Install one, or give its path with --chromium.")


COMMANDS = (forms,)
