"""One transaction for each call that writes, and one execution for each ``Idempotency-Key``."""

import json
from collections.abc import Callable, Collection

from flask import Response, current_app, request
from sqlalchemy.orm import Session

from app.core import clock, idempotency
from app.web.api import auth
from app.web.api.errors import IDEMPOTENCY_KEY
from app.web.services import unit_of_work


def commit(respond: Callable[[Session], Response], *, shown_once: Collection[str]) -> Response:
    """Run ``respond`` in a transaction and return its response after the commit.

    Repeating a POST with its ``Idempotency-Key`` returns the first response again and runs nothing.

    :param shown_once: fields that are not stored with the key, such as secrets
    """
    key = request.headers.get(IDEMPOTENCY_KEY) if request.method == "POST" else None
    with unit_of_work() as session:
        return respond(session) if key is None else _once(session, key, respond, shown_once)


def _once(session: Session, key: str, respond: Callable[[Session], Response], shown_once: Collection[str]) -> Response:
    token_id = auth.caller().token_id
    call = idempotency.fingerprint(request.method, request.full_path, request.get_data())
    kept = idempotency.claim(session, token_id, key, call, at=clock.now())
    if kept is not None:
        replayed = current_app.response_class(kept, mimetype="application/json")
        replayed.headers["Idempotent-Replayed"] = "true"
        return replayed
    response = respond(session)
    idempotency.save_response(session, token_id, key, _stored(response, shown_once))
    return response


def _stored(response: Response, shown_once: Collection[str]) -> str:
    """The response as it is stored with the key."""
    text = response.get_data(as_text=True)
    if not shown_once:
        return text
    return json.dumps({name: value for name, value in json.loads(text).items() if name not in shown_once})
