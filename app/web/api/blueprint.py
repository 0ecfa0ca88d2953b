"""One call of the API: its address, who may make it, what it takes, what it answers, in one decorator.

flask-smorest writes the description from it, so that nothing is answered that is not described.
"""

import json
from collections.abc import Callable
from typing import Any, cast

from flask import Response
from flask_smorest import Blueprint
from marshmallow import Schema
from webargs.core import Parser
from webargs.flaskparser import FlaskParser
from werkzeug.wrappers import Request

from app.core.errors import InvalidInput
from app.schemas.fields import ErrorListSchema
from app.web.api import auth as callers
from app.web.api.auth import Scope
from app.web.api.exchange import asked

View = Callable[..., Response]
_ALWAYS = (400, 401, 403, 429, 500)


class Bodies(FlaskParser):
    """JSON as it comes. No body is an empty one: Intercom's clients send none where nothing is needed."""

    DEFAULT_VALIDATION_STATUS = 400
    DEFAULT_UNKNOWN_BY_LOCATION = Parser.DEFAULT_UNKNOWN_BY_LOCATION | {"json": "exclude", "query": "exclude"}

    def load_json(self, req: Request, schema: Schema) -> Any:  # noqa: ARG002 - webargs calls it so
        text = req.get_data()
        if not text.strip():
            return {}
        try:
            body = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise InvalidInput("The body is not valid JSON.") from None
        if not isinstance(body, dict):
            raise InvalidInput("The body must be a JSON object.")
        return body


_PARSER = Bodies()


class Room(Blueprint):
    """A family of calls."""

    ARGUMENTS_PARSER = _PARSER

    def call(
        self,
        method: str,
        rule: str,
        answers: type[Schema],
        *,
        scope: Scope | None = None,
        body: type[Schema] | None = None,
        query: type[Schema] | None = None,
        errors: tuple[int, ...] = (),
        takes_no_body_too: bool = False,
    ) -> Callable[[View], View]:
        """Register a view. Its docstring is the description, the first line of it the summary.

        :param scope: what a token needs; reading for GET, writing for everything else when not given
        :param errors: statuses that it may answer beside 400, 401, 403, 429 and 500
        """
        needed = scope or (Scope.READ if method == "GET" else Scope.WRITE)

        def register(view: View) -> View:
            guarded = _guarded(view, needed, body, query)
            described: View = guarded
            if query is not None:
                described = self.arguments(query, location="query")(described)
            if body is not None:
                described = self.arguments(body, location="json", required=not takes_no_body_too)(described)
            described = self.response(200, answers, description="Done.")(described)
            for status in (*_ALWAYS, *errors, *((413,) if body is not None else ())):
                described = self.alt_response(status, schema=ErrorListSchema, description=_MEANINGS[status])(described)
            described = self.doc(operationId=view.__name__, security=[{"token": []}], **{"x-scope": needed.value})(
                described
            )
            guarded._apidoc = described._apidoc  # type: ignore[attr-defined]  # noqa: SLF001 - flask-smorest's notes
            self.route(rule, methods=[method])(guarded)
            return view

        return register


_MEANINGS = {
    400: "Something in the request cannot be used; `field` says what.",
    401: "No token, or one that is not valid any more (`unauthorized`).",
    403: "The token lacks the scope that this call needs (`forbidden`).",
    404: "There is nothing with this id (`not_found`).",
    409: "What stands does not allow it (`conflict`, `invalid_state`, `suppressed`, `blocked` and others).",
    410: "The contact was merged into another, which the header `Link` names (`contact_merged`).",
    413: "The body is larger than 1 MB (`parameter_invalid`).",
    422: "Understood, but never possible (`immutable_field`, `not_available`).",
    429: "Too many calls with this token (`rate_limit_exceeded`); `Retry-After` says when to go on.",
    500: "Something went wrong on our side, and was noted (`server_error`).",
}


def _guarded(view: View, scope: Scope, body: type[Schema] | None, query: type[Schema] | None) -> View:
    """Ask for the scope before the arguments are even read; give the view what came in the body, and in the query.

    flask-smorest would do the same in a dozen layers, which together cost more than most calls.
    """
    of_body, of_query = body() if body else None, query() if query else None
    unasked: dict[str, Any] | None = of_query.load({}) if of_query else None

    def guarded(**values: str) -> Response:
        callers.ask_for(scope)
        call, read = cast(Any, asked()), []
        if of_body is not None:
            read.append(_PARSER.parse(of_body, call, location="json"))
        if of_query is not None:
            read.append(_PARSER.parse(of_query, call, location="query") if call.query_string else dict(unasked or {}))
        return view(*read, **values)

    guarded.__name__, guarded.__doc__ = view.__name__, _without_parameters(view.__doc__)
    return guarded


def _without_parameters(text: str | None) -> str:
    return (text or "").partition("\n        :")[0]


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
