"""Responses reach the server in one piece where their whole body is there; no function that answers is a coroutine."""

from collections.abc import Iterable, Iterator
from inspect import iscoroutinefunction

import pytest
from flask import Flask, Response
from werkzeug.test import EnvironBuilder

from app.web import mounts

closed: list[str] = []


def parts() -> Iterator[bytes]:
    yield b"one "
    yield b"two"


def with_an_end() -> Response:
    response = Response("done")
    response.call_on_close(lambda: closed.append("end"))
    return response


@pytest.fixture
def surface(app: Flask) -> Flask:
    made = mounts.create_surface(app, "tests.whole")
    made.add_url_rule("/whole", "whole", lambda: {"one": "two"})
    made.add_url_rule("/parts", "parts", lambda: Response(parts()))
    made.add_url_rule("/nothing", "nothing", lambda: ("ignored", 204))
    made.add_url_rule("/end", "end", with_an_end)
    return made


def body(app: Flask, path: str, method: str = "GET") -> Iterable[bytes]:
    """What the server gets for the body."""
    sent: Iterable[bytes] = app(EnvironBuilder(path, method=method).get_environ(), lambda *_: lambda _: None)
    return sent


def test_a_body_that_is_there_is_sent_in_one_piece(app: Flask, surface: Flask) -> None:
    assert body(surface, "/whole") == [b'{"one":"two"}\n']
    assert body(app, "/healthz") == [b"ok\n"]
    streamed = body(surface, "/parts")
    assert not isinstance(streamed, list)
    assert b"".join(streamed) == b"one two"


def test_a_response_without_a_body_has_none(surface: Flask) -> None:
    assert body(surface, "/whole", "HEAD") == body(surface, "/nothing") == []


def test_what_waits_for_the_end_of_a_response_runs_after_it_was_sent(surface: Flask) -> None:
    closed.clear()
    sent = body(surface, "/end")
    assert b"".join(sent) == b"done"
    assert closed == []
    sent.close()  # type: ignore[attr-defined]  # as WSGI demands
    assert closed == ["end"]


def test_no_view_and_no_hook_is_a_coroutine(app: Flask) -> None:
    for each in (app, *mounts.mounted(app).values()):
        hooks = (
            each.before_request_funcs,
            each.after_request_funcs,
            each.teardown_request_funcs,
            each.template_context_processors,
        )
        called = [*each.view_functions.values(), *(one for kind in hooks for some in kind.values() for one in some)]
        assert called
        assert not [one for one in called if iscoroutinefunction(one)]
