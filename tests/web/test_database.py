"""Flask-SQLAlchemy owns engines and sessions of the web; mounted applications share them."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.models import Contact
from app.web import mounts
from app.web.database import BoundSession, db
from app.web.services import read_only, services_of, unit_of_work
from tests import make


def test_the_database_uses_the_engines_of_flask_sqlalchemy(app: Flask) -> None:
    with app.app_context():
        engines = set(db.engines.values())
        assert services_of(app).database.engine is db.engine
    assert len(engines) == (1 if services_of(app).database.is_sqlite else 2)


def test_a_session_of_a_unit_of_work_is_db_session_and_uses_its_own_connection(app: Flask) -> None:
    with app.app_context(), unit_of_work() as session:
        assert db.session() is session
        assert isinstance(session, BoundSession)
        assert session.get_bind() is session.bind
        assert session.connection() is session.bind


def test_a_unit_of_work_inside_a_read_has_its_own_session(app: Flask) -> None:
    with app.app_context(), read_only() as reading:
        with unit_of_work() as writing:
            assert writing is not reading
            make.contact(writing)
        assert db.session() is reading
        assert reading.scalar(select(func.count()).select_from(Contact)) == 1


@pytest.mark.parametrize("transaction", [unit_of_work, read_only])
def test_no_session_remains_after_a_block(app: Flask, transaction: object) -> None:
    with app.app_context():
        with pytest.raises(ZeroDivisionError), transaction():  # type: ignore[operator]
            raise ZeroDivisionError
        assert not db.session.registry.has()
        assert len(db.session.registry.registry) == 0  # type: ignore[attr-defined]


def test_a_mounted_application_uses_the_engines_of_the_main_application(app: Flask) -> None:
    surface = mounts.create_surface(app, "tests.surface")
    with surface.app_context(), unit_of_work() as session:
        make.contact(session)
        assert db.session() is session
    with app.app_context(), read_only() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 1
