"""Log lines: JSON, one for each request, without private data."""

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
def log() -> Iterator[io.StringIO]:
    """The log lines of a test."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure(stream)
    yield stream
    logs.silence()
    root.handlers[:], root.level = before


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_each_request_is_logged_in_one_line(client: FlaskClient, log: io.StringIO) -> None:
    response = client.get("/healthz?phone=%2B12025550123")
    (line,) = lines(log)
    assert (line["method"], line["route"], line["status"]) == ("GET", "/healthz", 200)
    assert line["request_id"] == response.headers["X-Request-Id"]
    assert 0 < line["duration_ms"] < 5000
    assert line["at"].endswith("Z")
    assert "2025550123" not in log.getvalue()


def test_paths_are_never_logged_because_they_have_tokens(client: FlaskClient, log: io.StringIO) -> None:
    client.get("/f/AbCdEfGhIjKlMnOpQrStUv")
    client.get("/nowhere/AbCdEfGhIjKlMnOpQrStUv")
    assert "AbCdEfGh" not in log.getvalue()
    assert [line["route"] for line in lines(log)] == ["/f/<token>", None]


def test_an_unknown_method_is_not_logged(client: FlaskClient, log: io.StringIO) -> None:
    client.open("/healthz", method="SAM@EXAMPLE.COM")
    assert lines(log)[0]["method"] == "other"


@pytest.mark.own_app
def test_an_unexpected_error_is_logged_with_its_request_and_without_private_data(app: Flask, log: io.StringIO) -> None:
    app.testing = False

    def fail(token: str) -> str:
        typed = make.SAMS_NUMBER
        raise RuntimeError(f"{typed} of sam@example.com at /f/AbCdEfGhIjKlMnOpQrStUv")

    app.add_url_rule("/broken/<token>", "broken", fail)
    app.logger.disabled = False  # as Granian's set-up of logging leaves it
    response = app.test_client().get("/broken/AbCdEfGhIjKlMnOpQrStUv")
    assert response.status_code == 500
    failed, request = lines(log)
    assert failed["level"] == "error"
    assert failed["request_id"] == request["request_id"] == response.headers["X-Request-Id"]
    assert failed["route"] == "/broken/<token>"
    assert "RuntimeError: [phone] of [email] at /f/[token]" in failed["exception"]
    assert not any(secret in log.getvalue() for secret in ("2025550123", "sam@", "AbCdEfGh"))


@pytest.mark.parametrize("text", PRIVATE)
def test_private_data_is_removed_from_every_line(text: str, log: io.StringIO) -> None:
    structlog.get_logger().info(f"before {text}, after", detail=text)
    logging.getLogger("some.library").warning("received %s", text)
    text_of_log = log.getvalue()
    assert len(lines(log)) == 2
    assert "after" in text_of_log
    assert not any(secret in text_of_log for secret in SECRETS), text_of_log


def test_the_parameters_of_a_failed_statement_are_removed(log: io.StringIO) -> None:
    failure = "(IntegrityError)\n[SQL: INSERT]\n[parameters: {'typed': ['07400 123456', 'Sam']}]\n(Background: x)"
    structlog.get_logger().error("failed", exception=failure)
    assert lines(log)[0]["exception"] == "(IntegrityError)\n[SQL: INSERT]\n[parameters]\n(Background: x)"


@given(number=st.from_regex(r"\+[1-9]\d{6,14}", fullmatch=True), before=st.text(max_size=5), after=st.text(max_size=5))
def test_every_e164_number_is_removed(number: str, before: str, after: str) -> None:
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
def test_other_text_is_not_changed(text: str) -> None:
    assert logs.redacted(text) == text


def test_lines_of_libraries_are_json_from_warnings_on(log: io.StringIO) -> None:
    logging.getLogger("huey").info("chatter")
    try:
        int("sam@example.com")
    except ValueError:
        logging.getLogger("huey").exception("a job failed")
    (line,) = lines(log)
    assert (line["event"], line["level"], line["logger"]) == ("a job failed", "error", "huey")
    assert "base 10: '[email]'" in line["exception"]


def test_nothing_is_written_before_configure_is_called(client: FlaskClient, capfd: pytest.CaptureFixture[str]) -> None:
    client.get("/healthz")
    structlog.get_logger().warning("not written")
    assert capfd.readouterr() == ("", "")
