"""Web and worker run as a PostgreSQL role that owns no table and cannot change the ledger."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DatabaseError

from app import config
from app.core import backup
from app.core.workspace import bootstrap
from app.db import Database
from app.jobs import housekeeping, queue, route_outbox
from tests.installations import administer, make_app
from tests.stories.test_erasure import known_in_every_way
from tests.web import pages
from tests.web.api.client import api_client

pytestmark = [pytest.mark.own_database, pytest.mark.databases("postgresql")]

ROLES = Path(__file__).parents[2] / "docs" / "deploy" / "roles.sql"
REFUSED = (
    "DELETE FROM consent_events",
    "DELETE FROM consent_evidence",
    "TRUNCATE consent_evidence",
    "UPDATE wordings SET body = 'other words'",
    "UPDATE optin_form_texts SET legal_text = 'other words'",
    "ALTER TABLE consent_events DISABLE TRIGGER ALL",
    "DROP TABLE consent_evidence",
    "SET session_replication_role = replica",
    "UPDATE alembic_version SET version_num = 'x'",
)


@pytest.fixture
def as_role(settings: config.Settings, database: Database) -> Iterator[config.Settings]:
    """The settings of web and worker, whose role is not the owner of the tables."""
    administer(settings.database_url, "CREATE ROLE assent LOGIN PASSWORD 'of-a-test'")
    queue.create_tables(settings, database)
    engine = create_engine(settings.database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(ROLES.read_text())
    url = make_url(settings.database_url).set(username="assent", password="of-a-test")
    yield replace(settings, database_url=url.render_as_string(hide_password=False))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP OWNED BY assent")
    engine.dispose()
    administer(settings.database_url, "DROP ROLE assent")


def test_everything_works_as_a_role_that_owns_no_table(as_role: config.Settings, tmp_path: Path) -> None:
    app = make_app(as_role)
    assert pages.admin(app).get("/admin/settings").status_code == 200
    contact = known_in_every_way(app, app.test_client())
    assert api_client(app).post(f"/contacts/{contact}/erase").status == 200
    database = bootstrap.open_database(as_role)
    assert bootstrap.why_not_ready(database) is None
    route_outbox.sweep_outbox(database)
    housekeeping.delete_expired(database)
    housekeeping.fail_late_webhooks(database)
    jobs = queue.open_queue(as_role, database)
    jobs.storage.enqueue(b"a job")
    assert jobs.storage.dequeue() == b"a job"
    jobs.storage.close()
    assert backup.write(as_role, database, tmp_path / "file.zip").rows > 20
    bootstrap.make_ready(database)  # as "assent serve" does; there is nothing to create
    queue.create_tables(as_role, database)
    database.close()
    app.extensions["assent"].database.close()


def test_the_role_cannot_change_the_ledger(as_role: config.Settings) -> None:
    database = bootstrap.open_database(as_role)
    for statement in REFUSED:
        with pytest.raises(DatabaseError, match=r"permission denied|must be owner"), database.unit_of_work() as session:
            session.execute(text(statement))
    database.close()
