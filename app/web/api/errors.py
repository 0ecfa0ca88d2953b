"""Errors as Intercom's ``error.list``: every error is JSON, never a page and never a traceback."""

import re
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from app.core.errors import (
    AssentError,
    Forbidden,
    ImmutableField,
    InvalidInput,
    InvalidState,
    Merged,
    NotAvailable,
    NotFound,
    TooMany,
    Unauthorized,
)
from app.web.admission import OutcomeUnknown

IDEMPOTENCY_KEY = "Idempotency-Key"
_STATUS: tuple[tuple[type[AssentError], int], ...] = (
    (Merged, 410),
    (NotFound, 404),
    (Unauthorized, 401),
    (Forbidden, 403),
    (InvalidState, 409),
    (ImmutableField, 422),
    (NotAvailable, 422),
    (TooMany, 429),
    (InvalidInput, 400),
)
_HTTP: dict[int, tuple[str, str]] = {
    400: ("bad_request", "The request could not be understood."),
    404: ("not_found", "There is nothing at this address. See /api/docs for what there is."),
    405: ("method_not_allowed", "This address cannot be used with this method. See /api/docs for what it takes."),
    408: ("request_timeout", "The request took too long to arrive."),
    413: ("parameter_invalid", "What you sent is larger than 1 MB."),
    414: ("parameter_invalid", "The address is too long."),
    500: ("server_error", "Something went wrong on our side. It has been noted; please try again."),
    503: ("service_unavailable", ""),  # the error says why
}


def init_app(api: Flask) -> None:
    """Errors that are neither are logged by Flask's signal (``web/request_log``) and arrive as a 500."""
    api.register_error_handler(AssentError, _refused)
    api.register_error_handler(HTTPException, _http)


def status_of(error: AssentError) -> int:
    """The HTTP status of an error."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 400)


def _refused(error: AssentError) -> Response:
    entry = {"code": error.code, "message": error.message}
    if error.field:
        entry["field"] = _in_body(error.field)
    response = _respond(status_of(error), [entry])
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Merged):
        response.headers["Link"] = f'</contacts/{error.into}>; rel="canonical"'
    return response


def _in_body(field: str) -> str:
    """Where a body has a field that rules name as the forms of pages do: ``title-de`` is ``translations.de.title``."""
    for pattern, name in _IN_BODY:
        if found := pattern.fullmatch(field):
            return found.expand(name).replace("pt_BR", "pt-BR")
    return field


_IN_BODY = (
    (re.compile(r"(title|(?:button|legal|success|checkbox)_text)-(\w+)"), r"translations.\2.\1"),
    (re.compile(r"(messenger_greeting)-(\w+)"), r"\1.\2"),
    (re.compile(r"confirm_(\w+)"), r"confirmation_limits.\1"),
    (re.compile("texts"), "translations"),
)


def _http(error: HTTPException) -> Response:
    messages = getattr(error, "data", {}).get("messages")
    if messages is not None:
        return _respond(400, list(_fields_at_fault(messages)) or [_entry(400)])
    if isinstance(error, OutcomeUnknown):
        return _outcome_unknown(error)
    status = error.code or 500
    response = _respond(status, [_entry(status, error.description)])
    if status == 405 and (methods := getattr(error, "valid_methods", None)):
        response.headers["Allow"] = ", ".join(sorted(methods))
    if isinstance(error, ServiceUnavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _outcome_unknown(error: OutcomeUnknown) -> Response:
    """Only a call that may be repeated says when."""
    is_safe = request.method != "POST" or bool(request.headers.get(IDEMPOTENCY_KEY))
    response = _respond(503, [{"code": "outcome_unknown", "message": _REPEAT if is_safe else _LOOK_FIRST}])
    if is_safe:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


_LOST = "The connection to the database broke, so it is not known whether this call was carried out."
_REPEAT = f"{_LOST} Repeat it: it is carried out once."
_LOOK_FIRST = (
    f"{_LOST} Look before you repeat it, and send an Idempotency-Key: a call that has one is carried out once."
)


def _entry(status: int, description: str | None = None) -> dict[str, str]:
    code, message = _HTTP.get(status, ("client_error" if status < 500 else "server_error", description or ""))
    return {"code": code, "message": message or description or ""}


def _fields_at_fault(messages: Any) -> Iterator[dict[str, str]]:
    """The errors of marshmallow as entries, from ``{"json": {"pagination": {"per_page": ["…"]}}}``."""
    for parts in messages.values() if isinstance(messages, dict) else []:
        for path, message in _leaves(parts, ()):
            entry = {"code": "parameter_invalid", "message": message}
            field = ".".join(part for part in path if part != "_schema")
            if message == _MISSING:
                entry["code"] = "parameter_not_found"
            yield entry | ({"field": field} if field else {})


_MISSING = "Missing data for required field."


def _leaves(messages: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(messages, dict):
        for name, inner in messages.items():
            yield from _leaves(inner, (*path, str(name)[:100]))
    elif isinstance(messages, list):
        for inner in messages[:10]:
            yield from _leaves(inner, path)
    else:
        yield path, str(messages)


def _respond(status: int, errors: list[dict[str, str]]) -> Response:
    response = jsonify({"type": "error.list", "request_id": g.request_id, "errors": errors[:20]})
    response.status_code = status
    return response
