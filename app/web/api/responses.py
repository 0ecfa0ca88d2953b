"""Answers: JSON, kept under an Idempotency-Key where one came, told apart by an ETag where somebody polls."""

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from app.core import audit, clock, idempotency
from app.web.api import auth as callers
from app.web.api.exchange import asked
from app.web.services import unit_of_work

Body = dict[str, Any]
_KEY = "Idempotency-Key"


def answer(body: Body, status: int = 200) -> Response:
    return _json(_packed(body), status)


def polled(body: Body, revisions: Iterable[int] = ()) -> Response:
    """An answer for whoever asks again and again: 304 without a body while nothing changed.

    :param revisions: of what is in it, where a change may leave the answer as it is: times are told by the second
    """
    response = answer(body)
    content = response.get_data() + repr(list(revisions)).encode()
    response.set_etag(hashlib.sha256(content).hexdigest()[:32], weak=True)
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(asked())
    return response


def written(
    act: Callable[[Session], Body],
    *,
    shown_once: tuple[str, ...] = (),
    audited: str | None = None,
    details: Body | None = None,
) -> Response:
    """What ``act`` answers, done in one transaction: acknowledged only once it is durable.

    A POST with an ``Idempotency-Key`` is done once: the same call again is answered as the first one was.

    :param shown_once: fields that nobody keeps: they are in the first answer only
    :param audited: what the audit log says that the token did, where neither the rule nor the ledger notes who did it
    :param details: what it says beside; ids and names of fields only
    """
    if audited is not None:
        act = _audited(act, audited, details or {})
    call = asked()
    key = call.headers.get(_KEY) if call.method == "POST" else None
    if key is None:
        with unit_of_work() as session:
            body = act(session)
        return answer(body)
    return _once(key, act, shown_once)


def _audited(act: Callable[[Session], Body], action: str, details: Body) -> Callable[[Session], Body]:
    def noted(session: Session) -> Body:
        body = act(session)
        audit.record(session, callers.current().actor, action, _subject(body), details, at=clock.now())
        session.flush()
        return body

    return noted


def _subject(body: Body) -> str:
    """What an answer is about, as the audit log names it. A message is about its conversation."""
    if body["type"].endswith("_message"):
        return f"conversation:{body['conversation_id']}"
    return f"{body['type']}:{body['id']}"


def _once(key: str, act: Callable[[Session], Body], shown_once: tuple[str, ...]) -> Response:
    caller, asking = callers.current(), asked()
    call = idempotency.fingerprint(asking.method, asking.full_path, asking.get_data())
    with unit_of_work() as session:
        kept = idempotency.claim(session, caller.token_id, key, call, at=clock.now())
        if kept is None:
            body = act(session)
            text = _packed(body)
            lasting = _packed({name: value for name, value in body.items() if name not in shown_once})
            idempotency.keep(session, caller.token_id, key, lasting)
    if kept is None:
        return _json(text, 200)
    response = _json(kept, 200)
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _packed(body: Body) -> str:
    return json.dumps(body, separators=(",", ":"))


def _json(text: str, status: int) -> Response:
    return Response(text, status=status, mimetype="application/json")
