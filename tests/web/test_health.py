"""Liveness and readiness."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import make_url

from app import config, create_app
from app.db import Database
from tests.installations import SECRET_KEY, administer, own_sqlite
from tests.processes import free_port


def test_healthz_is_200_without_a_database(settings: config.Settings) -> None:
    app = create_app(unreachable(settings))
    response = app.test_client().get("/healthz")
    assert (response.status_code, response.text) == (200, "ok\n")


def test_readyz_is_200_when_everything_is_ready(client: FlaskClient) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.text) == (200, "ready\n")


def test_readyz_is_never_cached_and_sets_no_cookie(client: FlaskClient) -> None:
    response = client.get("/readyz")
    assert response.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response.headers


def test_readyz_reports_an_unreachable_database_without_its_address(settings: config.Settings) -> None:
    response = create_app(unreachable(settings)).test_client().get("/readyz")
    assert response.status_code == 503
    assert "cannot be used" in response.text
    assert "very-secret" not in response.text


def test_readyz_reports_an_unmigrated_database_with_the_command(app: Flask, database: Database) -> None:
    with database.unit_of_work() as session:
        session.connection().exec_driver_sql("DELETE FROM alembic_version")
    response = app.test_client().get("/readyz")
    assert response.status_code == 503
    assert "assent db upgrade" in response.text


@pytest.mark.own_database
@pytest.mark.databases("postgresql")
def test_readyz_reports_a_read_only_postgresql(settings: config.Settings) -> None:
    """As a standby is, or a database whose disk is nearly full."""
    url = make_url(settings.database_url)
    administer(url, f"ALTER DATABASE {url.database} SET default_transaction_read_only = on")
    app = create_app(settings)
    response = app.test_client().get("/readyz")
    assert (response.status_code, response.text) == (503, "the database is read-only: it may be a standby\n")
    app.extensions["assent"].database.close()


@pytest.mark.parametrize("made_read_only", ["assent.db", "assent.db-wal", "assent.db.lock", "."])
def test_readyz_reports_sqlite_files_that_cannot_be_written(made_read_only: str, sqlite_template: Path) -> None:
    with tempfile.TemporaryDirectory() as name, own_sqlite(sqlite_template, Path(name)) as installation:
        client = installation.app.test_client()
        with installation.database.unit_of_work() as session:
            session.connection().exec_driver_sql("UPDATE workspace SET name = 'Harbour Coffee'")
        assert client.get("/readyz").status_code == 200
        for each in (Path(name), *Path(name).iterdir()):
            each.chmod(0o777)
        with without_root():
            assert client.get("/readyz").status_code == 200
        Path(name, made_read_only).chmod(0o555)
        with without_root():
            response = client.get("/readyz")
        Path(name).chmod(0o777)
        installation.close()
    expected = "the database is read-only: its files or their folder cannot be written\n"
    assert (response.status_code, response.text) == (503, expected)


def test_readyz_reports_another_secret_key(settings: config.Settings) -> None:
    environ = {
        "ASSENT_INSTANCE": str(settings.instance),
        "ASSENT_DATABASE_URL": settings.database_url,
        "ASSENT_SECRET_KEY": SECRET_KEY[::-1],
    }
    other_app = create_app(config.load(environ))
    response = other_app.test_client().get("/readyz")
    assert response.status_code == 503
    assert "ASSENT_SECRET_KEY" in response.text
    other_app.extensions["assent"].database.close()


@pytest.mark.parametrize(("folder", "missing"), [("template_folder", "templates"), ("static_folder", "static files")])
def test_readyz_reports_missing_templates_or_static_files_without_a_path(
    folder: str, missing: str, app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, folder, str(tmp_path))
    response = app.test_client().get("/readyz")
    assert (response.status_code, response.text) == (503, f"the installation is incomplete: {missing} are missing\n")


@contextmanager
def without_root() -> Iterator[None]:
    """Give up the rights of root inside the block, because root may write everything."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def unreachable(settings: config.Settings) -> config.Settings:
    """The same installation with a PostgreSQL server that does not run."""
    url = f"postgresql://assent:very-secret@127.0.0.1:{free_port()}/assent"
    environ = {
        "ASSENT_INSTANCE": str(settings.instance),
        "ASSENT_DATABASE_URL": url,
        "ASSENT_SECRET_KEY": SECRET_KEY,
    }
    return config.load(environ)
