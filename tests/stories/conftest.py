"""The cast: max the admin, ana the agent, sam the subscriber, eve the stranger. ``shop`` is the shop's own server."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.make import SAMS_NUMBER
from tests.web import pages
from tests.web.api.client import ApiClient, api_client


@pytest.fixture
def max_(app: Flask) -> FlaskClient:
    """Max's browser, signed in."""
    return pages.admin(app)


@pytest.fixture
def ana(app: Flask) -> FlaskClient:
    """Ana's browser, signed in."""
    return pages.agent(app)


@pytest.fixture
def sam(app: Flask) -> FlaskClient:
    """Sam's browser. No one signs in there."""
    return app.test_client()


@pytest.fixture
def eve(app: Flask) -> FlaskClient:
    """Eve's browser."""
    return app.test_client()


@pytest.fixture
def shop(app: Flask) -> ApiClient:
    """The shop's server with its API token."""
    return api_client(app)


@pytest.fixture
def offers(shop: ApiClient) -> str:
    """The id of a live opt-in type for texts."""
    return shop.live_type(name="Weekly offers")


@pytest.fixture
def sams_id(shop: ApiClient) -> str:
    """The id of Sam's contact, which has a number."""
    return shop.contact(external_id="sam", name="Sam Rivera", phone=SAMS_NUMBER)
