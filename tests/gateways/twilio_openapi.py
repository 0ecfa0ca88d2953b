"""Twilio's own description of its API, cut to what Assent uses, as a judge of requests and answers.

Both files in ``tests/data`` are parts of github.com/twilio/twilio-oai (MIT licence, ``twilio-openapi.LICENSE``).
"""

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from openapi_schema_validator import OAS30Validator, oas30_format_checker

from tests.receiver import Received

_DATA = Path(__file__).parents[1] / "data"
MESSAGES, CONSENTS = "twilio-messages-openapi.json", "twilio-consents-openapi.json"


@lru_cache
def _document(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((_DATA / name).read_text("utf-8"))
    return loaded


def assert_request(name: str, received: Received) -> None:
    """The path is one of the description, and the form has the fields that it names, in their formats."""
    operation = _operation(name, received.path)
    schema = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    assert received.headers["content-type"] == "application/x-www-form-urlencoded"
    assert received.headers["authorization"].startswith("Basic ")
    form: dict[str, Any] = {}
    for field, value in parse_qsl(received.raw.decode(), keep_blank_values=True, strict_parsing=True):
        assert field in schema["properties"], field
        if schema["properties"][field].get("type") == "array":
            form.setdefault(field, []).append(value)
        else:
            assert form.setdefault(field, value) == value, f"{field} twice"
    _check(name, schema, form)


def assert_answer(name: str, path: str, status: int, body: bytes) -> None:
    """What our stub answers is what Twilio could answer."""
    schema = _operation(name, path)["responses"][str(status)]["content"]["application/json"]["schema"]
    _check(name, schema, json.loads(body))


def _operation(name: str, path: str) -> dict[str, Any]:
    for template, item in _document(name)["paths"].items():
        pattern = re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(template))
        if (found := re.fullmatch(pattern, path)) and "post" in item:
            operation: dict[str, Any] = item["post"]
            for parameter, value in zip(operation.get("parameters", []), found.groups(), strict=True):
                _check(name, parameter["schema"], value)
            return operation
    raise AssertionError(f"Twilio has no POST {path}")


def _check(name: str, schema: dict[str, Any], value: Any) -> None:
    whole = schema | {"components": _document(name)["components"]}
    problems = OAS30Validator(whole, format_checker=oas30_format_checker).iter_errors(value)
    assert [f"{'.'.join(map(str, each.path))}: {each.message}" for each in problems] == []
