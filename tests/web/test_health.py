"""Is the process up, can it work."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import config, create_app
from app.db import Database
from tests.installations import SECRET_KEY
from tests.processes import free_port


def test_a_process_that_is_up_says_so_whatever_the_database_does(settings: config.Settings) -> None:
    app = create_app(out_of_reach(settings))
    answer = app.test_client().get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_a_process_that_can_work_is_ready(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (200, "ready\n")


def test_readiness_is_no_secret_and_never_cached(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


def test_a_database_out_of_reach_is_said_without_its_address(settings: config.Settings) -> None:
    answer = create_app(out_of_reach(settings)).test_client().get("/readyz")
    assert answer.status_code == 503
    assert "cannot be used" in answer.text
    assert "very-secret" not in answer.text


def test_a_database_that_is_not_migrated_is_said_with_the_command(app: Flask, database: Database) -> None:
    with database.unit_of_work() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert "assent db upgrade" in answer.text


def test_another_secret_key_is_said(settings: config.Settings) -> None:
    environ = {
        "ASSENT_INSTANCE": str(settings.instance),
        "ASSENT_DATABASE_URL": settings.database_url,
        "ASSENT_SECRET_KEY": SECRET_KEY[::-1],
    }
    made = create_app(config.load(environ))
    answer = made.test_client().get("/readyz")
    assert answer.status_code == 503
    assert "ASSENT_SECRET_KEY" in answer.text
    made.extensions["assent"].database.close()


@pytest.mark.parametrize(("folder", "said"), [("template_folder", "templates"), ("static_folder", "static files")])
def test_missing_templates_or_static_files_make_it_not_ready_without_naming_a_path(
    folder: str, said: str, app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, folder, str(tmp_path))
    response = app.test_client().get("/readyz")
    assert (response.status_code, response.text) == (503, f"the installation is incomplete: {said} are missing\n")


def out_of_reach(settings: config.Settings) -> config.Settings:
    """The same installation with a PostgreSQL that nobody runs."""
    url = f"postgresql://assent:very-secret@127.0.0.1:{free_port()}/assent"
    environ = {
        "ASSENT_INSTANCE": str(settings.instance),
        "ASSENT_DATABASE_URL": url,
        "ASSENT_SECRET_KEY": SECRET_KEY,
    }
    return config.load(environ)
