"""The application's own database, and signed-in people, for tests of pages."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.db import Database
from app.web.services import services_of
from tests.web import pages


@pytest.fixture
def database(app: Flask) -> Database:
    """The database object that the application uses, so that tests can count its statements."""
    return services_of(app).database


@pytest.fixture
def ana(app: Flask) -> FlaskClient:
    return pages.agent(app)


@pytest.fixture
def max_(app: Flask) -> FlaskClient:
    return pages.admin(app)
