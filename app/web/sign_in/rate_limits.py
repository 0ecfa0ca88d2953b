"""How often somebody may try, over all processes; and what a sign-in that worked leaves behind."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from flask import Flask, abort, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user, user_authenticated

from app.core import clock, email
from app.core import rate_limits as limits
from app.core.accounts import agents as accounts
from app.core.errors import DestinationRefused, TooMany
from app.web.security import client_address
from app.web.services import keys, unit_of_work

WINDOW_S = 15 * 60
PER_PERSON = 10
PER_ADDRESS = 50
# Forms that take a secret or send a mail, and what is counted for each.
_KINDS = {
    "security.login": "sign-in",
    "security.verify": "sign-in",
    "security.change_password": "sign-in",
    "security.two_factor_token_validation": "code",
    "security.mf_recovery": "code",
    "security.forgot_password": "reset",
}
_CODE_PAGE = "security.two_factor_token_validation"
# Parts of Flask-Security that nobody here needs.
_CLOSED = {"security.two_factor_rescue", "security.tf_select"}
# What a session keeps when somebody signs in; everything planted in it before is gone.
_KEPT = {"_user_id", "_fresh", "_id", "_flashes", "fs_cc", "fs_paa"}


def watch(app: Flask) -> None:
    """Count attempts before they are looked at, and begin a new session when one works."""
    app.before_request(_count)
    user_authenticated.connect(_begin, app)


def _count() -> ResponseReturnValue | None:
    if request.blueprint != "security":
        return None
    if request.endpoint in _CLOSED:
        abort(404)
    if request.is_json:
        abort(415)
    if request.endpoint == _CODE_PAGE and current_user.is_authenticated:
        return redirect(url_for("auth.account"))  # Flask-Security would sign out whoever merely looks at it
    if request.method == "POST" and (kind := _KINDS.get(request.endpoint or "")):
        with unit_of_work() as work:
            wait_s = limits.hit(work, _buckets(kind, _person()), window_s=WINDOW_S, at=clock.now())
        if wait_s is not None:
            minutes = max(1, ceil(wait_s / 60))
            sentence = f"Too many attempts. Try again in {minutes} minute{'s' if minutes > 1 else ''}."
            raise TooMany(sentence, retry_after_s=wait_s)
    return None


def _begin(_app: Flask, user: Any, **_more: Any) -> None:
    """A session of its own for each sign-in, and the attempts that led to it are given back."""
    for planted in set(session) - _KEPT:
        session.pop(planted)
    g.pop("csrf_token", None)
    at = clock.now()
    with unit_of_work() as work:
        for kind, person in (("sign-in", user.email), ("code", user.fs_uniquifier)):
            limits.undo_hit(work, _buckets(kind, person), window_s=WINDOW_S, at=at)
        accounts.record_sign_in(work, user.id, at=at)


def _person() -> str:
    """Whose secret is being tried: the address typed, whoever is halfway through, or who is signed in."""
    if typed := request.form.get("email", ""):
        return _address(typed)
    if request.endpoint in {"security.login", "security.forgot_password"}:
        return ""
    if current_user.is_authenticated:
        return str(current_user.email)
    return str(session.get("tf_user_id", ""))


def _address(typed: str) -> str:
    try:
        return email.read(typed)
    except DestinationRefused:
        return typed.strip().lower()[: email.MAX_TYPED]


def _buckets(kind: str, person: str) -> Mapping[str, int]:
    address = limits.address_bucket(client_address(request) or "")
    return {
        keys().bucket(f"{kind}-who", person): PER_PERSON,
        keys().bucket(f"{kind}-from", address): PER_ADDRESS,
    }
