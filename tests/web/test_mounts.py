"""Mounted applications: Flask without session, sign-in and cookie."""

import io
import json

import pytest
from flask import Flask, render_template_string, request, session, url_for

from app import logs
from app.web import compression, mounts
from app.web.services import services, services_of
from tests.web import pages


@pytest.fixture
def surface(app: Flask) -> Flask:
    made = mounts.create_surface(app, "tests.surface")
    made.add_url_rule("/things/<path:name>", "thing", lambda name: f"thing {name}")
    made.add_url_rule("/services", "services", lambda: str(services() is services_of(app)))
    made.add_url_rule("/token/<token>", "token", lambda token: url_for("token", token=token))
    made.add_url_rule("/asset", "asset", lambda: render_template_string("{{ asset('css/tokens.css') }}"))
    made.add_url_rule("/write", "write", lambda: request.form["text"], methods=["POST"])
    mounts.mount(app, {"/mounted": made})
    return made


def test_a_request_below_the_prefix_is_handled_by_the_mounted_application(app: Flask, surface: Flask) -> None:
    client = app.test_client()
    assert client.get("/mounted/things/one").text == "thing one"
    assert client.get("/mounted/token/abc").text == "/mounted/token/abc"
    assert client.get("/mountedthings/one").status_code == 404
    assert client.get("/healthz").text == "ok\n"
    assert mounts.mounted(app)["/mounted"] is surface


def test_applications_share_their_services_and_assets(app: Flask, surface: Flask) -> None:
    assert app.test_client().get("/mounted/services").text == "True"
    assert app.test_client().get("/mounted/asset").text == app.jinja_env.globals["asset"]("css/tokens.css")


def test_routes_lists_the_routes_of_every_application(app: Flask, surface: Flask) -> None:
    listed = {(route.methods, route.path, route.endpoint) for route in mounts.routes(app)}
    assert (("GET",), "/healthz", "app: healthz") in listed
    assert (("POST",), "/mounted/write", "tests.surface: write") in listed
    assert len(listed) == len(list(app.url_map.iter_rules())) + sum(
        len(list(each.url_map.iter_rules())) for each in mounts.mounted(app).values()
    )


def test_slashes_of_an_address_are_not_merged(app: Flask, surface: Flask) -> None:
    assert app.test_client().get("/mounted/things/a//b").text == "thing a//b"


def test_a_mounted_application_has_no_session_no_cookie_and_no_csrf_check(app: Flask, surface: Flask) -> None:
    def remember() -> str:
        session["name"] = "sam"
        return ""

    surface.add_url_rule("/session", "session", remember)
    signed_in = pages.admin(app)
    assert signed_in.get("/mounted/session").status_code == 500
    response = signed_in.post("/mounted/write", data={"text": "hello"})
    assert (response.status_code, response.text) == (200, "hello")
    assert "Set-Cookie" not in response.headers
    assert "Cookie" not in response.headers.get("Vary", "")


def test_every_response_has_the_common_headers_and_a_hook_may_set_others(app: Flask, surface: Flask) -> None:
    headers = app.test_client().get("/mounted/things/one", base_url="https://localhost").headers
    assert len(headers["X-Request-Id"]) == 36
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Content-Security-Policy" not in headers


def test_the_log_line_has_prefix_and_rule_but_no_token(app: Flask, surface: Flask) -> None:
    stream = io.StringIO()
    logs.configure(stream)
    try:
        app.test_client().get("/mounted/token/AbCdEfGhIjKlMnOpQrStUv")
        app.test_client().get("/mounted/nowhere/AbCdEfGhIjKlMnOpQrStUv")
    finally:
        logs.silence()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["route"] for line in lines] == ["/mounted/token/<token>", None]
    assert "AbCdEf" not in stream.getvalue()


def test_an_unexpected_error_is_a_500_and_is_logged(app: Flask, surface: Flask) -> None:
    surface.add_url_rule("/broken", "broken", lambda: 1 / 0)
    stream = io.StringIO()
    logs.configure(stream)
    try:
        response = app.test_client().get("/mounted/broken")
    finally:
        logs.silence()
    failed, line = (json.loads(each) for each in stream.getvalue().splitlines())
    assert (response.status_code, failed["route"], line["status"]) == (500, "/mounted/broken", 500)
    assert "ZeroDivisionError" in failed["exception"]


def test_a_large_body_is_refused(app: Flask, surface: Flask) -> None:
    response = app.test_client().post("/mounted/write", data={"text": "a" * 1_100_000})
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("accepted", "encoding"), [("br, gzip", "br"), ("gzip", "gzip"), ("identity", None), ("br;q=0", None), (None, None)]
)
def test_a_response_is_compressed_as_the_client_accepts(
    accepted: str | None, encoding: str | None, app: Flask, surface: Flask
) -> None:
    surface.after_request(compression.compress)
    surface.add_url_rule("/long", "long", lambda: "a" * 2000)
    headers = {"Accept-Encoding": accepted} if accepted else {}
    response = app.test_client().get("/mounted/long", headers=headers)
    assert response.headers.get("Content-Encoding") == encoding
    assert response.headers["Vary"] == "Accept-Encoding"
    assert (len(response.data) < 2000) == (encoding is not None)
    assert int(response.headers["Content-Length"]) == len(response.data)
    assert "Content-Encoding" not in app.test_client().get("/mounted/things/one", headers=headers).headers
