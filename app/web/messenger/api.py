"""The API of the panel. The header ``Authorization: Bearer`` identifies a visitor; there is no cookie.

GETs only read. An unknown visitor gets a 404, like an unknown address.
"""

import re
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import Blueprint, Flask, g, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import BadRequest

from app.core import clock, public_urls, wording
from app.core.conversations.views import ContactMessage, ContactView
from app.core.errors import NotFound, TooMany
from app.core.forms.cards import FormCard
from app.core.messenger import identity, polling, signing_in, visitors, visits
from app.core.messenger.identity import Identity
from app.core.messenger.visitors import Sender, Visitor
from app.models import Channel, SiteCountKind
from app.schemas.entry import BadValue, read_json
from app.web import ids, json_errors
from app.web.compression import compress
from app.web.current import current_globals, current_request
from app.web.messenger import greetings, subscriptions
from app.web.messenger.body import body_of_request
from app.web.security import client_address, refuse_other_sites
from app.web.services import database, keys, polls, read_connection, read_only, site_reports, unit_of_work

# Calls that identify the visitor, and calls of a visitor who has a token or a session.
identification = Blueprint("identification", __name__)
calls = Blueprint("calls", __name__)
_KNOWN = re.compile(r"(\d{1,18}):(\d{1,9})")


class _Json(DefaultJSONProvider):
    ensure_ascii = False
    sort_keys = False
    compact = True


def init_app(api: Flask) -> None:
    """Add the calls and JSON errors."""
    api.json = _Json(api)
    api.before_request(refuse_other_sites)
    api.after_request(compress)
    json_errors.init_app(api)
    api.register_blueprint(identification)
    api.register_blueprint(calls)
    api.register_blueprint(subscriptions.blueprint)
    api.register_blueprint(greetings.blueprint)


@calls.before_request
@subscriptions.blueprint.before_request
def require_bearer() -> None:
    """Read the visitor's token or session into ``g.bearer``.

    :raises NotFound: there is none
    """
    authorization = current_request().authorization
    if authorization is None or authorization.type != "bearer" or not authorization.token:
        raise NotFound("There is nothing here.")
    current_globals().bearer = authorization.token


@identification.get("/session")
def session_of_signed_user() -> dict[str, Any]:
    """Create a session for the user that the page proves; null when it proves none, with what is wrong."""
    signed, at = _identity(), clock.now()
    with read_only() as session:
        user = visitors.signed_user(session, signed, at=at)
        if user is None:
            problem = visitors.identity_problem(session, signed, at=at)
            if problem is not None:
                site_reports().count(SiteCountKind.IDENTITY, problem)
            return {"session": None, "person": "", "stale": False, "identity_problem": problem}
        bearer, is_stale = visitors.session_for(session, user)
    return {"session": bearer, "person": identity.person_of(keys(), user), "stale": is_stale}


@identification.post("/sign-in")
def sign_in() -> dict[str, Any]:
    """Sign the visitor with this token in as the user that the page proves."""
    token = str(body_of_request().get("token") or "")[:100]
    with read_only() as session:
        user = visitors.signed_user(session, _identity(), at=clock.now())
    if user is None:
        raise NotFound("There is nothing here.")
    with unit_of_work() as session:
        wait_s = signing_in.sign_in(session, user, token or None, address=client_address(request), at=clock.now())
    _refuse_too_many(wait_s)
    return {}


@calls.get("/poll")
def poll() -> dict[str, Any]:
    """The changes since the revisions that the panel knows: ``?after=12:40,13:7``, conversation and revision.

    With ``visit``, which a panel says once, ``pending`` tells that ``POST /visit`` would write something.
    """
    asked = request.args
    after = asked.get("after", "")[: polling.KNOWN_CHARS_MAX]
    known = {int(found[1]): int(found[2]) for found in _KNOWN.finditer(after)}
    visitor, news = polls().news(database(), g.bearer, known, at=clock.now())
    answer = {"conversations": [_view(view, visitor) for view in news.views], "more": news.is_more}
    return answer | {"pending": True} if "visit" in asked and _is_expected(visitor) else answer


@calls.post("/visit")
def visit() -> dict[str, Any]:
    """Write the outbound chats that wait for the visitor into their conversation."""
    with read_connection() as connection:
        visitor = visitors.visitor(connection, g.bearer)
    if _is_expected(visitor):  # else no transaction is opened that writes nothing
        with unit_of_work() as session:
            visits.record(session, g.bearer, at=clock.now())
    return {}


@calls.get("/earlier")
def earlier() -> dict[str, Any]:
    conversation_id, before = (request.args.get(name, 0, type=ids.whole_number) for name in ("conversation", "before"))
    with read_connection() as connection:
        visitor = visitors.visitor(connection, g.bearer)
        view = polling.earlier(connection, visitor, conversation_id, before=before, at=clock.now())
    return _view(view, visitor)


@calls.post("/messages")
def write() -> dict[str, Any]:
    body = body_of_request()
    sender = Sender(
        bearer=g.bearer,
        identity=_identity(),
        is_new=body.get("new") is True,
        address=g.client_address,
        locale=wording.negotiate(str(body.get("locale") or ""), request.headers.get("Accept-Language", "")),
    )
    text = None if body.get("press") is True else str(body.get("text") or "")  # the visitor pressed a greeting's form
    client_key, shown = str(body.get("client_key") or ""), greetings.shown_in(body)
    with unit_of_work() as session:
        result = visitors.write(session, sender, body=text, client_key=client_key, shown=shown, at=clock.now())
    _refuse_too_many(result.retry_after_s)
    message = result.message
    if message is None:
        return {}
    at_ms = int(message.at.timestamp() * 1000)
    return {"conversation": message.conversation_id, "number": message.number, "at": at_ms}


@calls.post("/seen")
def seen() -> dict[str, Any]:
    """Record up to which message of each conversation the visitor has seen everything."""
    sent = body_of_request().get("seen")
    if not isinstance(sent, dict) or not all(_is_number(each) for pair in sent.items() for each in pair):
        raise BadRequest
    numbers = {int(conversation): int(number) for conversation, number in sent.items()}
    with read_connection() as connection:
        visitors.visitor(connection, g.bearer)  # refuse unknown visitors before the transaction locks out other writers
    with unit_of_work() as session:
        wait_s = visitors.seen(session, g.bearer, numbers, address=client_address(request), at=clock.now())
    _refuse_too_many(wait_s)
    return {}


def _is_expected(visitor: Visitor) -> bool:
    with read_only() as session:
        return visits.is_expected(session, visitor)


def _refuse_too_many(wait_s: int | None) -> None:
    if wait_s is not None:
        raise _too_many(wait_s)


def _too_many(wait_s: int | None) -> TooMany:
    return TooMany("You’re sending quickly; we’ll deliver this in a moment.", retry_after_s=wait_s or 60)


def _identity() -> Identity:
    """The identity that the page gives for its visitor: JSON, percent-encoded because headers are ASCII only."""
    if not (sent := request.headers.get("Assent-Identity")):
        return Identity()
    try:
        claims = read_json(unquote_to_bytes(sent))
    except BadValue:  # as if the page had said nothing
        claims = {}
    return Identity.read(claims if isinstance(claims, dict) else {})


def _is_number(value: object) -> bool:
    return str(value).isascii() and str(value).isdigit() and len(str(value)) <= 18


def _view(view: ContactView, visitor: Visitor) -> dict[str, Any]:
    return {
        "id": view.conversation_id,
        "revision": view.revision,
        "seen": view.contact_seen_number,
        "earlier": view.has_older,
        "messages": [_message(each, visitor) for each in view.messages],
    }


def _message(message: ContactMessage, visitor: Visitor) -> dict[str, Any]:
    return {
        "number": message.number,
        "from": "visitor" if message.is_own else "office",
        "name": message.author_name,
        "text": message.body,
        "client_key": message.client_key,
        "at": int(message.created_at.timestamp() * 1000),
        "form": _form(message.form, visitor) if message.form else None,
    }


def _form(card: FormCard, visitor: Visitor) -> dict[str, Any]:
    return {"address": _form_address(card.token, visitor), "is_number": card.channel == Channel.SMS}


def _form_address(token: str, visitor: Visitor) -> str:
    """The address of the form. It lets a signed user see their saved number in full."""
    if not visitor.is_signed or visitor.contact_id is None:
        return public_urls.inserted_form(token)
    proof = identity.full_number_proof(keys(), token, visitor.contact_id)
    return public_urls.inserted_form(token, full_number_proof=proof)
