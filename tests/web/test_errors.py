"""While the database is away, every address says so: 503 in the reader's language, or what needs no database."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from app import create_app
from app.core import clock
from app.core.preferences import links
from app.db import Database
from app.models import ConsentEvent, EvidenceLevel
from app.web import mounts
from app.web.services import services_of
from tests import make
from tests.listening import before_statements
from tests.web import pages
from tests.web.api.client import api_client
from tests.web.embed.page import answer, open_form
from tests.web.test_health import unreachable

EVE = {"role": "lead", "name": "Eve", "new_type": "string"}
BROKEN_TABLES = ("contacts", "consents")
PREFIXES = ("", "/f", "/p", "/s", "/site", "/hooks", "/messenger/api", "/api", "/inbox", "/contacts", "/static")
BUSY = "Der Server ist ausgelastet. Bitte versuchen Sie es gleich noch einmal."
NOTHING_RECORDED = "Es wurde nichts gespeichert"
GERMAN = {"Accept-Language": "de"}


@pytest.fixture
def away(app: Flask) -> Flask:
    """The application, whose database cannot be reached."""
    found = create_app(unreachable(services_of(app).settings))
    found.testing = False
    return found


@pytest.fixture
def ana(app: Flask, away: Flask) -> FlaskClient:
    """A browser with the cookies of an agent who signed in before."""
    client = away.test_client()
    for cookie in pages.agent(app)._cookies.values():
        client.set_cookie(cookie.key, cookie.value, domain=cookie.domain, path=cookie.path)
    return client


def address(rule: str) -> str:
    """An address of a route."""
    filled = re.sub(r"<any\(([^,)]*)[^>]*>", lambda found: found[1].strip("'\" "), rule)
    return re.sub(r"<[^<>]*>", "1", filled)


def call(client: FlaskClient, method: str, path: str) -> TestResponse:
    with client.open(path, method=method, headers=GERMAN | {"Authorization": "Bearer assent_x"}) as response:
        response.get_data()
        return response


def test_no_address_is_a_500_whether_it_is_known_or_not(away: Flask, ana: FlaskClient) -> None:
    known = {(method, address(route.path)) for route in mounts.routes(away) for method in route.methods}
    unknown = {(method, prefix + more) for method in ("GET", "POST") for prefix in PREFIXES for more in ("/x", "/x/y")}
    for client in (ana, away.test_client()):
        for method, path in sorted(known | unknown):
            response = call(client, method, path)
            assert response.status_code < 500 or response.status_code == 503, (method, path, response.status_code)
            if response.status_code == 503 and path != "/readyz":
                is_german = 'lang="de"' in response.text or (path.startswith("/hooks") and not response.text)
                assert is_german or response.is_json, (method, path)
                assert response.headers["Retry-After"] == "2", (method, path)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/inbox", BUSY),
        ("/x", BUSY),
        ("/s/AAAAAAAAAAAA", BUSY),
        ("/s/x/y", BUSY),
        ("/f/form/x", NOTHING_RECORDED),
        ("/f/x/y", NOTHING_RECORDED),
        ("/p/x", NOTHING_RECORDED),
    ],
)
def test_the_page_says_what_to_do_in_the_language_of_the_reader(ana: FlaskClient, path: str, sentence: str) -> None:
    response = call(ana, "GET", path)
    assert (response.status_code, sentence in response.text, "<bdi></bdi>" in response.text) == (503, True, False)


def test_the_api_answers_with_an_error_list(away: Flask) -> None:
    response = call(away.test_client(), "GET", "/api/contacts")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert (response.json or {})["errors"][0]["code"] == "service_unavailable"


@pytest.mark.own_app
@pytest.mark.own_database
@pytest.mark.databases("postgresql")
def test_a_postgresql_that_ends_during_a_request_is_503_in_the_language_of_the_agent(app: Flask) -> None:
    client, app.testing = pages.agent(app), False
    pages.submit(client, "/account/language", {"locale": "de"}, page="/account")
    number = 0

    def end(connection: object, *_more: object) -> None:
        nonlocal number
        number += 1
        if number == 2:  # the agent is known by then
            connection.connection.driver_connection.close()  # type: ignore[attr-defined]

    with before_statements(services_of(app).database, end):
        response = client.get("/contacts", headers={"Accept-Language": "fr"})
    assert (response.status_code, BUSY in response.text) == (503, True)


@contextmanager
def commits_broken(database: Database) -> Iterator[None]:
    """Inside, PostgreSQL ends each connection while it commits a change of contacts or consents."""
    with database.unit_of_work() as session:
        session.execute(
            text(
                "CREATE FUNCTION end_connection() RETURNS trigger LANGUAGE plpgsql AS "
                "'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'"
            )
        )
        for table in BROKEN_TABLES:
            trigger = f"AFTER INSERT OR UPDATE ON {table} DEFERRABLE INITIALLY DEFERRED"
            session.execute(
                text(f"CREATE CONSTRAINT TRIGGER x {trigger} FOR EACH ROW EXECUTE FUNCTION end_connection()")
            )
    try:
        yield
    finally:
        with database.unit_of_work() as session:
            for table in BROKEN_TABLES:
                session.execute(text(f"DROP TRIGGER x ON {table}"))
            session.execute(text("DROP FUNCTION end_connection()"))


@pytest.mark.databases("postgresql")
def test_a_commit_whose_connection_broke_is_not_said_to_have_recorded_nothing_and_may_be_repeated(app: Flask) -> None:
    database, client, app.testing = services_of(app).database, app.test_client(), False
    max_, api = pages.admin(app), api_client(app)
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number="+12025550199")
        offers = make.live_type(session)
        make.opt_in(session, sam, offers)
        link = f"/p/{links.issue(session, sam, level=EvidenceLevel.PERSONAL_LINK, at=clock.now())}"
        form, leave = f"/f/form/{make.form(session).key}", f"{link}/subscription_types/{offers.id}"
    page, fields = open_form(client, form), {"action": "unsubscribe"}
    new = {"role": "lead", "name": "Eve"}
    with commits_broken(database):
        failed = answer(client, page, make.SAMS_NUMBER)
        assert (failed.status, "it counts only once" in failed.text) == (503, True), failed.text
        assert f'href="{form}"' in failed.response.text
        left = client.post(leave, data=fields)
        assert (left.status_code, "it counts only once" in left.text, f'href="{link}"' in left.text) == (
            503,
            True,
            True,
        )
        staff = pages.submit(max_, "/contacts/new", EVE, page="/contacts/new")
        assert (staff.status_code, "it is not known whether this was saved" in staff.text) == (503, True)
        for headers, retry_after in (({}, None), ({"Idempotency-Key": "k"}, "2")):
            refused = api.post("/contacts", new, **headers)
            assert (refused.status, refused.code) == (503, "outcome_unknown")
            assert refused.headers.get("Retry-After") == retry_after
    assert [answer(client, page, make.SAMS_NUMBER).state for _ in range(2)] == ["done", "done"]
    assert [client.post(leave, data=fields).status_code for _ in range(2)] == [303, 303]
    made = [api.post("/contacts", new, **{"Idempotency-Key": "k"})["id"] for _ in range(2)]
    assert made[0] == made[1]
    with database.read_only() as session:
        acts = session.scalars(select(ConsentEvent.action).order_by(ConsentEvent.id)).all()
        assert acts == ["opt_in", "opt_in", "opt_out"]


def test_a_referrer_that_cannot_be_read_is_no_error_of_ours(app: Flask) -> None:
    for method, path, status in (("POST", "/account/name", 400), ("GET", "/x", 404)):
        response = app.test_client().open(path, method=method, headers={"Referer": "http://[::1"})
        assert response.status_code == status
