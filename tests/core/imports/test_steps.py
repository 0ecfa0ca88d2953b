"""Imports and their dry runs, on both databases."""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from app.core import clock
from app.core.bulk import files as bulk_files
from app.core.bulk import jobs
from app.core.errors import InvalidInput
from app.core.imports import drafts, rows_ahead
from app.core.imports.options import ConsentFrom
from app.core.imports.report import refused_data, refused_file
from app.core.ledger.verify import verify as verify_ledger
from app.db import Database
from app.jobs import run_bulk_jobs
from app.models import ConsentState, FilePurpose
from bench import bulk_kills, import_kills
from tests import make
from tests.core.imports import export, files
from tests.installations import SECRET_KEY, Installation


def test_a_small_file_becomes_contacts_with_consents(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session).id
    data = files.as_csv(
        [
            ["Email", "Phone Number", "First Name", "Last Name", "Tags"],
            ["sam@example.com", "+447400123456", "Sam", "Sailor", "vip, harbour"],
            ["eve@example.com", "07400 123457", "Eve", "", ""],
            ["", "not a number", "X", "", ""],
        ]
    )
    _, report = files.run(database, data, default_country="GB", **files.opted_in(subscription_type_id=offers))
    assert report.groups == {"new": 2}
    assert report.refused == {"number_invalid": 1}
    assert report.recorded == {"opted_in": 2}
    assert [each.phone for each in files.contacts(database)] == ["+447400123456", "+447400123457"]
    assert set(files.consents(database).values()) == {ConsentState.OPTED_IN}
    _, again = files.run(database, data, default_country="GB", **files.opted_in(subscription_type_id=offers))
    assert again.groups == {"unchanged": 2}
    assert again.consents == {"unchanged": 2}


def test_a_realistic_export_with_sixty_defects_of_twelve_kinds(database: Database) -> None:
    table, defects = export.rows()
    subscribed = next(row for row in table if row[6] == "SUBSCRIBED" and row[4].startswith("+44"))
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        left = make.contact(session, external_id=subscribed[1], phone_number=subscribed[4])
        make.opt_out(session, left, offers)
        type_id, left_id = offers.id, left.id
    options = {"subscription_type_id": type_id, "consent": ConsentFrom.COLUMN, "note": files.NOTE}
    columns = [
        *("email", "external_id", "first_name", "last_name", "phone", "country", "consent", "consent_at"),
        *("attribute:text:Plan", "tags"),
    ]
    job_id, report = files.run(database, files.as_csv(table), columns, **options)
    expected: dict[str, int] = {}
    for kind, (reason, _) in export.DEFECTS.items():
        expected[reason] = expected.get(reason, 0) + len(defects[kind])
    assert report.refused == expected
    assert report.refused_rows == 60
    assert report.groups == {"new": 939, "changed": 1}
    assert refused_rows(database, job_id) == {
        number: export.DEFECTS[kind][0] for kind, numbers in defects.items() for number in numbers
    }
    spoiled = {number for numbers in defects.values() for number in numbers}
    said = [row[6] for number, row in enumerate(table[1:], start=2) if number not in spoiled]
    assert report.recorded == {
        "opted_in": said.count("SUBSCRIBED") - 1,
        "opted_out": said.count("UNSUBSCRIBED") + said.count("false"),
    }
    assert report.consents["changed_since"] == 1
    assert report.consents["no_answer"] == said.count("NEVER_SUBSCRIBED") + said.count("")
    assert files.consents(database)[left_id] == ConsentState.OPTED_OUT
    with database.read_only() as session:
        assert verify_ledger(database).is_tampered is False
        assert upload_is_gone(session, job_id)


def test_no_word_for_no_and_no_unknown_word_ever_opts_anybody_in(database: Database) -> None:
    with database.unit_of_work() as session:
        type_id = make.live_type(session).id
    words = ["no", "false", "0", "", "n", "NO", "never", "perhaps", "null", "unsubscribed", "yes please"]
    rows = [[f"p{i}@example.com", f"+4474001234{i:02d}", word] for i, word in enumerate(words)]
    options = {"subscription_type_id": type_id, "consent": ConsentFrom.COLUMN, "note": files.NOTE}
    data, columns = files.as_csv([["Email", "Phone", "Consent"], *rows]), ["email", "phone", "consent"]
    _, report = files.run(database, data, columns, **options)
    assert set(report.recorded) == {"opted_out"}
    assert report.consents["unknown_answer"] == 3
    for word in ("no", "false", "0", "never subscribed"):
        with pytest.raises(InvalidInput, match="never means"):
            files.decide(database, files.upload(database, data), columns, **options, yes_words=("yes", word))


@pytest.mark.parametrize("way", [ConsentFrom.COLUMN, ConsentFrom.ALL])
def test_who_wants_no_messages_is_not_opted_in(database: Database, way: ConsentFrom) -> None:
    with database.unit_of_work() as session:
        type_id = make.live_type(session).id
    rows = [
        [f"p{i}@example.com", f"+4474001234{i:02d}", "true", wants] for i, wants in enumerate(["true", "", "False"])
    ]
    data = files.as_csv([["email", "phone_number", "sms_optin", "gdpr_optin"], *rows])
    options = {"subscription_type_id": type_id, "consent": way, "state": ConsentState.OPTED_IN, "note": files.NOTE}
    _, report = files.run(database, data, ["email", "phone", "consent", "gdpr_optin"], **options)
    assert (report.recorded, report.consents["gdpr_optout"]) == ({"opted_in": 2}, 1)


@pytest.mark.databases("postgresql")
@pytest.mark.own_database
def test_an_import_whose_worker_is_killed_imports_each_row_once(installation: Installation) -> None:
    database, settings = installation.database, installation.settings
    environ = {"ASSENT_INSTANCE": str(settings.instance), "ASSENT_SECRET_KEY": SECRET_KEY}
    environ |= {"ASSENT_DATABASE_URL": settings.database_url}
    job_id = import_kills.start(database, 5_400)  # two chunks
    assert bulk_kills.run_with_kills(database, environ, job_id, kills=1, lease_s=0.2, within_s=0.0) == 1
    assert import_kills.checked(database, job_id)["contacts"] == 5_394


@pytest.mark.parametrize("at_statement", [3, 6, 9])
def test_a_chunk_that_is_killed_is_done_once_after_the_restart(
    database: Database, monkeypatch: pytest.MonkeyPatch, at_statement: int
) -> None:
    with database.unit_of_work() as session:
        type_id = make.live_type(session).id
    monkeypatch.setattr(rows_ahead, "ROWS_MAX", 4)
    rows = [[f"p{i}@example.com", f"+4474001234{i:02d}", "vip"] for i in range(10)]
    data = files.as_csv([["Email", "Phone", "Tags"], *rows, ["p0@example.com", "", ""]])
    job_id = files.upload(database, data)
    files.decide(database, job_id, **files.opted_in(subscription_type_id=type_id))
    with database.unit_of_work() as session:
        drafts.start(session, drafts.lock(session, job_id), at=clock.now())
    assert run_bulk_jobs.run_part(database, job_id, "first", seconds=0)
    countdown = [at_statement]

    def die(_text: str) -> None:
        countdown[0] -= 1
        if countdown[0] == 0:
            raise KeyboardInterrupt

    engine = database.engine
    with killed(engine, die), pytest.raises(KeyboardInterrupt):
        run_bulk_jobs.run_part(database, job_id, "first", seconds=0)
    assert len(files.contacts(database)) == 4
    while run_bulk_jobs.run_part(database, job_id, "first"):
        pass
    report = files.report(database, job_id)
    assert (report.groups, report.refused) == ({"new": 10}, {"duplicate_in_file": 1})
    assert report.recorded == {"opted_in": 10}
    assert len(files.contacts(database)) == len(files.consents(database)) == 10


def refused_rows(database: Database, job_id: int) -> dict[int, str]:
    """The reasons in the file of refused rows, by the number of the row."""
    with database.read_only() as session:
        file = refused_file(session, jobs.find(session, job_id))
        assert file
        text = refused_data(session, file).decode("utf-8-sig")
    head, *lines = csv.reader(io.StringIO(text))
    assert head[-3:] == ["Row", "Refused because", "What to do"]
    return {int(line[-3]): line[-2] for line in lines}


def upload_is_gone(session: Session, job_id: int) -> bool:
    return bulk_files.of_job(session, job_id, FilePurpose.UPLOAD) == []


@contextmanager
def killed(engine: Engine, die: Callable[[str], None]) -> Iterator[None]:
    """Call a function before each statement."""

    def before(_conn: object, _cursor: object, statement: str, *_more: object) -> None:
        die(statement)

    event.listen(engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", before)
