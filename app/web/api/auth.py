"""Who calls: the token is checked before anything else, its calls are counted, its scope is asked for."""

import time
from collections.abc import Iterable
from enum import StrEnum
from functools import partial
from typing import cast

from flask import Response, current_app
from sqlalchemy.orm import Session
from werkzeug.wsgi import ClosingIterator

from app import logs
from app.core import clock
from app.core.accounts import api_tokens as tokens
from app.core.accounts.api_tokens import Caller
from app.core.errors import Forbidden, InvalidInput, TooMany, Unauthorized
from app.db import Database
from app.web.api.exchange import Asked, asked
from app.web.api.rate_limit import Meter
from app.web.services import database, read_connection, read_only

# What ``Intercom-Version`` may say; there is one behaviour for all of them.
VERSIONS = frozenset(
    {"Preview", "Unstable", "2.0", *(f"1.{minor}" for minor in range(5)), *(f"2.{m}" for m in range(1, 17))}
)
UNGUARDED = "assent.unguarded"  # names of the views that anybody may call
_log = logs.get_logger()


class Scope(StrEnum):
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


def current() -> Caller:
    return cast(Caller, asked().caller)


def looking() -> Session:
    """The session that this call reads with; it is opened for whoever asks first, and ends with the call."""
    call = asked()
    if call.session is None:
        call.session = call.held.enter_context(read_only())
    return call.session


def ask_for(scope: Scope) -> None:
    """:raises Forbidden: the token was not given this scope"""
    if scope.value not in current().scopes:
        raise Forbidden(f"This token may not do that: it needs the scope “{scope.value}”.")


def admit(call: Asked) -> None:
    """Check the call's token and count the call.

    :raises Unauthorized: it has none, or one that is not valid
    :raises TooMany: the token made as many calls as it may
    :raises InvalidInput: the call is for a version that there is not
    """
    scheme, _, text = call.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise Unauthorized("Access Token Invalid")
    with read_connection() as look:
        call.caller = caller = tokens.check(look, text.strip(), at=clock.now())
    _count(call, caller)
    version = call.environ.get("HTTP_INTERCOM_VERSION")
    if version is not None and version not in VERSIONS:
        raise InvalidInput(
            "There is no such version of the API.", field="Intercom-Version", code="intercom_version_invalid"
        )


def headers(response: Response, call: Asked) -> list[tuple[str, str]]:
    """What every answer carries beside its own: the call's name, and where its token stands."""
    added = [("X-Request-Id", call.request_id), ("X-Content-Type-Options", "nosniff")]
    if "Cache-Control" not in response.headers:
        added.append(("Cache-Control", "no-store"))
    if (standing := call.standing) is not None:
        added += [
            ("X-RateLimit-Limit", str(standing.limit)),
            ("X-RateLimit-Remaining", str(standing.remaining)),
            ("X-RateLimit-Reset", str(standing.reset)),
        ]
    if call.scheme == "https":
        added.append(("Strict-Transport-Security", "max-age=31536000"))
    return added


def leave(call: Asked) -> None:
    """Give the connection back. What was done stands, whatever goes wrong here."""
    try:
        call.held.close()
    except Exception as problem:
        _log.warning("a connection could not be given back", problem=type(problem).__name__)


def noting(call: Asked, parts: Iterable[bytes]) -> Iterable[bytes]:
    """The answer; once a minute, when all of it was sent, it is written down that the token is in use.

    No answer waits for that, or is lost by it.
    """
    caller = call.caller
    if caller is None or not tokens.is_use_due(caller, at=clock.now()):
        return parts
    return ClosingIterator(parts, partial(_note_use, database(), caller.token_id))


def _note_use(opened: Database, token_id: int) -> None:
    """Where others write just now, a later call does it."""
    try:
        with opened.unit_of_work_if_free() as session:
            tokens.note_use(session, token_id, at=clock.now())
    except BlockingIOError:
        pass
    except Exception as problem:
        _log.warning("the use of a token could not be noted", problem=type(problem).__name__)


def _count(call: Asked, caller: Caller) -> None:
    meter = cast(Meter, current_app.extensions["assent.rates"])
    now_s = time.time()
    call.standing = standing = meter.meter(caller.token_id, caller.calls_per_minute, now_s=now_s)
    if standing.is_over:
        raise TooMany(
            f"Exceeded rate limit of {standing.limit} in 10_seconds",
            retry_after_s=max(1, int(standing.reset - now_s) + 1),
        )
