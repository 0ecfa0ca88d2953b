"""Limits of attempts to sign in, over all processes."""

from collections.abc import Mapping
from datetime import datetime
from math import ceil

from flask import Flask, abort, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user
from flask_security.utils import validate_redirect_url
from sqlalchemy.orm import Session

from app.core import clock, email
from app.core import rate_limits as limits
from app.core.errors import DestinationRefused, TooMany
from app.models import Agent
from app.web.security import client_address
from app.web.services import keys, unit_of_work

WINDOW_S = 15 * 60
PER_ACCOUNT = 10
PER_ADDRESS = 50
# Pages that check a secret or send a mail, and the counter of each.
_COUNTERS = {
    "security.login": "sign-in",
    "security.verify": "sign-in",
    "security.change_password": "sign-in",
    "security.two_factor_token_validation": "code",
    "security.mf_recovery": "code",
    "security.forgot_password": "reset",
}
_CODE_PAGE = "security.two_factor_token_validation"
# Pages of Flask-Security that we do not use.
_DISABLED = {"security.two_factor_rescue", "security.tf_select"}


def init_app(app: Flask) -> None:
    """Count attempts before they are checked."""
    app.before_request(_limit_attempts)


def _limit_attempts() -> ResponseReturnValue | None:
    if request.blueprint != "security":
        return None
    if request.endpoint in _DISABLED:
        abort(404)
    if request.is_json:
        abort(415)
    if request.endpoint == _CODE_PAGE and current_user.is_authenticated:
        return redirect(url_for("auth.account"))  # Flask-Security would sign the agent out here
    if request.endpoint == "security.login" and request.method == "GET" and current_user.is_authenticated:
        here = request.args.get("next", "")
        return render_template("security/switch.html", next=here if validate_redirect_url(here) else "")
    if request.method == "POST" and (counter := _COUNTERS.get(request.endpoint or "")):
        with unit_of_work() as work:
            wait_s = limits.hit(work, _buckets(counter, _account()), window_s=WINDOW_S, at=clock.now())
        if wait_s is not None:
            minutes = max(1, ceil(wait_s / 60))
            sentence = f"Too many attempts. Try again in {minutes} minute{'s' if minutes > 1 else ''}."
            raise TooMany(sentence, retry_after_s=wait_s)
    return None


def undo_attempts(work: Session, agent: Agent, *, at: datetime) -> None:
    """Undo the count of the attempts that led to a sign-in."""
    for counter, account in (("sign-in", agent.email), ("code", agent.fs_uniquifier)):
        limits.undo_hit(work, _buckets(counter, account), window_s=WINDOW_S, at=at)


def _account() -> str:
    """The account of an attempt: the typed address, the agent who is signed in, or the one who must enter a code."""
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


def _buckets(counter: str, account: str) -> Mapping[str, int]:
    address = limits.address_bucket(client_address(request) or "")
    return {
        keys().bucket(f"{counter}-who", account): PER_ACCOUNT,
        keys().bucket(f"{counter}-from", address): PER_ADDRESS,
    }
