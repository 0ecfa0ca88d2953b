"""flask-smorest's blueprint with what every call of the API has: a scope, the documented errors, one transaction.

A call is written with three decorators: its route, its arguments, and ``response`` for reading or ``commit`` for
writing. flask-smorest makes the description from them.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

from flask import Request, Response
from flask_smorest import Blueprint
from marshmallow import Schema
from sqlalchemy.orm import Session
from webargs.core import Parser
from webargs.flaskparser import FlaskParser

from app.core.errors import InvalidInput
from app.schemas.before_2_16 import BEFORE_2_16
from app.schemas.entry import BadValue, read_json
from app.schemas.fields import ErrorListSchema
from app.web.api import auth, fixed_fields, idempotent, versions
from app.web.api.auth import Scope
from app.web.current import current_request

View = TypeVar("View", bound=Callable[..., Any])
_ALWAYS = (400, 401, 403, 429, 500, 503)
_MEANINGS = {
    400: "Something in the request cannot be used; `field` says what.",
    401: "No token, or one that is not valid any more (`unauthorized`).",
    403: "The token lacks the scope that this call needs (`forbidden`).",
    404: "There is nothing with this id (`not_found`); `field` names an id that the body or the query has.",
    409: "The current state does not allow it (`conflict`, `invalid_state`, `suppressed`, `blocked` and others).",
    410: "The contact was merged into another, which the header `Link` names (`contact_merged`).",
    413: "The body is larger than 1 MB (`parameter_invalid`).",
    422: "Understood, but never possible (`immutable_field`, `not_available`).",
    429: "Too many calls with this token (`rate_limit_exceeded`); `Retry-After` says when to go on.",
    500: "Something went wrong on our side, and was noted (`server_error`).",
    503: "Too busy, or a search took too long (`service_unavailable`); nothing was changed. `Retry-After` says when. "
    "Or the connection to the database broke (`outcome_unknown`): the call may have been carried out.",
}


class BodyParser(FlaskParser):
    """Reads JSON whatever its content type. An empty body is an empty object: Intercom's clients send none."""

    DEFAULT_VALIDATION_STATUS = 400
    DEFAULT_UNKNOWN_BY_LOCATION = Parser.DEFAULT_UNKNOWN_BY_LOCATION | {"json": "exclude", "query": "exclude"}

    def load_json(self, req: Request, schema: Schema) -> Any:
        text = req.get_data()
        if not text.strip():
            return {}
        try:
            body = read_json(text)
        except BadValue as problem:
            raise InvalidInput(problem.message, field=problem.field) from None
        if not isinstance(body, dict):
            raise InvalidInput("The body must be a JSON object.")
        fixed_fields.remember(body, schema)
        return body


class ApiBlueprint(Blueprint):
    """A family of calls."""

    ARGUMENTS_PARSER = BodyParser()
    # What its description says of every call.
    error_statuses: tuple[int, ...] = _ALWAYS
    error_schema: type[Schema] = ErrorListSchema
    error_meanings: Mapping[int, str] = _MEANINGS
    security = "token"

    def token_of_request(self) -> str:
        """The token that a request shows; empty where it shows none."""
        return auth.token_in_authorization()

    def route(
        self, rule: str, *, scope: Scope | None = None, errors: tuple[int, ...] = (), **options: Any
    ) -> Callable[[View], View]:
        """Register a view. Its docstring is the description of the call, the first line its summary.

        ``get``, ``post``, ``put`` and ``delete`` take the same options.

        :param scope: what the token needs; when not given, ``read`` for GET and ``write`` for everything else
        :param errors: statuses of errors beside 400, 401, 403, 429, 500 and 503
        """
        needed = scope or (Scope.READ if options["methods"] == ["GET"] else Scope.WRITE)

        def register(view: View) -> View:
            @wraps(view)
            def guarded(*arguments: Any, **values: Any) -> Any:
                auth.require_scope(needed)
                return view(*arguments, **values)

            names = {"operationId": view.__name__, "security": [{self.security: []}], "x-scope": needed.value}
            # The documenting decorators wrap the view for their notes only; the wrappers are not called.
            documented = self.doc(**names)(view)._apidoc  # type: ignore[attr-defined]  # noqa: SLF001
            responses = documented.setdefault("response", {}).setdefault("responses", {})
            for status in (*self.error_statuses, *errors, *((413,) if _has_body(view) else ())):
                responses.setdefault(status, []).extend(
                    dict(each) for each in _error_docs(status, self.error_schema, self.error_meanings[status])
                )
            guarded._apidoc = documented  # type: ignore[attr-defined]  # noqa: SLF001
            super(ApiBlueprint, self).route(rule, **options)(guarded)
            return view

        return register

    def arguments(
        self, schema: Schema | type[Schema] | Mapping[str, Any], **options: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """As in flask-smorest, with one instance of the schema: of a class, webargs makes one for each request.

        What an empty query means is found once.
        """
        made = schema() if isinstance(schema, type) else schema
        decorate = super().arguments(made, **options)
        if options.get("location") != "query" or not isinstance(made, Schema) or made.validate({}):
            return decorate
        defaults: dict[str, Any] = made.load({})

        def decorator(view: Callable[..., Any]) -> Callable[..., Any]:
            parsing = decorate(view)

            @wraps(parsing)
            def with_arguments(*arguments: Any, **values: Any) -> Any:
                if current_request().query_string:
                    return parsing(*arguments, **values)
                return view(*arguments, defaults.copy(), **values)

            return with_arguments

        return decorator

    def response(
        self, status_code: Any, schema: Any = None, **options: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """As in flask-smorest, with the schema of an older version where the request names one (``BEFORE_2_16``)."""
        newest = super().response(status_code, schema, **options)
        older_schema = BEFORE_2_16.get(schema)
        if older_schema is None:
            return newest
        older = super().response(status_code, older_schema)

        def decorator(view: Callable[..., Any]) -> Callable[..., Any]:
            respond, respond_as_before = newest(view), older(view)

            @wraps(respond)
            def responding(*arguments: Any, **values: Any) -> Any:
                return (respond_as_before if versions.is_before_2_16() else respond)(*arguments, **values)

            return responding

        return decorator

    def commit(
        self, schema: type[Schema], *, current: Callable[..., Any] | None = None, creates: bool = False
    ) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
        """``response`` for a view that writes. The view gets a session first, and its changes are committed with it.

        The response is dumped in the transaction, and sent once it is durable. A POST with an ``Idempotency-Key`` is
        done once. Fields that ``schema.shown_once`` names are in the first response only.

        :param current: of a view that changes something: returns what it is now, for ``schema``. It gets the session,
            the names of the fields that are needed, and the parts of the address. Fields that the request sends, but
            cannot set, must equal it (``fixed_fields``)
        :param creates: of a view that creates something: fields that the request cannot set must equal the response
        """
        newest = schema()
        older = BEFORE_2_16[schema]() if schema in BEFORE_2_16 else newest

        def decorator(view: Callable[..., Any]) -> Callable[..., Response]:
            respond = self.response(200, schema)(view)

            @wraps(respond)
            def committing(*arguments: Any, **values: Any) -> Response:
                def run(session: Session) -> Response:
                    shape = older if versions.is_before_2_16() else newest
                    if current is not None:
                        fixed_fields.refuse_other_values(
                            shape, lambda names: shape.dump(current(session, names, **values))
                        )
                    response = cast(Response, respond(session, *arguments, **values))
                    if creates:
                        fixed_fields.refuse_other_values(shape, lambda _names: response.get_json())
                    return response

                return idempotent.commit(
                    run,
                    shown_once=getattr(schema, "shown_once", ()),
                )

            return committing

        return decorator


@lru_cache
def _error_docs(status: int, schema: type[Schema], meaning: str) -> list[dict[str, Any]]:
    """What flask-smorest keeps of an error's response. Made once: its decorators copy all notes of a view each time."""
    decorate = Blueprint("errors", __name__).alt_response(status, schema=schema, description=meaning)
    notes: dict[str, Any] = decorate(lambda: None)._apidoc  # type: ignore[attr-defined]  # noqa: SLF001
    found: list[dict[str, Any]] = notes["response"]["responses"][status]
    return found


def _has_body(view: Callable[..., Any]) -> bool:
    parameters = getattr(view, "_apidoc", {}).get("arguments", {}).get("parameters", ())
    return any(each["in"] == "json" for each in parameters)
