"""Sessions of agents in the web: the signed cookie names a row, and without that row the request is not signed in.

Here ``cookie`` is Flask's session, which is the content of that cookie.
"""

from functools import partial
from typing import Any, cast

from flask import Flask, Response, g, request
from flask import session as cookie
from flask_login import user_logged_out
from flask_security import Security, password_reset, user_authenticated
from flask_security.utils import set_request_attr

from app.core import clock
from app.core.accounts import sessions
from app.models import AgentSession
from app.web import i18n
from app.web.after_response import write_after
from app.web.security import client_address
from app.web.services import unit_of_work
from app.web.sign_in import known_devices, rate_limits
from app.web.sign_in.datastore import AgentStore, SignIn

_KEY = "session_token"
# The keys of the cookie that are kept at a sign-in. Others are removed, because someone else may have set them.
_KEPT_KEYS = {"_user_id", "_fresh", "_id", "_flashes", "fs_cc", "fs_paa"}


def init_app(app: Flask, security: Security) -> None:
    """Start a session at each sign-in, end it at the sign-out, and let Flask-Security find agents by it."""
    security.login_manager.user_loader(partial(_signed_in, cast(AgentStore, security.datastore)))
    user_authenticated.connect(_start, app)
    user_logged_out.connect(_end, app)
    password_reset.connect(_remember_device, app)
    app.after_request(_record_use)


def current_session() -> AgentSession:
    """The session of this request. Only for views of agents."""
    return cast(AgentSession, g.agent_session)


def _signed_in(store: AgentStore, uniquifier: str) -> SignIn | None:
    """The agent who is signed in with this cookie. A new ``fs_uniquifier`` of the account ends it, too."""
    found = store.find_signed_in(uniquifier, cookie.get(_KEY, ""), at=clock.now())
    if found is None:
        return None
    agent, g.agent_session = found
    set_request_attr("fs_authn_via", "session")
    set_request_attr("fs_paa", cookie.get("fs_paa", 0))
    return agent


def _start(_app: Flask, user: Any, **_more: Any) -> None:
    """Start a new session at a sign-in, with its own cookie. The one that this browser had ends.

    From here on the request is answered in the language of the agent.
    """
    at, former = clock.now(), cookie.get(_KEY, "")
    for key in set(cookie) - _KEPT_KEYS:
        cookie.pop(key)
    for cached in ("csrf_token", "agent_session"):
        g.pop(cached, None)
    with unit_of_work() as session:
        rate_limits.undo_attempts(session, user, at=at)
        sessions.end(session, former)
        cookie[_KEY] = sessions.start(
            session,
            user,
            ip_address=client_address(request),
            user_agent=request.headers.get("User-Agent", ""),
            at=at,
        )
    known_devices.remember(user)
    i18n.forget_locale()


def _remember_device(_app: Flask, user: Any, **_more: Any) -> None:
    """Who used a one-time link may sign in next, also while strangers are locked out."""
    known_devices.remember(user)


def _end(_app: Flask, **_user: Any) -> None:
    if token := cookie.pop(_KEY, ""):
        with unit_of_work() as session:
            sessions.sign_out(session, token, at=clock.now())
    g.pop("agent_session", None)


def _record_use(response: Response) -> Response:
    used: AgentSession | None = g.get("agent_session")
    at = clock.now()
    if used is not None and sessions.is_use_due(used, at=at):
        address = client_address(request)
        write_after(response, partial(sessions.record_use, session_id=used.id, ip_address=address, at=at))
    return response
