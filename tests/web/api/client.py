"""A client of the API. It checks every response against our OpenAPI description and against Intercom's."""

import json
import re
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml
from flask import Flask
from openapi_schema_validator import OAS30Validator
from werkzeug.exceptions import MethodNotAllowed, NotFound

from app.core import clock
from app.core.accounts import api_tokens
from app.db import Database
from app.web.api import api_of
from app.web.api.description import describe

SUBSET = Path(__file__).parent.parent.parent / "data" / "intercom-openapi-subset.yaml"


@dataclass(frozen=True)
class Response:
    """A response of the API."""

    status: int
    body: Any
    headers: Any

    def __getitem__(self, name: str) -> Any:
        assert self.status == 200, self.body
        return self.body[name]

    @property
    def code(self) -> str:
        """The code of the first error."""
        assert self.body["type"] == "error.list", self.body
        return str(self.body["errors"][0]["code"])

    @property
    def field(self) -> str | None:
        self.code  # noqa: B018 - it must be an error
        found = self.body["errors"][0].get("field")
        return str(found) if found is not None else None


class ApiClient:
    """A client with one token."""

    def __init__(self, app: Flask, token: str | None) -> None:
        self.app, self.token = app, token
        self._client = app.test_client()

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        raw = self._client.open(f"/api{path}", method=method, json=body, headers=sent, buffered=True)
        response = Response(raw.status_code, raw.get_json(silent=True), raw.headers)
        check(self.app, method, path.partition("?")[0], response)
        return response

    def get(self, path: str, **headers: str) -> Response:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Response:
        return self("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Response:
        return self("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Response:
        return self("DELETE", path, **headers)

    def live_type(self, **given: Any) -> str:
        """The id of a live subscription type."""
        given = {"name": "Offers", "content_types": ["sms_message"], "consent_type": "opt_in"} | given
        made = self.post("/subscription_types", given)
        return str(self.post(f"/subscription_types/{made['id']}/put_live")["id"])

    def contact(self, **given: Any) -> str:
        """The id of a contact."""
        return str(self.post("/contacts", given or {"role": "lead"})["id"])

    def search(self, field: str, operator: str, value: Any, **more: Any) -> list[str]:
        """The ids of the contacts that one filter finds."""
        query = {"field": field, "operator": operator, "value": value}
        found = self.post("/contacts/search", {"query": query} | more)
        return [each["id"] for each in found["data"]]


def database(app: Flask) -> Database:
    found: Database = app.extensions["assent"].database
    return found


def token(app: Flask, *scopes: str, **more: Any) -> str:
    with database(app).unit_of_work() as session:
        return api_tokens.create(session, "the shop", list(scopes), at=clock.now(), **more)[1]


def api_client(app: Flask, *scopes: str) -> ApiClient:
    return ApiClient(app, token(app, *scopes))


@cache
def description() -> dict[str, Any]:
    return describe()


@cache
def strict_components() -> dict[str, Any]:
    """The components of the description, with shapes that allow only what they describe. Clients must allow more."""
    strict = deepcopy(description()["components"])
    for schema in strict["schemas"].values():
        schema.setdefault("additionalProperties", False)
    return strict


def check(app: Flask, method: str, path: str, response: Response) -> None:
    """Check a response against our description and Intercom's."""
    if response.status >= 400:
        assert response.body is not None, "an error without JSON"
        assert response.body["request_id"] == response.headers["X-Request-Id"]
    rule = _rule(app, method, path)
    if rule is None:
        return
    documented = description()["paths"][rule][method.lower()]["responses"]
    assert str(response.status) in documented, (
        f"{method} {rule} responds {response.status}, which is undocumented: {response.body}"
    )
    if response.status == 304:
        return
    schema = documented[str(response.status)]["content"]["application/json"]["schema"]
    check_shape(schema, response.body, f"{method} {rule}")
    _check_against_intercom(method, path, response)


def _check_against_intercom(method: str, path: str, response: Response) -> None:
    subset = intercom()
    for name, pattern in _patterns():
        if pattern.fullmatch(path) and (operation := subset["paths"][name].get(method.lower())):
            documented = operation["responses"].get(str(response.status))
            if documented and "content" not in documented:
                return
            schema = (
                documented["content"]["application/json"]["schema"]
                if documented
                else {"$ref": "#/components/schemas/error"}
            )
            body = response.body
            if isinstance(body, dict) and body.get("message_type") == "sms":  # ours
                body = body | {"message_type": "inapp", "conversation_id": "0"}
            problems = list(_intercom_validator(json.dumps(schema)).iter_errors(body))
            shown = (f"{each.json_path}: {each.message[:300]}" for each in problems[:3])
            assert not problems, f"Intercom's {method} {name}: " + "; ".join(shown)
            return


def check_shape(schema: Any, body: Any, what: str) -> None:
    """Check a body against a schema of our description, which has to allow nothing else."""
    problems = list(_strict_validator(json.dumps(schema)).iter_errors(body))
    assert not problems, f"{what}: " + "; ".join(f"{each.instance_path}: {each.message[:300]}" for each in problems[:3])


@cache
def _strict_validator(schema: str) -> Any:
    return jsonschema_rs.Draft202012Validator({"allOf": [json.loads(schema)], "components": strict_components()})


@cache
def _intercom_validator(schema: str) -> Any:
    return OAS30Validator({"allOf": [json.loads(schema)], "components": intercom()["components"]})


def _rule(app: Flask, method: str, path: str) -> str | None:
    """The path in the description that matches a request's path; null when there is none."""
    try:
        rule, _ = api_of(app).url_map.bind("").match(path, method, return_rule=True)
    except (NotFound, MethodNotAllowed):
        return None
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)


@cache
def intercom() -> dict[str, Any]:
    """The part of Intercom's description that we implement."""
    loaded: dict[str, Any] = yaml.load(SUBSET.read_text(), Loader=yaml.CSafeLoader)
    return loaded


@lru_cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """The paths of Intercom's description as patterns, fixed paths before those with ids."""
    names = sorted(intercom()["paths"], key=lambda name: name.count("{"))
    return [
        (name, re.compile(re.sub(r"\{external_id\}", ".+", re.sub(r"\{(?!external)\w+\}", "[^/]+", name))))
        for name in names
    ]
