"""What a page of another site learns about a form that it shows."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.db import Database
from tests import make

SHOP, EVE = "https://shop.example.com", "https://eve.example.com"


@pytest.fixture
def database(app: Flask) -> Database:
    database: Database = app.extensions["assent"].database
    return database


@pytest.fixture
def key(database: Database) -> str:
    with database.unit_of_work() as session:
        return make.form(session, allowed_origins=(SHOP,)).key


def identify(client: FlaskClient, key: str, origin: str, body: str = "{}") -> TestResponse:
    return client.post(f"/f/form/{key}/identify", data=body, headers={"Origin": origin, "Sec-Fetch-Site": "cross-site"})


def test_an_allowed_page_gets_the_address_of_the_form(client: FlaskClient, key: str) -> None:
    for origin in (SHOP, "http://localhost"):
        response = identify(client, key, origin)
        assert response.json == {"embed_url": f"http://localhost/f/form/{key}"}
        assert response.headers["Access-Control-Allow-Origin"] == origin
        assert "Origin" in response.headers["Vary"]


def test_another_page_learns_only_why_the_form_is_not_shown(client: FlaskClient, key: str) -> None:
    for origin in (EVE, "null", ""):
        response = identify(client, key, origin)
        assert (response.status_code, response.json) == (403, {"error": "origin_not_allowed"})
        assert response.headers["Access-Control-Allow-Origin"] == "*"
    response = identify(client, "no-such-form", SHOP)
    assert (response.status_code, response.json) == (404, {"error": "not_found"})
    assert response.headers["Access-Control-Allow-Origin"] == "*"
