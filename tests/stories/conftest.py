"""The cast: max the admin, ana the agent, sam the subscriber, eve the stranger. ``shop`` is the shop's own server."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.make import SAMS_NUMBER
from tests.web import pages
from tests.web.api.client import Calls, calls


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
    """Sam's browser. Nobody signs in there."""
    return app.test_client()


@pytest.fixture
def eve(app: Flask) -> FlaskClient:
    """Eve's browser."""
    return app.test_client()


@pytest.fixture
def shop(app: Flask) -> Calls:
    """The shop's server with its API token."""
    return calls(app)


@pytest.fixture
def offers(shop: Calls) -> str:
    """The id of a live subscription type for texts, which asks before it sends."""
    return shop.live_type(name="Weekly offers")


@pytest.fixture
def sams_id(shop: Calls) -> str:
    """Sam's id as a customer of the shop, who has given a number."""
    return shop.contact(external_id="sam", name="Sam Rivera", phone=SAMS_NUMBER)
