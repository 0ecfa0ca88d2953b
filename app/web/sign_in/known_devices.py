"""Devices that signed in to an account before. A signed cookie names them; it does not sign in by itself.

Their attempts are counted separately from those of strangers, who would otherwise lock the owner of an account out.
"""

import hashlib
import hmac
from functools import partial

from flask import Response, after_this_request, request

from app.core import clock, signing
from app.models import Agent
from app.web.security import is_https
from app.web.services import keys

COOKIE = "assent_device"
LASTS_S = 180 * 24 * 3600
# A browser that several agents use is known for the accounts that signed in last.
ACCOUNTS_MAX = 5
# The id of an account, the hash of its state, the random id of the device, and the end of its validity in Unix seconds.
_Entry = tuple[int, str, str, int]


def is_named() -> bool:
    """Whether the browser sent a valid cookie. Otherwise the account need not be looked up."""
    return bool(_entries())


def device_of(agent: Agent) -> str | None:
    """The id of this device, where it signed in to this account before; else null.

    A new password, and everything else that ends all sessions of the account, makes its devices unknown.
    """
    mine = (agent.id, _state_of(agent))
    return next((device for agent_id, state, device, _ in _entries() if (agent_id, state) == mine), None)


def remember(agent: Agent) -> None:
    """Set the cookie with the response to this request, for 180 days from now."""
    now_s = int(clock.now().timestamp())
    mine = (agent.id, _state_of(agent), device_of(agent) or signing.random_token(), now_s + LASTS_S)
    others = [entry for entry in _entries() if entry[0] != agent.id]
    signed = keys().signer("device").sign([mine, *others[: ACCOUNTS_MAX - 1]])
    after_this_request(partial(_set_cookie, signed))


def _set_cookie(signed: str, response: Response) -> Response:
    response.set_cookie(COOKIE, signed, max_age=LASTS_S, httponly=True, samesite="Lax", secure=is_https())
    return response


def _entries() -> list[_Entry]:
    """The entries of the cookie that are still valid; none where it is missing or its signature is wrong."""
    signed = keys().signer("device").read(request.cookies.get(COOKIE, ""), max_age_s=LASTS_S) or []
    now_s = clock.now().timestamp()
    return [(entry[0], entry[1], entry[2], entry[3]) for entry in signed if entry[3] > now_s]


def _state_of(agent: Agent) -> str:
    return hmac.new(keys().derive("device"), agent.fs_uniquifier.encode(), hashlib.sha256).hexdigest()[:32]
