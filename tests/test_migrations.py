"""The schema: what migrations make is what the models say, and what must never change is refused by the database."""

import contextlib
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DatabaseError

from app import config, migrations
from app.core import wording
from app.core.errors import InvalidState
from app.core.workspace import bootstrap
from app.core.workspace import settings as workspace
from app.db import Database
from app.jobs import queue
from app.models import (
    Action,
    Base,
    DeliveryState,
    DisabledReason,
    EvidenceLevel,
    LedgerSeal,
    Role,
    Source,
    SuppressionCause,
)
from app.models.contact import ONLY_ON
from app.models.ledger import UNSEALED_ORDER
from tests import make
from tests.processes import PATIENCE_S
from tests.test_cli import empty

# Of tests that change the schema; those that change rows are quicker on the shared one.
changes_the_schema = pytest.mark.own_database

TRIGGERS = {
    "audit_entries_refuse_delete",
    "audit_entries_refuse_update",
    "consent_events_refuse_delete",
    "consent_events_refuse_update",
    "consent_evidence_refuse_delete",
    "consent_evidence_refuse_update",
    "ledger_seals_refuse_delete",
    "ledger_seals_refuse_update",
    "optin_form_texts_refuse_delete",
    "optin_form_texts_refuse_update",
    "optin_form_versions_refuse_delete",
    "optin_form_versions_refuse_update",
    "subscription_types_refuse_update",
    "wordings_refuse_delete",
    "wordings_refuse_update",
}
SEARCH_TRIGGERS = {"messages_search_delete", "messages_search_insert", "messages_search_update"}
NEVER_EMPTIED = (
    "audit_entries",
    "consent_events",
    "consent_evidence",
    "ledger_seals",
    "optin_form_texts",
    "optin_form_versions",
    "wordings",
)
SQLITE_TRIGGERS = SEARCH_TRIGGERS | {f"{table}_refuse_insert" for table in (*NEVER_EMPTIED, "subscription_types")}
POSTGRESQL_TRIGGERS = {f"{table}_refuse_truncate" for table in NEVER_EMPTIED}
# One row of each that would take the place of the one that is there.
REPLACED = {
    "audit_entries": "actor = 'agent:9'",
    "consent_events": "action = 'opt_out'",
    "consent_evidence": "destination = '+12025550199'",
    "wordings": "body = 'other words'",
    "ledger_seals": "count = 2",
    "optin_form_versions": "accent_color = '#000000'",
    "optin_form_texts": "legal_text = 'other words'",
    "subscription_types": "channel = 'email'",
}
ERASE = (
    "UPDATE consent_evidence SET erased_at = '2026-11-02 12:00:00+00', "
    "destination = NULL, ip_address = NULL, user_agent = NULL, origin = NULL, "
    "page = NULL, locale = NULL, wording_hash = NULL, note = NULL, details = NULL, salt = NULL"
)
REFUSED = (
    "UPDATE audit_entries SET actor = 'agent:9'",
    "DELETE FROM audit_entries",
    "DELETE FROM consent_events",
    "UPDATE consent_events SET contact_id = contact_id + 1",
    "UPDATE consent_events SET action = 'opt_out'",
    "UPDATE consent_events SET occurred_at = recorded_at, destination_hash = NULL",
    "UPDATE consent_events SET facts = NULL, is_persons_word = NOT is_persons_word",
    "UPDATE consent_evidence SET destination = '+12025550199'",
    "UPDATE consent_evidence SET destination = destination",
    "UPDATE consent_evidence SET destination = NULL",
    "UPDATE consent_evidence SET erased_at = '2026-11-02 12:00:00+00'",
    ERASE.replace("note = NULL", "note = 'kept'"),
    ERASE.replace(", salt = NULL", ""),
    f"{ERASE}, event_id = event_id + 1",
    "UPDATE consent_events SET recorded_xid = 1",
    "DELETE FROM consent_evidence",
    "UPDATE wordings SET body = 'other words'",
    "DELETE FROM wordings",
    "UPDATE optin_form_versions SET accent_color = '#000000'",
    "DELETE FROM optin_form_versions",
    "UPDATE optin_form_texts SET legal_text = 'other words'",
    "DELETE FROM optin_form_texts",
    "UPDATE subscription_types SET channel = 'email'",
    "UPDATE subscription_types SET consent_type = 'opt_out'",
    "UPDATE ledger_seals SET count = count + 1",
    "DELETE FROM ledger_seals",
)


@pytest.fixture
def used(database: Database) -> Database:
    """A database with one event, its evidence, its words, and a seal."""
    with database.unit_of_work() as session:
        kind = make.live_type(session)
        make.form(session, kind)
        make.opt_in(
            session,
            make.contact(session, phone_number=make.SAMS_NUMBER),
            kind,
            evidence=make.evidence(words=wording.freeze("en", {"form_title": "Texts"})),
        )
        hashes = dict.fromkeys(("previous", "root", "leaves", "signature"), b"0")
        session.add(LedgerSeal(id=1, version=1, count=1, ids=[[1, 1]], key_id="k", sealed_at=make.NOON, **hashes))
    return database


# SQLite's are no indexes of expressions, and PostgreSQL's are compared where they stand.
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index:UserWarning")
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@changes_the_schema
def test_what_migrations_make_is_what_the_models_say(settings: config.Settings, database: Database) -> None:
    queue.create_tables(settings, database)
    only_on = {"postgresql": {UNSEALED_ORDER.name}, "sqlite": set[str]()}
    for dialect, indexes in ONLY_ON.items():
        only_on[dialect] |= {index.name for index in indexes}
    others = only_on["postgresql" if database.is_sqlite else "sqlite"]
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": False,
                "include_name": is_ours,
                "include_object": lambda _each, name, *_more: name not in others,
            },
        )
        assert compare_metadata(context, Base.metadata) == []


def test_every_constraint_of_the_models_stands(database: Database) -> None:
    found = inspect(database.engine)
    for table in Base.metadata.sorted_tables:
        checks = {str(check["name"]) for check in found.get_check_constraints(table.name)}
        wanted = {str(each.name) for each in table.constraints if type(each).__name__ == "CheckConstraint"}
        assert wanted <= checks, table.name
        foreign = {tuple(key["constrained_columns"]) for key in found.get_foreign_keys(table.name)}
        assert {tuple(key.column_keys) for key in table.foreign_key_constraints} == foreign, table.name


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("agents", "role", Role),
        ("consent_events", "action", Action),
        ("consent_events", "evidence_level", EvidenceLevel),
        ("consent_events", "source", Source),
        ("suppressions", "cause", SuppressionCause),
        ("webhook_deliveries", "state", DeliveryState),
        ("webhook_endpoints", "disabled_reason", DisabledReason),
    ],
)
def test_the_database_admits_every_word_of_an_enumeration(
    table: str, column: str, values: Iterable[str], database: Database
) -> None:
    checks = {check["name"]: check["sqltext"] for check in inspect(database.engine).get_check_constraints(table)}
    admitted = set(re.findall(r"'(\w+)'", checks[f"ck_{table}_{column}"]))
    assert admitted == {str(each) for each in values}


def test_every_trigger_stands(database: Database) -> None:
    with database.engine.connect() as connection:
        assert triggers(connection) == TRIGGERS | (SQLITE_TRIGGERS if database.is_sqlite else POSTGRESQL_TRIGGERS)


@pytest.mark.parametrize("statement", REFUSED)
def test_what_must_never_change_is_refused_by_the_database(statement: str, used: Database) -> None:
    with pytest.raises(DatabaseError, match=r"append-only|never|frozen"), used.unit_of_work() as session:
        session.execute(text(statement))


@pytest.mark.parametrize("table", NEVER_EMPTIED)
def test_what_must_never_go_cannot_be_emptied_or_replaced(table: str, used: Database) -> None:
    if used.is_sqlite:
        statement = f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"  # noqa: S608
    else:
        statement = f"TRUNCATE {table} CASCADE"
    with pytest.raises(DatabaseError, match=r"append-only|never|frozen"), used.unit_of_work() as session:
        session.execute(text(statement))


@pytest.mark.databases("sqlite")  # PostgreSQL has no INSERT OR REPLACE
@pytest.mark.parametrize("table", REPLACED)
def test_a_row_that_never_changes_cannot_be_replaced_without_recursive_triggers(table: str, used: Database) -> None:
    column, value = REPLACED[table].split(" = ")
    with contextlib.closing(sqlite3.connect(str(used.file))) as connection:
        connection.execute("PRAGMA recursive_triggers=OFF")
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        chosen = ", ".join(value if each == column else each for each in columns)
        with pytest.raises(sqlite3.DatabaseError, match=r"append-only|never|frozen"):
            connection.execute(f"INSERT OR REPLACE INTO {table} SELECT {chosen} FROM {table}")  # noqa: S608


@pytest.mark.databases("sqlite")  # PostgreSQL has no row ids
@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("wordings", {"hash": "another", "body": "other words"}),
        ("optin_form_texts", {"locale": "de", "legal_text": "other words"}),
    ],
)
def test_a_row_that_never_changes_cannot_be_replaced_by_its_hidden_row_id(
    table: str, values: dict[str, str], used: Database
) -> None:
    with contextlib.closing(sqlite3.connect(str(used.file))) as connection:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        chosen = ", ".join(f"'{values[each]}'" if each in values else each for each in columns)
        statement = f"INSERT OR REPLACE INTO {table} (rowid, {', '.join(columns)}) SELECT rowid, {chosen} FROM {table}"  # noqa: S608
        with pytest.raises(sqlite3.DatabaseError, match=r"never|frozen"):
            connection.execute(statement)


def test_the_words_of_a_type_may_change_though_its_channel_may_not(used: Database) -> None:
    with used.unit_of_work() as session:
        session.execute(text("UPDATE subscription_types SET name = 'News', state = 'archived'"))


def test_evidence_may_be_erased_once_while_its_event_stays(used: Database) -> None:
    with used.unit_of_work() as session:
        session.execute(text(ERASE))
        assert session.execute(text("SELECT count(*) FROM consent_events")).scalar() == 1
    with pytest.raises(DatabaseError, match="never"), used.unit_of_work() as session:
        session.execute(text(ERASE))


@pytest.mark.parametrize("revision", ["0001", "0006", "0007"])
def test_a_database_from_before_the_first_release_is_refused_in_one_sentence(revision: str, database: Database) -> None:
    with database.unit_of_work() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    with pytest.raises(InvalidState, match=r"^This database is from before the first release [^.]+\.$"):
        bootstrap.make_ready(database)


@changes_the_schema
def test_a_database_whose_first_migration_was_another_is_refused_in_one_sentence(database: Database) -> None:
    with database.unit_of_work() as session:
        session.execute(text("ALTER TABLE idempotency_keys DROP COLUMN subjects"))
    with pytest.raises(
        InvalidState, match=r"^This database is of an unreleased version[^.]+idempotency_keys\.subjects”"
    ):
        bootstrap.make_ready(database)


def test_a_database_of_a_newer_version_is_refused_in_one_sentence(database: Database) -> None:
    with database.unit_of_work() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999_later'"))
    with pytest.raises(InvalidState, match=r"^This database is of a newer version [^.]+\.$"):
        bootstrap.make_ready(database)
    # Nor does what asks whether it is ready advise an upgrade, which would be refused.
    assert bootstrap.why_not_ready(database) == "the database is of a newer version (revision 9999_later)"


@changes_the_schema
def test_a_database_with_tables_of_the_same_names_is_refused_and_left_as_it_is(database: Database) -> None:
    with database.unit_of_work() as session:
        session.execute(text("DROP TABLE alembic_version"))
    with database.engine.connect() as connection:
        before = shape(connection)
    with pytest.raises(InvalidState, match=r"^This database holds the table “agent_notices”[^.]+\.$"):
        bootstrap.make_ready(database)
    with database.engine.connect() as connection:
        assert shape(connection) == before


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    with database.engine.connect() as connection:
        before = shape(connection)
    bootstrap.make_ready(database)
    migrations.upgrade(database)
    with database.engine.connect() as connection:
        assert shape(connection) == before
        assert migrations.current_revision(connection) == migrations.head_revision()


@changes_the_schema
def test_two_that_upgrade_a_new_database_at_once_come_one_after_the_other(settings: config.Settings) -> None:
    if settings.is_sqlite:
        (settings.instance / "assent.db").unlink()
    else:
        empty(settings)
    failed: list[BaseException] = []

    def upgrade() -> None:
        opened = bootstrap.open_database(settings, connections=2)
        try:
            bootstrap.make_ready(opened)
        except BaseException as problem:
            failed.append(problem)
        finally:
            opened.close()

    both = [threading.Thread(target=upgrade) for _ in range(4)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert failed == []


def test_two_that_make_the_workspace_at_once_agree_on_one(settings: config.Settings, database: Database) -> None:
    with database.unit_of_work() as session:
        session.execute(text("DELETE FROM workspace"))
    other = threading.Thread(target=bootstrap.make_ready, args=(database,))
    with database.unit_of_work() as session:
        if not database.is_sqlite:
            workspace.ensure(session, at=make.NOON)
        other.start()
        other.join(0.5)
        workspace.ensure(session, at=make.NOON)
    other.join(PATIENCE_S)
    with database.read_only() as session:
        assert workspace.get(session).created_at == make.NOON


@changes_the_schema
def test_an_upgrade_that_fails_leaves_nothing_behind(settings: config.Settings) -> None:
    if settings.is_sqlite:
        (settings.instance / "assent.db").unlink()
    else:
        empty(settings)
    opened = bootstrap.open_database(settings)
    with opened.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE other (in_the_way INTEGER)")
        connection.exec_driver_sql("CREATE INDEX ix_messages_inserted_form_id ON other (in_the_way)")
    with pytest.raises(DatabaseError):
        bootstrap.make_ready(opened)
    with opened.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {"other"}
    opened.close()


def is_ours(name: str | None, kind: str, _parents: Any) -> bool:
    """Huey's tables are its own; SQLite's index of words is no table of the models."""
    return kind != "table" or not str(name).startswith(("huey_", "message_search"))


def triggers(connection: Connection) -> set[str]:
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.dialect.name == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    return set(connection.execute(text(query)).scalars())


def shape(connection: Connection) -> dict[str, list[str]]:
    found = inspect(connection)
    tables = {name: [str(column["name"]) for column in found.get_columns(name)] for name in found.get_table_names()}
    return tables | {"triggers": sorted(triggers(connection))}


@pytest.fixture(autouse=True)
def _closed(database: Database) -> Iterator[None]:
    yield
    database.close()
