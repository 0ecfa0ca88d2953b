"""Schemathesis generates requests from the description and follows its links, and every response is as described.

``FUZZ_EXAMPLES=200 pytest tests/web/api/test_fuzz.py`` tries more requests, other ones each time.
"""

import os
from typing import Any

import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as limits
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from app.schemas.fields import ACCEPTS_INTEGERS
from tests.web.api.client import api_client, description, token

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "5"))
BUDGET = limits(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# A schema cannot express all rules: the query language, fields that need each other, a type that must be live.
# Unknown parameters are ignored, as Intercom does, and every request gets the token.
EXCLUDED_CHECKS = [positive_data_acceptance, negative_data_rejection]


def described(app: Flask) -> Any:
    """The description; an integer is a valid id, which it says in words only."""
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app)
    for shape in schema.raw_schema["components"]["schemas"].values():
        for each in shape["properties"].values():
            if ACCEPTS_INTEGERS in each:
                each["type"] = ["integer", *([each["type"]] if isinstance(each["type"], str) else each["type"])]
    return schema


def test_generated_requests_get_responses_as_described(app: Flask) -> None:
    client = api_client(app)
    offers = client.live_type()
    client.contact(external_id="70", phone="+12025550123")
    client.post("/forms", {"subscription_type_id": offers, "title": "Texts"})
    schema = described(app)
    headers = {"Authorization": f"Bearer {token(app, 'admin')}"}
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        fuzz(result.ok(), headers)


def test_linked_requests_get_responses_as_described(app: Flask) -> None:
    api_client(app).live_type()
    schema = described(app)
    headers = {"Authorization": f"Bearer {token(app, 'admin')}"}

    class Workflow(schema.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:  # noqa: ARG002
            return {"headers": headers}

        def validate_response(self, response: Any, case: Any, **more: Any) -> None:  # noqa: ARG002
            case.validate_response(response, excluded_checks=EXCLUDED_CHECKS, headers=headers)

    Workflow.run(settings=limits(BUDGET, max_examples=2 * EXAMPLES, stateful_step_count=6))


def test_the_description_has_links(app: Flask) -> None:
    linked = [
        link
        for path in description()["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict)
        for link in operation["responses"]["200"].get("links", {}).values()
    ]
    assert len(linked) > 12


def fuzz(operation: Any, headers: dict[str, str]) -> None:
    @given(case=operation.as_strategy())
    @BUDGET
    def run(case: Any) -> None:
        case.call_and_validate(headers=headers, excluded_checks=EXCLUDED_CHECKS)

    run()
