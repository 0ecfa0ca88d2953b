"""The panel's calls about greetings of bots. Asking for one only reads."""

import re
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, request
from werkzeug.exceptions import BadRequest

from app.core import clock, wording
from app.core.bots.greeting import Greeting, Shown
from app.core.bots.matching import Visit
from app.core.errors import NotFound
from app.core.messenger import greetings
from app.models import BotTrigger
from app.web import ids
from app.web.messenger.body import body_of_request
from app.web.services import read_only, unit_of_work

blueprint = Blueprint("greetings", __name__)
PAGE_MAX, SECONDS_MAX = 500, 86_400
_GREETED = re.compile(r"(\d{1,9}):(\d{9,11})")
_GREETED_CHARS_MAX = 100 * len("123456789:12345678901,")
_RULE_MAX = 2**31 - 1


@blueprint.get("/greeting")
def greeting() -> dict[str, Any]:
    """The greeting that a visitor gets now: ``?trigger=page&page=…&seconds=5&greeted=3:1700000000&shown=3``.

    ``greeted`` is what the browser remembers: rules, and when each greeted, in seconds.
    """
    if (trigger := request.args.get("trigger")) not in {BotTrigger.OPEN.value, BotTrigger.PAGE.value}:
        raise BadRequest
    page = request.args.get("page", "")[:PAGE_MAX]
    seconds = min(request.args.get("seconds", 0, type=ids.whole_number) or 0, SECONDS_MAX)
    shown = request.args.get("shown", type=ids.whole_number)
    locale = wording.negotiate(request.args.get("lang"), request.headers.get("Accept-Language", ""))
    with read_only() as session:
        guest = greetings.guest_of(session, _bearer(), _greeted(), locale)
        visit = Visit(BotTrigger(trigger), page, seconds)
        choice = greetings.choose(session, guest, visit, shown_rule_id=shown, at=clock.now())
    return {"greeting": _view(choice.greeting) if choice.greeting else None, "wait_s": choice.wait_s}


@blueprint.post("/greeted")
def greeted() -> dict[str, Any]:
    """Record that a rule greeted the visitor. Of a visitor without a contact nothing is stored."""
    rule_id = _rule_in(body_of_request(), "rule")
    if rule_id is None:
        raise BadRequest
    if (bearer := _bearer()) is None:
        raise NotFound("There is nothing here.")
    with read_only() as session:
        is_new = greetings.is_new(session, bearer, rule_id)
    if is_new:
        with unit_of_work() as session:
            greetings.record(session, bearer, rule_id, at=clock.now())
    return {}


def shown_in(body: dict[str, Any]) -> Shown:
    """What the visitor saw when they wrote, from the body of a message: ``{"page": …, "greeting": 3}``."""
    return Shown(str(body.get("page") or "")[:PAGE_MAX], _rule_in(body, "greeting"))


def _rule_in(body: dict[str, Any], name: str) -> int | None:
    rule_id = body.get(name)
    is_rule = isinstance(rule_id, int) and not isinstance(rule_id, bool) and 0 < rule_id <= _RULE_MAX
    return rule_id if is_rule else None


def _bearer() -> str | None:
    authorization = request.authorization
    return authorization.token if authorization is not None and authorization.type == "bearer" else None


def _greeted() -> dict[int, datetime]:
    sent = request.args.get("greeted", "")[:_GREETED_CHARS_MAX]
    return {int(each[1]): datetime.fromtimestamp(int(each[2]), UTC) for each in _GREETED.finditer(sent)}


def _view(found: Greeting) -> dict[str, Any]:
    form = found.form
    offered = form and {"title": form.title, "button": form.button_text, "lang": wording.language_tag(form.locale)}
    return {"rule": found.rule_id, "text": found.body, "form": offered}
