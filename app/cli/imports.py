"""The command contacts import: the same import as on the pages, for files of up to 1 GB."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app import config
from app.cli.database import ready
from app.cli.row_id import ROW_ID

if TYPE_CHECKING:
    from app.core.imports.setup import Setup
    from app.db import Database
    from app.models import BulkJob

ACTOR = "command line"
_PART_BYTES = 1 << 19
_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}


@click.command("import")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--type", "type_id", type=ROW_ID, metavar="ID", help="The subscription type of the consents.")
@click.option(
    "--state",
    type=click.Choice(["opted_in", "opted_out"]),
    help="The consent of all rows. Without it, a column has it.",
)
@click.option("--note", default="", help="Where the consents come from, and how they were given.")
@click.option("--given-on", default="", metavar="DATE", help="The date of all consents, where no column has it.")
@click.option("--country", metavar="CC", help="Country of numbers without a country code. Default: the workspace's.")
@click.option("--encoding", metavar="NAME", help="Of the file, such as cp1252. Default: UTF-8.")
@click.option(
    "--separator", type=click.Choice(list(_SEPARATORS)), help="What is between two columns. Default: recognized."
)
@click.option("--dates", type=click.Choice(["day_first", "month_first"]), help="How dates like 03/04/2025 are read.")
@click.option(
    "--existing",
    type=click.Choice(["fill", "overwrite", "leave"]),
    default="fill",
    show_default=True,
    help="Of a contact that exists: fill only empty fields, overwrite fields, or leave all as they are.",
)
@click.option("--map", "mapped", multiple=True, metavar="COLUMN=FIELD", help="What a column holds. May be repeated.")
@click.option("--dry-run", is_flag=True, help="Only print what would change.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--resume", type=ROW_ID, metavar="JOB", help="Continue an import that was interrupted.")
@click.option("--undo", type=ROW_ID, metavar="JOB", help="Undo an import of the last 30 days.")
def import_contacts(file: Path | None, **options: Any) -> None:
    """Import contacts and their consents from FILE, a CSV or Excel file with headings.

    Prints what would change and what was done. A row with a mistake is left out; all others are imported. People who
    opted out stay opted out, whatever the file says. Fields: external_id, role, name, first_name, last_name, email,
    phone, country, language, time_zone, signed_up_at, tags, consent, consent_at, consent_note, gdpr_optin, ignore,
    and attribute:NAME, attribute:number:NAME, attribute:yes_no:NAME.

    Exits with 1 when no row could be imported.
    """
    job_id = options["undo"] or options["resume"]
    if sum(each is not None for each in (file, options["undo"], options["resume"])) != 1:
        raise click.UsageError("Give either a FILE, or the JOB of --undo, or the JOB of --resume.")
    with ready(config.load()) as database:
        if job_id is not None:
            _require(database, job_id)
        if options["undo"]:
            _undo(database, options["undo"], as_json=options["as_json"])
        else:
            _import(database, job_id or _prepare(database, file or Path(), options), options)


def _require(database: "Database", job_id: int) -> None:
    """:raises ClickException: no import has this number"""
    from app.core.errors import NotFound
    from app.core.imports import drafts

    try:
        with database.read_only() as session:
            drafts.find(session, job_id)
    except NotFound:
        raise click.ClickException(f"There is no import {job_id}.") from None


def _prepare(database: "Database", file: Path, options: dict[str, Any]) -> int:
    """Upload the file, decide and run the dry run; returns the job."""
    from app.core import clock
    from app.core.errors import InvalidInput
    from app.core.imports import drafts
    from app.core.imports.setup import setup_of

    size_bytes = file.stat().st_size
    if size_bytes > drafts.COMMAND_BYTES_MAX:
        raise InvalidInput("A file has at most 1 GB.", field="file")
    with database.unit_of_work() as session:
        job_id = drafts.create(session, file.name, size_bytes, actor=ACTOR, at=clock.now()).id
    for offset, data in _parts(file):
        with database.unit_of_work() as session:
            drafts.receive(session, drafts.lock(session, job_id), offset, data)
    with database.unit_of_work() as session:
        job, at = drafts.lock(session, job_id), clock.now()
        drafts.complete(session, job, at=at)
        _lay_out(session, job, options)
        setup = setup_of(job.parameters)
        drafts.decide(session, job, _columns(setup, options), _options(setup, options), at=at)
        check_id = drafts.start_check(session, job, actor=ACTOR, at=at).id
    _finish(database, check_id)
    return job_id


def _import(database: "Database", job_id: int, options: dict[str, Any]) -> None:
    """Print what would change, and import it unless it is a dry run."""
    from app.core import clock
    from app.core.errors import InvalidState
    from app.core.imports import drafts
    from app.models import JobState

    with database.unit_of_work() as session:
        job = drafts.find(session, job_id)
        is_draft = job.state == JobState.DRAFT
        check = drafts.check_of(session, job) if is_draft else None
        if is_draft and not options["dry_run"]:
            drafts.start(session, drafts.lock(session, job_id), at=clock.now())
    if not options["dry_run"]:
        if not options["as_json"]:
            click.echo(f"Import {job_id} runs. To continue after an interruption: --resume {job_id}")
        _finish(database, job_id)
    printed = check.id if options["dry_run"] and check else job_id
    found = _print(database, printed, job_id, as_json=options["as_json"])
    if options["dry_run"]:
        with database.unit_of_work() as session:
            drafts.discard(session, drafts.lock(session, job_id), actor=ACTOR, at=clock.now())
    if not found:
        raise InvalidState("No row could be imported.")


def _undo(database: "Database", job_id: int, *, as_json: bool) -> None:
    from app.core import clock
    from app.core.bulk import jobs
    from app.core.imports import drafts

    with database.unit_of_work() as session:
        job = jobs.lock(session, drafts.find(session, job_id).id)
        jobs.request_undo(session, job, actor=ACTOR, at=clock.now())
    _finish(database, job_id)
    with database.read_only() as session:
        undone = jobs.find(session, job_id).undo or {}
    if as_json:
        click.echo(json.dumps({"job": job_id, "undone": undone["changed"], "left_alone": undone["skipped"]}))
        return
    click.echo(f"Undone for {undone['changed']:,} contacts.")
    for reason, count in undone["skipped"].items():
        click.echo(f"  left alone, {reason}: {count:,}")


def _finish(database: "Database", job_id: int) -> None:
    """Run a job here, or wait for the worker that runs it.

    :raises InvalidState: it failed or was canceled
    """
    from app import processes
    from app.core.bulk import jobs
    from app.core.errors import InvalidState
    from app.jobs import run_bulk_jobs
    from app.models import JobState

    processes.prepare_for_jobs()
    while True:
        run_bulk_jobs.run_until_done(database, job_id)
        with database.read_only() as session:
            job = jobs.find(session, job_id)
        if job.state not in jobs.UNFINISHED:
            break
        time.sleep(0.5)
    if job.state in {JobState.FAILED, JobState.CANCELED}:
        raise InvalidState(
            "Job %(id)s ended as %(state)s: %(problem)s.",
            id=job_id,
            state=job.state,
            problem=job.error or "it was canceled",
        )


def _parts(file: Path) -> Iterator[tuple[int, bytes]]:
    """The file in slices, each with its offset."""
    offset = 0
    with file.open("rb") as source:
        while data := source.read(_PART_BYTES):
            yield offset, data
            offset += len(data)


def _lay_out(session: Any, job: "BulkJob", options: dict[str, Any]) -> None:
    """:raises InvalidInput: the command names an unknown encoding, or none although the file is not UTF-8"""
    from app.core.errors import InvalidInput
    from app.core.imports import drafts, encodings
    from app.core.imports.setup import setup_of

    known = ", ".join(encodings.ENCODINGS)
    if options["encoding"] and options["encoding"] not in encodings.ENCODINGS:
        raise InvalidInput(
            "There is no encoding “%(name)s”; use one of %(known)s.", name=options["encoding"], known=known
        )
    if job.parameters["asks_encoding"] and not options["encoding"]:
        raise InvalidInput("The file is not UTF-8. Give its encoding with --encoding: %(known)s.", known=known)
    if options["encoding"] or options["separator"]:
        layout = setup_of(job.parameters).layout
        separator = _SEPARATORS[options["separator"]] if options["separator"] else layout.separator
        drafts.lay_out(session, job, encoding=options["encoding"] or layout.encoding, separator=separator)


def _columns(setup: "Setup", options: dict[str, Any]) -> list[Any]:
    """What the columns are: as guessed for the subscription type, but for those that the command names.

    :raises UsageError: there is no such column
    """
    from app.core.imports import headings
    from app.core.imports.fields import Column, Field, column_of

    columns = headings.of_type(setup.headings, setup.columns, options["type_id"] or 0)
    for each in options["mapped"]:
        heading, equals, code = each.rpartition("=")
        if not equals:
            raise click.UsageError(f"--map: write COLUMN=FIELD instead of “{each}”.")
        if heading not in setup.headings:
            raise click.UsageError(f"--map: the file has no column “{heading}”.")
        column = column_of(code)
        columns = [Column(Field.IGNORE) if other == column else other for other in columns]
        columns[setup.headings.index(heading)] = column
    return columns


def _options(setup: "Setup", options: dict[str, Any]) -> Any:
    from app.core.imports.dates import DateOrder
    from app.core.imports.options import ConsentFrom, Existing
    from app.models import ConsentState

    chosen = replace(
        setup.options,
        existing=Existing(options["existing"]),
        date_order=DateOrder(options["dates"] or DateOrder.UNKNOWN),
        note=options["note"],
        consent_at=options["given_on"],
    )
    if options["country"]:
        chosen = replace(chosen, default_country=options["country"].upper())
    if options["type_id"] is None:
        return chosen
    chosen = replace(chosen, subscription_type_id=options["type_id"])
    if options["state"]:
        return replace(chosen, consent=ConsentFrom.ALL, state=ConsentState(options["state"]))
    return replace(chosen, consent=ConsentFrom.COLUMN)


def _print(database: "Database", job_id: int, import_id: int, *, as_json: bool) -> bool:
    """Print the result of a job; returns whether any row can be imported."""
    from app.core.bulk import jobs
    from app.core.imports import report
    from app.core.imports.reasons import SENTENCES, Reason

    with database.read_only() as session:
        found = report.of_job(jobs.find(session, job_id))
    if as_json:
        click.echo(json.dumps({"job": import_id, "dry_run": job_id != import_id, **found.as_json()}))
        return found.rows > found.refused_rows
    click.echo(f"{found.rows:,} rows")
    for group, count in found.groups.items():
        click.echo(f"  {group}: {count:,}")
    for reason, count in found.refused.items():
        rows = ", ".join(str(each[0]) for each in found.examples.get(f"refused {reason}", []))
        click.echo(f"  refused, {reason}: {count:,} (first rows: {rows}). {SENTENCES[Reason(reason)]}")
    for state, count in found.recorded.items():
        click.echo(f"  consents, {state}: {count:,}")
    for outcome, count in found.consents.items():
        if outcome != jobs.CHANGED:
            click.echo(f"  consents not recorded, {outcome}: {count:,}")
    return found.rows > found.refused_rows
