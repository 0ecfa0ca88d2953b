"""Who calls: the token is checked before anything else, its calls are counted, its scope is asked for."""

import time
import uuid
from contextlib import ExitStack
from enum import StrEnum
from typing import cast

from flask import Flask, Response, current_app, g, request
from sqlalchemy.orm import Session

from app.core import clock, tokens
from app.core.errors import Forbidden, InvalidInput, TooMany, Unauthorized
from app.core.tokens import Caller
from app.web.api.rates import Meter, Standing
from app.web.database import read_only, unit_of_work

# What ``Intercom-Version`` may say; there is one behaviour for all of them.
VERSIONS = frozenset(
    {"Preview", "Unstable", "2.0", *(f"1.{minor}" for minor in range(5)), *(f"2.{m}" for m in range(1, 17))}
)
UNGUARDED = "assent.unguarded"  # names of the views that anybody may call


class Scope(StrEnum):
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


def guard(api: Flask) -> None:
    """Check each call, and say with each answer where its token stands."""
    api.before_request(_admit)
    api.after_request(_set_headers)
    api.teardown_request(_leave)


def current() -> Caller:
    return cast(Caller, g.caller)


def looking() -> Session:
    """The session that the token was checked with: GETs read with it. It ends with the request."""
    return cast(Session, g.looking)


def ask_for(scope: Scope) -> None:
    """:raises Forbidden: the token was not given this scope"""
    if scope.value not in current().scopes:
        raise Forbidden(f"This token may not do that: it needs the scope “{scope.value}”.")


def _admit() -> None:
    g.request_id = str(uuid.uuid4())
    if request.routing_exception is not None or request.endpoint in current_app.extensions.get(UNGUARDED, ()):
        return
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise Unauthorized("Access Token Invalid")
    g.held = held = ExitStack()
    g.looking = held.enter_context(read_only())
    g.caller = caller = tokens.check(g.looking, text.strip(), at=clock.now())
    _count(caller)
    version = request.headers.get("Intercom-Version")
    if version is not None and version not in VERSIONS:
        raise InvalidInput(
            "There is no such version of the API.", field="Intercom-Version", code="intercom_version_invalid"
        )


def _count(caller: Caller) -> None:
    meter = cast(Meter, current_app.extensions["assent.rates"])
    now_s = time.time()
    g.standing = standing = meter.meter(caller.token_id, caller.calls_per_minute, now_s=now_s)
    if standing.is_over:
        raise TooMany(
            f"Exceeded rate limit of {standing.limit} in 10_seconds",
            retry_after_s=max(1, int(standing.reset - now_s) + 1),
        )


def _set_headers(response: Response) -> Response:
    headers = response.headers
    headers["X-Request-Id"] = g.get("request_id", "")
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Cache-Control", "no-store")
    standing: Standing | None = g.get("standing")
    if standing is not None:
        headers["X-RateLimit-Limit"] = str(standing.limit)
        headers["X-RateLimit-Remaining"] = str(standing.remaining)
        headers["X-RateLimit-Reset"] = str(standing.reset)
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def _leave(_error: BaseException | None) -> None:
    """Give the connection back; once a minute, write down that the token is in use. It is no part of the call."""
    held: ExitStack | None = g.pop("held", None)
    if held is None:
        return
    held.close()
    caller: Caller | None = g.pop("caller", None)
    at = clock.now()
    if caller is not None and tokens.is_use_due(caller, at=at):
        with unit_of_work() as session:
            tokens.note_use(session, caller.token_id, at=at)
