"""Who calls: the token is checked before anything else, its calls are counted, its scope is asked for."""

import time
from enum import StrEnum
from typing import cast

from flask import Response, current_app
from sqlalchemy.orm import Session

from app.core import clock, tokens
from app.core.errors import Forbidden, InvalidInput, TooMany, Unauthorized
from app.core.tokens import Caller
from app.web.api.exchange import Asked, asked
from app.web.api.rates import Meter
from app.web.database import glance, read_only, unit_of_work

# What ``Intercom-Version`` may say; there is one behaviour for all of them.
VERSIONS = frozenset(
    {"Preview", "Unstable", "2.0", *(f"1.{minor}" for minor in range(5)), *(f"2.{m}" for m in range(1, 17))}
)
UNGUARDED = "assent.unguarded"  # names of the views that anybody may call


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
    with glance() as look:
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
    """Give the connection back; once a minute, write down that the token is in use. It is no part of the call."""
    call.held.close()
    caller, at = call.caller, clock.now()
    if caller is not None and tokens.is_use_due(caller, at=at):
        with unit_of_work() as session:
            tokens.note_use(session, caller.token_id, at=at)


def _count(call: Asked, caller: Caller) -> None:
    meter = cast(Meter, current_app.extensions["assent.rates"])
    now_s = time.time()
    call.standing = standing = meter.meter(caller.token_id, caller.calls_per_minute, now_s=now_s)
    if standing.is_over:
        raise TooMany(
            f"Exceeded rate limit of {standing.limit} in 10_seconds",
            retry_after_s=max(1, int(standing.reset - now_s) + 1),
        )
