"""Limits of attempts to sign in, over all processes.

Attempts from a device that signed in to the account before are counted separately from those of strangers.
"""

from collections.abc import Mapping
from datetime import datetime
from math import ceil
from typing import cast

from flask import Flask, abort, current_app, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user
from sqlalchemy.orm import Session

from app.core import clock, email, rate_limits
from app.core.errors import DestinationRefused, TooMany
from app.models import Agent
from app.web.i18n import ngettext
from app.web.security import client_address
from app.web.services import keys, unit_of_work
from app.web.sign_in import known_devices, next_page
from app.web.sign_in.datastore import AgentStore

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
    next_page.refuse_unreadable()
    if request.endpoint == _CODE_PAGE and current_user.is_authenticated:
        return redirect(url_for("auth.account"))  # Flask-Security would sign the agent out here
    if request.endpoint == "security.login" and request.method == "GET" and current_user.is_authenticated:
        return render_template("security/switch.html", next=next_page.asked())
    if request.method == "POST" and (counter := _COUNTERS.get(request.endpoint or "")):
        account = _account()
        g.attempt = _buckets(counter, account, _device(account))
        with unit_of_work() as work:
            wait_s = rate_limits.hit(work, g.attempt, window_s=WINDOW_S, at=clock.now())
        if wait_s is not None:
            minutes = max(1, ceil(wait_s / 60))
            raise TooMany(
                ngettext(
                    "Too many attempts. Try again in %(num)s minute.",
                    "Too many attempts. Try again in %(num)s minutes.",
                    minutes,
                ),
                retry_after_s=wait_s,
            )
    return None


def undo_attempts(work: Session, agent: Agent, *, at: datetime) -> None:
    """Undo the count of the attempts that led to this sign-in: this request's, and before a code the password's."""
    counted = set(g.get("attempt", ()))
    if _COUNTERS.get(request.endpoint or "") == "code":
        counted |= set(_buckets("sign-in", {"email": agent.email}, known_devices.device_of(agent)))
    rate_limits.undo_hit(work, counted, window_s=WINDOW_S, at=at)


def _account() -> dict[str, str]:
    """The account of an attempt, as a criterion of ``AgentStore.find_user``.

    It is the typed address, the agent who is signed in, or the one who must enter a code.
    """
    if request.endpoint in {"security.login", "security.forgot_password"}:
        return {"email": _address(request.form.get("email", ""))}
    if current_user.is_authenticated:
        return {"email": str(current_user.email)}
    return {"fs_uniquifier": str(session.get("tf_user_id", ""))}


def _device(account: dict[str, str]) -> str | None:
    """The id of the device of this request, where it signed in to this account before; else null."""
    agent = _store().find_user(case_insensitive=False, **account) if known_devices.is_named() else None
    return known_devices.device_of(agent) if agent else None


def _address(typed: str) -> str:
    try:
        return email.read(typed)
    except DestinationRefused:
        return typed.strip().lower()[: email.MAX_TYPED]


def _buckets(counter: str, account: dict[str, str], device: str | None) -> Mapping[str, int]:
    """The counters of an attempt: that of a known device, else those of the account and the address for strangers."""
    if device is not None:
        return {keys().bucket(f"{counter}-device", device): PER_ACCOUNT}
    address = rate_limits.address_bucket(client_address(request) or "")
    return {
        keys().bucket(f"{counter}-who", *account.values()): PER_ACCOUNT,
        keys().bucket(f"{counter}-from", address): PER_ADDRESS,
    }


def _store() -> AgentStore:
    return cast(AgentStore, current_app.extensions["security"].datastore)
