"""Backup and restore of a PostgreSQL database: each of our tables by COPY, all at one moment."""

from typing import Any

from psycopg import Connection as DriverConnection
from psycopg import errors, sql
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.exc import OperationalError

from app import migrations
from app.config import Settings
from app.core.backup import unfinished
from app.core.backup.archive import Backup, Content, Parts, TableContent
from app.core.backup.unfinished import Before
from app.core.errors import InvalidState
from app.core.workspace.bootstrap import UNFINISHED_RESTORE
from app.db import Database, take_alone
from app.models import Base

NAME = "postgresql"
# A transaction id has no meaning in another cluster: restored events get the id of the restoring transaction.
_OMITTED_COLUMNS = {
    ("consent_events", "recorded_xid"),
    ("ledger_seals", "up_to_xid"),
    ("ledger_seals", "up_to_id"),
}
_LAST_VALUE = text(
    "SELECT last_value FROM pg_sequences WHERE quote_ident(schemaname)||'.'||quote_ident(sequencename)=:name"
)
_SEQUENCE_OF = text("SELECT pg_get_serial_sequence(:table, 'id')")
_FUNCTIONS = text(
    r"SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE "
    r"n.nspname = current_schema() AND (p.proname = 'without_marks' OR "
    r"(p.prorettype = 'trigger'::regtype AND p.proname LIKE '%\_refuse\_%'))"
)


def write(database: Database, parts: Parts) -> Content:
    """Copy every table in one read-only transaction, which sees one moment. No writer waits for its locks."""
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with database.engine.connect().execution_options(**options) as connection:
        revision = migrations.current_revision(connection)
        columns = inspect(connection).get_multi_columns()
        tables = {
            table: _copy_out(connection, table, [each["name"] for each in columns[None, table]], parts)
            for table in _existing_tables(connection)
        }
        return Content(str(revision), tables, _sequences(connection, tables))


def is_empty(settings: Settings) -> bool:
    """Whether no table but ``workspace`` has rows."""
    database = Database(settings, connections=1)
    try:
        with database.engine.connect() as connection:
            return not any(
                connection.execute(select(Base.metadata.tables[table]).limit(1)).first() is not None
                for table in _existing_tables(connection)
                if table != "workspace"
            )
    finally:
        database.close()


def restore(settings: Settings, backup: Backup, before: Before) -> None:
    """Drop our tables, create them at the revision of the backup and fill them, all in one transaction.

    :raises InvalidState: another process has the database open
    """
    database = Database(settings, connections=1)
    try:
        with database.exclusive() as connection:
            if not take_alone(connection):
                raise InvalidState("The database is in use: stop web and worker first.")
            connection.execute(text("SET LOCAL lock_timeout = '5s'"))
            _drop(connection)
            migrations.upgrade_on(connection, backup.manifest.revision)
            for table in _existing_tables(connection):
                if table in backup.manifest.tables:
                    _copy_in(connection, table, backup)
            _set_sequences(connection, backup.manifest.sequences)
            connection.exec_driver_sql(unfinished.CREATE)
            note = text(f"INSERT INTO {UNFINISHED_RESTORE} VALUES (:record)")  # noqa: S608 - a constant
            connection.execute(note, {"record": before.as_text()})
    except OperationalError as problem:
        if isinstance(problem.orig, errors.LockNotAvailable):
            raise InvalidState("The database is in use: stop web and worker first.") from None
        raise
    finally:
        database.close()


def _existing_tables(connection: Connection) -> list[str]:
    """Our tables that exist, each after those that it refers to."""
    existing = set(inspect(connection).get_table_names())
    return [table.name for table in Base.metadata.sorted_tables if table.name in existing]


def _copy_out(connection: Connection, table: str, columns: list[str], parts: Parts) -> TableContent:
    columns = [column for column in columns if (table, column) not in _OMITTED_COLUMNS]
    statement = sql.SQL("COPY {} ({}) TO STDOUT").format(sql.Identifier(table), _column_list(columns))
    with parts.part(_part(table)) as writer, _driver(connection).cursor() as cursor:
        with cursor.copy(statement) as copy:
            for chunk in copy:
                writer.write(chunk)
        return TableContent(cursor.rowcount, columns)


def _copy_in(connection: Connection, table: str, backup: Backup) -> None:
    columns = backup.manifest.tables[table].columns
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), _column_list(columns))
    with _driver(connection).cursor() as cursor, cursor.copy(statement) as copy:
        for chunk in backup.chunks(_part(table)):
            copy.write(chunk)


def _sequences(connection: Connection, tables: dict[str, TableContent]) -> dict[str, int]:
    """The last value of each table's sequence. They are read after the rows, so no row has a higher id."""
    found = {}
    for table, content in tables.items():
        if "id" in content.columns and (name := _sequence_of(connection, table)):
            found[table] = int(connection.execute(_LAST_VALUE, {"name": name}).scalar_one() or 0)
    return found


def _set_sequences(connection: Connection, sequences: dict[str, int]) -> None:
    for table, last in sequences.items():
        if last and (name := _sequence_of(connection, table)):
            connection.execute(text("SELECT setval(:name, :last)"), {"name": name, "last": last})


def _sequence_of(connection: Connection, table: str) -> str | None:
    name: str | None = connection.execute(_SEQUENCE_OF, {"table": table}).scalar()
    return name


def _drop(connection: Connection) -> None:
    """Drop everything that migrations created: our tables, then the functions of their triggers and indexes."""
    for table in [*reversed(_existing_tables(connection)), "alembic_version"]:
        connection.exec_driver_sql(f'DROP TABLE IF EXISTS "{table}" CASCADE')
    connection.exec_driver_sql(unfinished.DROP)
    for function in connection.execute(_FUNCTIONS).scalars().all():
        connection.exec_driver_sql(f"DROP FUNCTION {function}")


def _column_list(columns: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(column) for column in columns)


def _part(table: str) -> str:
    return f"tables/{table}.copy"


def _driver(connection: Connection) -> DriverConnection[Any]:
    driver: DriverConnection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    return driver
