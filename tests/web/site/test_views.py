"""A page of any site tells that one of the scripts runs there."""

import json

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.core import clock
from app.core.site import counts, sample_rows, snippets
from app.core.workspace import settings
from app.db import Database
from app.models import SiteCountKind
from app.web.services import services_of
from tests import make

SHOP = "https://shop.example.com"


@pytest.fixture
def key(database: Database) -> str:
    with database.unit_of_work() as session:
        return make.form(session).key


def tell(client: FlaskClient, body: str, origin: str = SHOP) -> TestResponse:
    return client.post("/site/seen", data=body, headers={"Origin": origin, "Content-Type": "text/plain;charset=UTF-8"})


def test_the_origin_of_a_script_is_kept_and_no_cookie_set(client: FlaskClient, database: Database, key: str) -> None:
    for _ in range(2):
        response = tell(client, json.dumps({"key": key, "script": "embed"}))
        assert (response.status_code, response.data) == (204, b"")
        assert "Set-Cookie" not in response.headers
    with database.read_only() as session:
        assert [each.origin for each in snippets.find(session)] == [SHOP]


@pytest.mark.parametrize(
    ("body", "origin", "status"),
    [
        ('{"key": "unknown", "script": "embed"}', SHOP, 404),
        ('{"key": "unknown", "script": "worm"}', SHOP, 422),
        ("{", SHOP, 422),
        ("[]", SHOP, 422),
        ("[" * 5000, SHOP, 422),
        ('{"key": ["a"], "script": {"b": 1}}', SHOP, 422),
    ],
)
def test_a_wrong_body_is_refused(client: FlaskClient, body: str, origin: str, status: int) -> None:
    response = tell(client, body, origin)
    assert (response.status_code, set(response.get_json())) == (status, {"error"})


@pytest.mark.parametrize("origin", ["null", "", "file://", "https://a b", "https://" + "a" * 400 + ".com"])
def test_a_page_without_a_usable_origin_is_not_kept(
    client: FlaskClient, database: Database, key: str, origin: str
) -> None:
    assert tell(client, json.dumps({"key": key, "script": "embed"}), origin).status_code == 422
    with database.read_only() as session:
        assert snippets.find(session) == []


def test_a_page_that_loads_the_site_script_is_listed_by_its_path(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        key = settings.get(session).messenger_key
        snippets.allow(session, SHOP, actor="agent:1", at=make.NOON)
    for script in ("site", "messenger"):
        page = f"{SHOP}/{script}/4711?email=sam@example.com"
        assert tell(client, json.dumps({"key": key, "script": script, "page": page})).status_code == 204
    assert tell(client, json.dumps({"key": "unknown", "script": "site", "page": SHOP})).status_code == 404
    assert tell(client, json.dumps({"key": key, "script": "site", "page": ["a"]})).status_code == 204
    with database.unit_of_work() as session:
        sample_rows.write_waiting(session, services_of(client.application).site_reports, at=clock.now())
        assert {(page.origin, page.path) for page in sample_rows.find(session)} >= {(SHOP, "/site/*")}
        (counted,) = counts.recent(session, SiteCountKind.IDENTITY, at=clock.now())
        assert (counted.reason, counted.month) == ("unknown_key", 1)


@pytest.mark.parametrize("path", ["/site/seen", "/f/form/unknown/identify", "/messenger/api/sign-in"])
def test_every_surface_that_reports_writes_what_waits(client: FlaskClient, database: Database, path: str) -> None:
    services_of(client.application).site_reports.count(SiteCountKind.IDENTITY, "user_hash_wrong")
    client.post(path, json={}).close()
    with database.read_only() as session:
        assert counts.recent(session, SiteCountKind.IDENTITY, at=clock.now())[0].reason == "user_hash_wrong"
