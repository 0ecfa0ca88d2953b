"""Log lines: one a request, JSON, and nothing in them that is private."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from app import logs
from tests import make

PRIVATE = (
    "+12025550123",
    "+1 202-555-0123",
    "+44 (7400) 123456",
    "%2B12025550123",
    "12025550123",
    "sam@example.com",
    "Sam.O'Neil+shop@mail.example.co.uk",
    "assent_A1b2C3d4E5f6G7h8I9j0",
    "Bearer abc.def-ghi_jkl",
    "authorization: bearer s3cr3t",
    "/f/AbCdEfGhIjKlMnOpQrStUv",
    "/f/form/AbCdEfGhIjKlMnOp",
    "postgresql://assent:pass-word@db/assent",
)
SECRETS = (
    *("2025550123", "555-0123", "123456", "sam@", "O'Neil+shop"),
    *("A1b2", "abc.def", "s3cr3t", "AbCd", "pass-word"),
)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged during a test."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure(stream)
    yield stream
    logs.silence()
    root.handlers[:], root.level = before


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_one_line_a_request_says_what_was_asked_and_how_it_went(client: FlaskClient, written: io.StringIO) -> None:
    answer = client.get("/healthz?phone=%2B12025550123")
    (line,) = lines(written)
    assert (line["method"], line["route"], line["status"]) == ("GET", "/healthz", 200)
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert 0 < line["duration_ms"] < 5000
    assert line["at"].endswith("Z")
    assert "2025550123" not in written.getvalue()


def test_a_path_is_never_logged_for_tokens_are_in_paths(client: FlaskClient, written: io.StringIO) -> None:
    client.get("/f/AbCdEfGhIjKlMnOpQrStUv")
    client.get("/nowhere/AbCdEfGhIjKlMnOpQrStUv")
    assert "AbCdEfGh" not in written.getvalue()
    assert [line["route"] for line in lines(written)] == ["/f/<token>", None]


def test_a_method_that_a_client_made_up_is_not_repeated(client: FlaskClient, written: io.StringIO) -> None:
    client.open("/healthz", method="SAM@EXAMPLE.COM")
    assert lines(written)[0]["method"] == "other"


@pytest.mark.own_app
def test_an_unexpected_error_is_logged_with_its_request_and_without_what_is_private(
    app: Flask, written: io.StringIO
) -> None:
    app.testing = False

    def fail(token: str) -> str:
        typed = make.SAMS_NUMBER
        raise RuntimeError(f"{typed} of sam@example.com at /f/AbCdEfGhIjKlMnOpQrStUv")

    app.add_url_rule("/broken/<token>", "broken", fail)
    answer = app.test_client().get("/broken/AbCdEfGhIjKlMnOpQrStUv")
    assert answer.status_code == 500
    failed, request = lines(written)
    assert failed["level"] == "error"
    assert failed["request_id"] == request["request_id"] == answer.headers["X-Request-Id"]
    assert failed["route"] == "/broken/<token>"
    assert "RuntimeError: [phone] of [email] at /f/[token]" in failed["exception"]
    assert not any(secret in written.getvalue() for secret in ("2025550123", "sam@", "AbCdEfGh"))


@pytest.mark.parametrize("text", PRIVATE)
def test_whoever_writes_a_line_nothing_private_gets_into_it(text: str, written: io.StringIO) -> None:
    structlog.get_logger().info(f"before {text}, after", detail=text)
    logging.getLogger("some.library").warning("heard %s", text)
    said = written.getvalue()
    assert len(lines(written)) == 2
    assert "after" in said
    assert not any(secret in said for secret in SECRETS), said


def test_the_parameters_of_a_failed_statement_are_left_out(written: io.StringIO) -> None:
    failure = "(IntegrityError)\n[SQL: INSERT]\n[parameters: {'typed': ['07400 123456', 'Sam']}]\n(Background: x)"
    structlog.get_logger().error("failed", exception=failure)
    assert lines(written)[0]["exception"] == "(IntegrityError)\n[SQL: INSERT]\n[parameters]\n(Background: x)"


@given(number=st.from_regex(r"\+[1-9]\d{6,14}", fullmatch=True), before=st.text(max_size=5), after=st.text(max_size=5))
def test_no_number_in_e164_is_ever_left_standing(number: str, before: str, after: str) -> None:
    assert number not in logs.redacted(f"{before}{number}{after}")


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T01:02:06.397407Z",
        "route /f/<token>",
        "a" * 32,
        "12 rows in 3.14 s",
        "/admin/forms/12",
        "09:00-17:30",
    ],
)
def test_what_is_not_private_is_left_as_it_is(text: str) -> None:
    assert logs.redacted(text) == text


def test_lines_of_libraries_come_out_as_json_from_warnings_upwards(written: io.StringIO) -> None:
    logging.getLogger("huey").info("chatter")
    try:
        int("sam@example.com")
    except ValueError:
        logging.getLogger("huey").exception("a job failed")
    (line,) = lines(written)
    assert (line["event"], line["level"], line["logger"]) == ("a job failed", "error", "huey")
    assert "base 10: '[email]'" in line["exception"]


def test_nothing_is_written_before_a_process_asks_for_it(
    client: FlaskClient, capfd: pytest.CaptureFixture[str]
) -> None:
    client.get("/healthz")
    structlog.get_logger().warning("unheard")
    assert capfd.readouterr() == ("", "")
