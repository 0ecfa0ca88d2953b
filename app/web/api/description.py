"""The description of the API (OpenAPI 3.1), and readable pages made from it without any request to another host."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Flask, Response, current_app, render_template
from flask_smorest import Api
from markdown_it import MarkdownIt
from markupsafe import Markup

from app.config import VERSION
from app.web import security
from app.web.api import auth as callers
from app.web.api import error_codes as codes
from app.web.api.blueprint import Room
from app.web.api.example_values import sample
from app.web.api.examples import EXAMPLES
from app.web.api.exchange import asked
from app.web.api.intro import INTRODUCTION

_DESCRIPTION = "assent.api_description"
_MARKDOWN = MarkdownIt("commonmark", {"html": False})
_POLICY = {"style_src": "'self'", "script_src": "'none'", "connect_src": "'none'"}
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same call with the same key within 24 hours does nothing again and is answered alike.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_VERSION = {
    "name": "Intercom-Version",
    "in": "header",
    "required": False,
    "description": "Accepted from Intercom's clients; there is one behaviour for every version.",
    "schema": {"type": "string", "enum": sorted(callers.VERSIONS)},
}
_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of an earlier answer.",
    "schema": {"type": "string"},
}
_HEADERS = {
    "X-Request-Id": "Names this call, in the log and in errors.",
    "X-RateLimit-Limit": "How many calls this token may make in ten seconds.",
    "X-RateLimit-Remaining": "How many are left.",
    "X-RateLimit-Reset": "When the ten seconds are over, in Unix seconds.",
}


class _Api(Api):
    """flask-smorest's, without what it would answer by itself: errors are ``failures``'."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self, *_arguments: Any, **_more: Any) -> None:
        pass

    def _register_responses(self) -> None:
        pass

    def _register_etag_headers(self) -> None:
        pass

    def _register_pagination_header(self) -> None:
        pass


def describe(api: Flask, rooms: Iterable[Room]) -> None:
    """Register the rooms, and serve ``/api/openapi.json`` and ``/api/docs``."""
    api.config.update(API_TITLE="Assent", API_VERSION=VERSION, OPENAPI_VERSION="3.1.0")
    made = _Api(
        api,
        spec_kwargs={
            "info": {
                "description": f"{INTRODUCTION}\n{codes.listed()}\n",
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": "/"}],
        },
    )
    made.spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    for room in rooms:
        made.register_blueprint(room)
    api.extensions[_DESCRIPTION] = complete(made.spec.to_dict())
    api.jinja_env.filters.update(markdown=_markdown, markdown_line=_markdown_line)
    for path, view in (("/api/openapi.json", openapi), ("/api/docs", docs)):
        api.add_url_rule(path, view.__name__, view)
        api.extensions.setdefault(callers.UNGUARDED, set()).add(view.__name__)


def openapi() -> Response:
    """The description as JSON."""
    response = current_app.response_class(
        json.dumps(current_app.extensions[_DESCRIPTION], ensure_ascii=False), mimetype="application/json"
    )
    return _kept(response)


def docs() -> Response:
    """The description as a page."""
    description = current_app.extensions[_DESCRIPTION]
    page = render_template("api/docs.html", api=description, groups=list(_groups(description)))
    response = current_app.response_class(page, mimetype="text/html")
    return _kept(security.set_policy(response, **_POLICY))


def complete(description: dict[str, Any]) -> dict[str, Any]:
    """The description with what holds for every call: headers, links between calls, examples."""
    components = description["components"]
    components["headers"] = {
        name: {"description": says, "schema": {"type": "string"}} for name, says in _HEADERS.items()
    }
    components["schemas"]["Problem"]["properties"]["code"]["enum"] = sorted(codes.CODES)
    components["parameters"] = {each["name"]: each for each in (_VERSION, _IDEMPOTENCY, _NONE_MATCH)}
    for operations in description["paths"].values():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            operation["responses"] = {
                str(getattr(status, "value", status)): each for status, each in operation["responses"].items()
            }
            _complete(method, operation)
            answered = operation["responses"]["200"]["content"]["application/json"]
            answered["example"] = sample(answered["schema"], components["schemas"])
    return description


def _complete(method: str, operation: dict[str, Any]) -> None:
    common = [_VERSION, *([_IDEMPOTENCY] if method == "post" else []), *([_NONE_MATCH] if method == "get" else [])]
    references = [{"$ref": f"#/components/parameters/{each['name']}"} for each in common]
    operation.setdefault("parameters", []).extend(references)
    responses = operation["responses"]
    if method == "get":
        responses["304"] = {"description": "The same as before, where an `ETag` was sent in `If-None-Match`."}
    if method == "post":
        responses.setdefault("409", responses["400"] | {"description": _CONFLICT})
    for status, response in responses.items():
        if status != "401":
            response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}
    if example := EXAMPLES.get(operation["operationId"]):
        _put_example(operation, example)


_CONFLICT = "The `Idempotency-Key` was used for another call (`idempotency_conflict`)."


def _put_example(operation: dict[str, Any], example: dict[str, Any]) -> None:
    if "requestBody" in operation and "request" in example:
        operation["requestBody"]["content"]["application/json"]["example"] = example["request"]
    if links := example.get("links"):
        operation["responses"]["200"]["links"] = links


def _groups(description: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The calls by family, in order, as the page shows them."""
    for tag in description["tags"]:
        calls = [
            {"method": method, "path": path, **operation, "path_parameters": operations.get("parameters", [])}
            for path, operations in description["paths"].items()
            for method, operation in operations.items()
            if method != "parameters" and tag["name"] in operation["tags"]
        ]
        yield {**tag, "calls": calls}


def _markdown(text: str) -> Markup:
    """Markdown of ours as HTML; no HTML in it is passed on."""
    return Markup(_MARKDOWN.render(text))  # noqa: S704 - rendered with HTML switched off


def _markdown_line(text: str) -> Markup:
    return Markup(_MARKDOWN.renderInline(text))  # noqa: S704


def _kept(response: Response) -> Response:
    response.add_etag()
    response.headers["Cache-Control"] = "public, max-age=300"
    response.make_conditional(asked())
    return response
