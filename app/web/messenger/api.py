"""What the panel asks and says. A visitor is told by the header ``Authorization: Bearer``; there is no cookie.

GETs only read. Whoever is a stranger gets the same 404 as for what does not exist.
"""

import json
import re
from typing import Any
from urllib.parse import unquote

from flask import Blueprint, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException

from app.core import clock, messenger, messenger_identity, messenger_polls, wording
from app.core.conversation_views import ContactLine, ContactView
from app.core.errors import AssentError, NotFound, TooMany
from app.core.form_cards import FormCard
from app.core.messenger import Sender, Visitor
from app.core.messenger_identity import Identity
from app.models import Channel
from app.web import numbers
from app.web.database import database, keys, read_only, unit_of_work
from app.web.errors import status_of
from app.web.live import polls
from app.web.security import csrf

blueprint = Blueprint("messenger_api", __name__, url_prefix="/messenger/api")
csrf.exempt(blueprint)
MAX_BODY_BYTES = 65_536
_KNOWN = re.compile(r"(\d{1,18}):(\d{1,9})")


@blueprint.before_request
def only_from_our_frame() -> None:
    """There is nothing that another site's page could ride on; this is the second lock."""
    request.max_content_length = MAX_BODY_BYTES
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        abort(403)


@blueprint.get("/session")
def session_of_a_signed_user() -> Response:
    """A session for whom the page proves its visitor to be, else null."""
    with read_only() as session:
        user = messenger.signed_user(session, _identity(), at=clock.now())
        if user is None:
            return jsonify(session=None, person="", stale=False)
        bearer, is_stale = messenger.session_for(session, user)
    return jsonify(session=bearer, person=messenger_identity.person_of(keys(), user), stale=is_stale)


@blueprint.post("/sign-in")
def sign_in() -> Response:
    token = str(_body().get("token") or "")[:100]
    with read_only() as session:
        user = messenger.signed_user(session, _identity(), at=clock.now())
    if user is None:
        raise NotFound("There is nothing here.")
    with unit_of_work() as session:
        wait_s = messenger.sign_in(session, user, token or None, address=request.remote_addr, at=clock.now())
    return _done(wait_s)


@blueprint.get("/poll")
def poll() -> Response:
    """What is new since the revisions that the panel knows: ``?after=12:40,13:7``, conversation and revision."""
    known = {int(found[1]): int(found[2]) for found in _KNOWN.finditer(request.args.get("after", "")[:200])}
    who, news = polls().news(database(), _bearer(), known, at=clock.now())
    return jsonify(conversations=[_view(view, who) for view in news.views], more=news.is_more)


@blueprint.get("/earlier")
def earlier() -> Response:
    conversation_id, before = (request.args.get(name, 0, type=numbers.whole) for name in ("conversation", "before"))
    with read_only() as session:
        who = messenger.visitor(session, _bearer())
        view = messenger_polls.earlier(session, who, conversation_id, before=before, at=clock.now())
    return jsonify(_view(view, who))


@blueprint.post("/messages")
def write() -> Response:
    body = _body()
    sender = Sender(
        bearer=_bearer(),
        identity=_identity(),
        is_new=body.get("new") is True,
        address=request.remote_addr,
        locale=wording.negotiate(str(body.get("locale") or ""), request.headers.get("Accept-Language", "")),
    )
    text, client_key = str(body.get("text") or ""), str(body.get("client_key") or "")
    with unit_of_work() as session:
        written = messenger.write(session, sender, body=text, client_key=client_key, at=clock.now())
    if written.message is None:
        raise _too_many(written.retry_after_s)
    message = written.message
    return jsonify(
        conversation=message.conversation_id,
        number=message.number,
        at=int(message.created_at.timestamp() * 1000),
    )


@blueprint.post("/seen")
def seen() -> Response:
    numbers = _body().get("seen")
    if not isinstance(numbers, dict) or not all(_is_number(each) for pair in numbers.items() for each in pair):
        abort(400)
    told, bearer = {int(conversation): int(number) for conversation, number in numbers.items()}, _bearer()
    with read_only() as session:
        messenger.visitor(session, bearer)  # a stranger keeps nobody waiting who writes
    with unit_of_work() as session:
        wait_s = messenger.seen(session, bearer, told, address=request.remote_addr, at=clock.now())
    return _done(wait_s)


@blueprint.errorhandler(AssentError)
def refused(error: AssentError) -> Response:
    response = jsonify(error=error.code)
    response.status_code = status_of(error)
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


@blueprint.errorhandler(HTTPException)
def failed(error: HTTPException) -> Response:
    response = jsonify(error=error.name.lower().replace(" ", "_"))
    response.status_code = error.code or 500
    return response


def _done(wait_s: int | None) -> Response:
    if wait_s is not None:
        raise _too_many(wait_s)
    return jsonify({})


def _too_many(wait_s: int | None) -> TooMany:
    return TooMany("That was a lot at once.", retry_after_s=wait_s or 60)


def _bearer() -> str:
    kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not bearer:
        raise NotFound("There is nothing here.")
    return bearer.strip()


def _identity() -> Identity:
    """What the page said of its visitor, as JSON in percent-encoding, for a header takes no other letters."""
    try:
        said = json.loads(unquote(request.headers.get("Assent-Identity", "")) or "{}")
    except ValueError:
        said = {}
    return Identity.read(said if isinstance(said, dict) else {})


def _body() -> dict[str, Any]:
    body = request.get_json()
    if not isinstance(body, dict):
        abort(400)
    return body


def _is_number(value: object) -> bool:
    return str(value).isascii() and str(value).isdigit() and len(str(value)) <= 18


def _view(view: ContactView, who: Visitor) -> dict[str, Any]:
    return {
        "id": view.conversation_id,
        "revision": view.revision,
        "seen": view.contact_seen_number,
        "earlier": view.has_older,
        "messages": [_line(line, who) for line in view.lines],
    }


def _line(line: ContactLine, who: Visitor) -> dict[str, Any]:
    return {
        "number": line.number,
        "from": "visitor" if line.is_own else "office",
        "name": line.author_name,
        "text": line.body,
        "client_key": line.client_key,
        "at": int(line.created_at.timestamp() * 1000),
        "form": _form(line.form, who) if line.form else None,
    }


def _form(card: FormCard, who: Visitor) -> dict[str, Any]:
    return {"address": _form_address(card.token, who), "is_number": card.channel == Channel.SMS}


def _form_address(token: str, who: Visitor) -> str:
    """Where the form is; to a signed user it shows their saved number in full."""
    if not who.is_signed or who.contact_id is None:
        return f"/f/{token}"
    return f"/f/{token}?full={messenger_identity.full_number_proof(keys(), token, who.contact_id)}"
