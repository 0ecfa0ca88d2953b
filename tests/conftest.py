"""Two real databases and the application over each. Only clocks and carriers are faked.

``database``, ``app`` and ``client`` use an installation that the tests of a process share (``tests.installations``).
Tests of folders whose SQL differs between the databases run on both (``BOTH``); the others on SQLite, unless the
marker ``databases`` says otherwise.
"""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import URL

from app import config
from app.core.accounts import agents
from app.db import Database
from app.web.services import services_of
from app.web.sign_in import setup as sign_in
from tests import installations
from tests.installations import Installation, make_app

TESTS = Path(__file__).parent
KINDS = ("sqlite", "postgresql")
# Folders and files that hold SQL, or run several processes over it.
BOTH = (
    "core",
    "db",
    "jobs",
    "stories",
    "test_cli.py",
    "test_db.py",
    "test_migrations.py",
    "web/test_health.py",
    "web/api/test_contacts.py",
    "web/api/test_conversations.py",
    "web/api/test_merging.py",
    "web/api/test_search.py",
    "web/api/test_segments.py",
    "web/api/test_subscriptions.py",
    "web/embed/test_answers.py",
    "web/embed/test_undo.py",
)
# Shared by all test processes and kept over test runs, in a temporary folder; a changed source is compiled again.
_COMPILED_TEMPLATES = FileSystemBytecodeCache()
_MEMORY, _MEMORY_BYTES_MIN = Path("/dev/shm"), 3 << 30  # noqa: S108 - only mkdtemp and pytest write there


def pytest_configure() -> None:
    """Write everything to memory where there is enough of it: no test cuts the power.

    Property tests try the same examples in each run, so that a change that breaks nothing does not fail by chance.
    ``pytest --hypothesis-profile=random`` tries others. No example has a time limit.
    """
    hypothesis.settings.register_profile("random", deadline=None)
    hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
    hypothesis.settings.load_profile("repeatable")
    if "TMPDIR" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _MEMORY_BYTES_MIN:
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import the browser's tests, and Playwright with them, where none of them is to run."""
    return True if collection_path == TESTS / "browser" and config.option.markexpr == "not browser" else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Leave modules and collected tests out of garbage collection, which would look at them again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)
        gc.enable()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Decide on which databases a test runs."""
    if "installation" in metafunc.fixturenames:
        metafunc.parametrize("installation", _kinds(metafunc.definition), indirect=True)


def _kinds(test: pytest.Item) -> tuple[str, ...]:
    if marker := test.get_closest_marker("databases"):
        return marker.args
    place = test.path.relative_to(TESTS)
    return KINDS if any(place.is_relative_to(each) for each in BOTH) else KINDS[:1]


@pytest.fixture(autouse=True)
def quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make cheap what is expensive on purpose, except for tests that are about it."""
    monkeypatch.setattr(Flask, "jinja_options", {"bytecode_cache": _COMPILED_TEMPLATES})
    if "real_passwords" not in request.keywords:
        cheap = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}
        options = {f"argon2__{name}": value for name, value in cheap.items()}
        monkeypatch.setattr(agents, "_HASHER", PasswordHasher(**cheap))
        monkeypatch.setitem(sign_in._POLICY, "PASSWORD_HASH_PASSLIB_OPTIONS", options)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    return installations.sqlite_template(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def postgresql_template() -> Iterator[URL]:
    """The migrated template database on the PostgreSQL server of this test process.

    Not in a folder of pytest's: other users must be able to enter it, and each pytest forbids that again.
    """
    # one server for each test process: an open transaction in any database of a server holds back its change feeds
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", os.urandom(8).hex()) + os.environ.get("PYTEST_XDIST_WORKER", "")
    with installations.postgresql_server(Path(tempfile.gettempdir()) / f"assent-pg-{run}") as url:
        yield url


@pytest.fixture(scope="session")
def shared_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return installations.shared_sqlite(sqlite_template, tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def shared_postgresql(postgresql_template: URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installations.shared_postgresql(postgresql_template, tmp_path_factory.mktemp("instance")) as made:
        yield made


@pytest.fixture
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """A fresh, migrated installation: the shared one, or with the marker ``own_database`` one for this test."""
    with ExitStack() as stack:
        if "own_database" in request.keywords:
            if request.param == "sqlite":
                template = request.getfixturevalue("sqlite_template")
                found = stack.enter_context(installations.own_sqlite(template, tmp_path))
            else:
                template = request.getfixturevalue("postgresql_template")
                found = stack.enter_context(installations.own_postgresql(template, tmp_path))
        else:
            found = request.getfixturevalue(f"shared_{request.param}")
            found.reset()
        yield found
        found.end_test()


@pytest.fixture
def settings(installation: Installation) -> config.Settings:
    """Settings for a fresh, migrated database."""
    return installation.settings


@pytest.fixture
def database(installation: Installation) -> Database:
    """The database alone, for tests of rules."""
    return installation.database


@pytest.fixture
def app(request: pytest.FixtureRequest, installation: Installation) -> Iterator[Flask]:
    """The web application; ``tests.web.pages`` signs in and reads pages.

    Tests that change the application get their own by the marker ``own_app``.
    """
    if not {"own_app", "real_passwords"} & set(request.keywords):
        yield installation.app
        return
    made = make_app(installation.settings)
    yield made
    services_of(made).database.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
