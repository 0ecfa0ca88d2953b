"""Calls of Insider's contract: its headers, its way to read a body, and the shape of its errors."""

from typing import Any

from flask import Response, jsonify, request
from marshmallow import Schema
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

from app.core.errors import AssentError, Forbidden, InvalidInput, TooMany, Unauthorized
from app.schemas.entry import BadValue, parse_json
from app.schemas.insider import paths_of
from app.schemas.insider_result import InsiderErrorSchema
from app.web.api import errors
from app.web.api.blueprint import ApiBlueprint, BodyParser

INSIDER = "insider"
_PARTNER, _TOKEN = "X-PARTNER-NAME", "X-REQUEST-TOKEN"
_ENDS = {400: "bad request", 403: "forbidden", 404: "not found", 409: "conflict", 413: "payload too large"}


_MEANINGS = {
    400: "The request cannot be read; `error` says what is wrong.",
    403: "A header is missing or wrong, or the token lacks the scope `write`.",
    404: "No user has the identifier.",
    409: "Another user has the identifier, or it is the only one.",
    413: "The body is larger than 5 MB; of all calls but the upsert than 1 MB.",
    429: "Too many calls with this token; `Retry-After` says when to go on.",
    500: "Something went wrong on our side, and was noted.",
    503: "Too busy. Repeat the call: what was stored before is stored, and is not stored again.",
}


class _Parser(BodyParser):
    def load_json(self, req: Request, schema: Schema) -> Any:  # noqa: ARG002 - as webargs calls it
        try:
            body = parse_json(req.get_data())
        except BadValue:
            raise InvalidInput("body must be valid JSON") from None
        if not isinstance(body, dict):
            raise InvalidInput("body must be an object")
        return body


class InsiderBlueprint(ApiBlueprint):
    """Blueprint whose calls show the token in ``X-REQUEST-TOKEN``, and whose errors are ``{"error": "…"}``."""

    ARGUMENTS_PARSER = _Parser()
    error_statuses = (400, 403, 429, 500, 503)
    error_schema = InsiderErrorSchema
    error_meanings = _MEANINGS
    security = INSIDER

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.register_error_handler(AssentError, _refused)
        self.register_error_handler(HTTPException, _http)

    def token_of_request(self) -> str:
        """:raises Forbidden: the partner's name is missing, or is not in lower case"""
        if not (name := partner()) or name != name.lower():
            raise Forbidden("%(header)s must be the name of the partner in lower case", header=_PARTNER)
        return request.headers.get(_TOKEN, "").strip()


def partner() -> str:
    """The name that the client gives itself."""
    return request.headers.get(_PARTNER, "").strip()[:100]


def _refused(error: AssentError) -> Response:
    if isinstance(error, TooMany):
        response = _respond(429, "rejected: too many requests")
        response.headers["Retry-After"] = str(error.retry_after_s)
        return response
    if isinstance(error, Unauthorized):
        return _respond(403, f"{_TOKEN} must be a valid token: forbidden")
    status = errors.status_of(error)
    return _respond(status, f"{error.message.rstrip('.')}: {_ENDS.get(status, 'refused')}")


def _http(error: HTTPException) -> Response:
    messages = getattr(error, "data", {}).get("messages", {}).get("json")
    if messages:
        path, sentences = next(iter(paths_of(messages, "").items()))
        return _respond(400, f"{path.strip('.')} {sentences[0]}: bad request")
    status = error.code or 500
    response = _respond(status, f"rejected: {_ENDS.get(status, error.name.lower())}")
    if (retry_after := getattr(error, "retry_after", None)) is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _respond(status: int, sentence: str) -> Response:
    response = jsonify({"error": sentence})
    response.status_code = status
    return response
