"""What the panel asks and says. A visitor is told by the header ``Authorization: Bearer``; there is no cookie.

GETs only read. Whoever is a stranger gets the same 404 as for what does not exist.
"""

import json
import re
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from flask import g
from werkzeug.exceptions import BadRequest, HTTPException

from app.core import clock, wording
from app.core.conversations.views import ContactMessage, ContactView
from app.core.errors import AssentError, NotFound, TooMany
from app.core.forms.cards import FormCard
from app.core.messenger import identity as messenger_identity
from app.core.messenger import polling as messenger_polls
from app.core.messenger import visitors as messenger
from app.core.messenger.identity import Identity
from app.core.messenger.visitors import Sender, Visitor
from app.models import Channel
from app.web import errors
from app.web import ids as numbers
from app.web.apart import Refused
from app.web.exchange import Answer, Asked
from app.web.security import HSTS
from app.web.services import database, keys, polls, read_connection, read_only, unit_of_work

MAX_BODY_BYTES = 65_536
_KNOWN = re.compile(r"(\d{1,18}):(\d{1,9})")
_HEADERS = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)


def session_of_a_signed_user(asked: Asked) -> Answer:
    """A session for whom the page proves its visitor to be, else null."""
    with read_only() as session:
        user = messenger.signed_user(session, _identity(asked), at=clock.now())
        if user is None:
            return _json(asked, {"session": None, "person": "", "stale": False})
        bearer, is_stale = messenger.session_for(session, user)
    person = messenger_identity.person_of(keys(), user)
    return _json(asked, {"session": bearer, "person": person, "stale": is_stale})


def sign_in(asked: Asked) -> Answer:
    token = str(_body(asked).get("token") or "")[:100]
    with read_only() as session:
        user = messenger.signed_user(session, _identity(asked), at=clock.now())
    if user is None:
        raise NotFound("There is nothing here.")
    with unit_of_work() as session:
        wait_s = messenger.sign_in(session, user, token or None, address=asked.remote_addr, at=clock.now())
    return _done(asked, wait_s)


def poll(asked: Asked) -> Answer:
    """What is new since the revisions that the panel knows: ``?after=12:40,13:7``, conversation and revision."""
    after = asked.args.get("after", "")[: messenger_polls.KNOWN_CHARS_MAX]
    known = {int(found[1]): int(found[2]) for found in _KNOWN.finditer(after)}
    who, news = polls().news(database(), _bearer(asked), known, at=clock.now())
    return _json(asked, {"conversations": [_view(view, who) for view in news.views], "more": news.is_more})


def earlier(asked: Asked) -> Answer:
    conversation_id, before = (asked.args.get(name, 0, type=numbers.whole) for name in ("conversation", "before"))
    with read_connection() as look:
        who = messenger.visitor(look, _bearer(asked))
        view = messenger_polls.earlier(look, who, conversation_id, before=before, at=clock.now())
    return _json(asked, _view(view, who))


def write(asked: Asked) -> Answer:
    body = _body(asked)
    sender = Sender(
        bearer=_bearer(asked),
        identity=_identity(asked),
        is_new=body.get("new") is True,
        address=asked.remote_addr,
        locale=wording.negotiate(str(body.get("locale") or ""), asked.header("HTTP_ACCEPT_LANGUAGE")),
    )
    text, client_key = str(body.get("text") or ""), str(body.get("client_key") or "")
    with unit_of_work() as session:
        written = messenger.write(session, sender, body=text, client_key=client_key, at=clock.now())
    if written.message is None:
        raise _too_many(written.retry_after_s)
    said = written.message
    at = int(said.at.timestamp() * 1000)
    return _json(asked, {"conversation": said.conversation_id, "number": said.number, "at": at})


def seen(asked: Asked) -> Answer:
    numbers = _body(asked).get("seen")
    if not isinstance(numbers, dict) or not all(_is_number(each) for pair in numbers.items() for each in pair):
        raise BadRequest
    told, bearer = {int(conversation): int(number) for conversation, number in numbers.items()}, _bearer(asked)
    with read_connection() as look:
        messenger.visitor(look, bearer)  # a stranger keeps nobody waiting who writes
    with unit_of_work() as session:
        wait_s = messenger.seen(session, bearer, told, address=asked.remote_addr, at=clock.now())
    return _done(asked, wait_s)


def status_of(refused: Refused) -> int:
    return errors.status_of(refused) if isinstance(refused, AssentError) else refused.code or 500


def failure(asked: Asked, status: int, refused: Refused | None) -> Answer:
    if isinstance(refused, AssentError):
        code = refused.code
    else:
        name = refused.name if isinstance(refused, HTTPException) else HTTPStatus(status).phrase
        code = name.lower().replace(" ", "_")
    answer = _json(asked, {"error": code}, status)
    if isinstance(refused, TooMany):
        answer.headers.append(("Retry-After", str(refused.retry_after_s)))
    return answer


def _done(asked: Asked, wait_s: int | None) -> Answer:
    if wait_s is not None:
        raise _too_many(wait_s)
    return _json(asked, {})


def _too_many(wait_s: int | None) -> TooMany:
    return TooMany("That was a lot at once.", retry_after_s=wait_s or 60)


def _bearer(asked: Asked) -> str:
    kind, _, bearer = asked.header("HTTP_AUTHORIZATION").partition(" ")
    if kind.lower() != "bearer" or not bearer:
        raise NotFound("There is nothing here.")
    return bearer.strip()


def _identity(asked: Asked) -> Identity:
    """What the page said of its visitor, as JSON in percent-encoding, for a header takes no other letters."""
    try:
        said = json.loads(unquote(asked.header("HTTP_ASSENT_IDENTITY")) or "{}")
    except ValueError:
        said = {}
    return Identity.read(said if isinstance(said, dict) else {})


def _body(asked: Asked) -> dict[str, Any]:
    body = asked.get_json()
    if not isinstance(body, dict):
        raise BadRequest
    return body


def _json(asked: Asked, body: dict[str, Any], status: int = 200) -> Answer:
    headers = [*_HEADERS, ("X-Request-Id", g.request_id)]
    if asked.is_secure:
        headers.append(("Strict-Transport-Security", HSTS))
    return Answer(json.dumps(body, separators=(",", ":"), ensure_ascii=False) + "\n", status, headers)


def _is_number(value: object) -> bool:
    return str(value).isascii() and str(value).isdigit() and len(str(value)) <= 18


def _view(view: ContactView, who: Visitor) -> dict[str, Any]:
    return {
        "id": view.conversation_id,
        "revision": view.revision,
        "seen": view.contact_seen_number,
        "earlier": view.has_older,
        "messages": [_message(each, who) for each in view.messages],
    }


def _message(message: ContactMessage, who: Visitor) -> dict[str, Any]:
    return {
        "number": message.number,
        "from": "visitor" if message.is_own else "office",
        "name": message.author_name,
        "text": message.body,
        "client_key": message.client_key,
        "at": int(message.created_at.timestamp() * 1000),
        "form": _form(message.form, who) if message.form else None,
    }


def _form(card: FormCard, who: Visitor) -> dict[str, Any]:
    return {"address": _form_address(card.token, who), "is_number": card.channel == Channel.SMS}


def _form_address(token: str, who: Visitor) -> str:
    """Where the form is; to a signed user it shows their saved number in full."""
    if not who.is_signed or who.contact_id is None:
        return f"/f/{token}"
    return f"/f/{token}?full={messenger_identity.full_number_proof(keys(), token, who.contact_id)}"
