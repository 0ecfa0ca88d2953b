"""The description of the API (OpenAPI 3.1), and a page made from it that loads nothing from other hosts."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from flask import Flask, Response, jsonify, render_template, request
from flask_smorest import Api
from markdown_it import MarkdownIt
from markupsafe import Markup

from app.config import VERSION
from app.core.public_urls import API
from app.web import compression, security
from app.web.api import client_generators, error_codes
from app.web.api.blueprints import BLUEPRINTS
from app.web.api.example_values import sample
from app.web.api.examples import EXAMPLES
from app.web.api.insider_blueprint import INSIDER
from app.web.api.intro import INTRODUCTION

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
    "description": "As Intercom's clients send it. Any version is accepted; up to 2.15 `owner_id` is an integer, and "
    "`priority` is `priority` or `not_priority`. A version that is not known yet is answered with `X-Assent-Warning`.",
    "schema": {"type": "string"},
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


def init_app(api: Flask) -> None:
    """Serve ``/openapi.json`` and ``/docs``."""
    api.jinja_env.filters.update(markdown=_markdown, markdown_line=_markdown_line)
    api.add_url_rule("/openapi.json", "openapi", openapi)
    api.add_url_rule("/docs", "docs", docs)


def openapi() -> Response:
    """The description as JSON."""
    return _sent(Response(_json(), mimetype="application/json"))


def docs() -> Response:
    """The description as a page."""
    return _sent(security.set_policy(Response(_page(), mimetype="text/html"), **_POLICY))


@cache
def _json() -> bytes:
    return jsonify(describe()).get_data()


@cache
def _page() -> str:
    description = describe()
    return render_template("api/docs.html", api=description, prefix=API, groups=list(_groups(description)))


class _Describing(Api):
    """flask-smorest's, without the errors and headers that it would describe itself."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_responses(self) -> None:
        pass

    def _register_etag_headers(self) -> None:
        pass

    def _register_pagination_header(self) -> None:
        pass


def describe() -> dict[str, Any]:
    """The description, the same for every installation. It takes a fifth of a second.

    flask-smorest makes it while it registers blueprints; that happens in a separate application, so that the API
    starts without waiting for it.
    """
    described = Flask(__name__)
    described.config.update(API_TITLE="Assent", API_VERSION=VERSION, OPENAPI_VERSION="3.1.0")
    info = {
        "description": f"{INTRODUCTION}\n{error_codes.listed()}\n",
        "contact": {"name": "The administrators of this installation"},
        "license": {"name": "MIT", "identifier": "MIT"},
    }
    api = _Describing(described, spec_kwargs={"info": info, "servers": [{"url": API}]})
    api.spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    api.spec.components.security_scheme(INSIDER, {"type": "apiKey", "in": "header", "name": "X-REQUEST-TOKEN"})
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    return complete(api.spec.to_dict())


def complete(description: dict[str, Any]) -> dict[str, Any]:
    """Add what holds for every call: headers, links between calls, examples."""
    components = description["components"]
    components["headers"] = {
        name: {"description": says, "schema": {"type": "string"}} for name, says in _HEADERS.items()
    }
    components["schemas"]["Problem"]["properties"]["code"]["enum"] = sorted(error_codes.CODES)
    components["parameters"] = {each["name"]: each for each in (_VERSION, _IDEMPOTENCY, _NONE_MATCH)}
    for operations in description["paths"].values():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            operation["responses"] = {
                str(getattr(status, "value", status)): each for status, each in operation["responses"].items()
            }
            _complete("insider" if _is_of_insider(operation) else method, operation)
            operation.setdefault("description", operation["summary"])
            answered = operation["responses"]["200"]["content"]["application/json"]
            answered["example"] = sample(answered["schema"], components["schemas"])
    client_generators.adapt(description)
    return description


def _is_of_insider(operation: dict[str, Any]) -> bool:
    """Whether it is a call of Insider's contract, which has no ``Idempotency-Key``: a repetition changes nothing."""
    return bool(operation["security"] == [{INSIDER: []}])


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
    """The calls of each blueprint, in the order of the page."""
    for tag in description["tags"]:
        calls = [
            {"method": method, "path": path, **operation, "path_parameters": operations.get("parameters", [])}
            for path, operations in description["paths"].items()
            for method, operation in operations.items()
            if method != "parameters" and tag["name"] in operation["tags"]
        ]
        yield {**tag, "calls": calls}


def _markdown(text: str) -> Markup:
    """Our Markdown as HTML; HTML inside it is escaped."""
    return Markup(_MARKDOWN.render(text))  # noqa: S704 - rendered with HTML switched off


def _markdown_line(text: str) -> Markup:
    return Markup(_MARKDOWN.renderInline(text))  # noqa: S704


def _sent(response: Response) -> Response:
    """Compressed, which is safe because it has no secret, and for caches."""
    response.add_etag(weak=True)  # the same for each encoding
    response.headers["Cache-Control"] = "public, max-age=300"
    response.make_conditional(request)
    return compression.compress(response)
