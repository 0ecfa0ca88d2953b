"""schemathesis reads the description, makes up calls, follows the links between them, and finds nothing."""

from typing import Any

import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as limits
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.web.api.client import calls, description, token

BUDGET = limits(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# A schema cannot say what rules refuse: a query language inside an object, one field needing another, a live type.
LEFT_OUT = [positive_data_acceptance]


def test_made_up_calls_are_answered_as_described(app: Flask) -> None:
    client = calls(app)
    kind = client.live_type()
    client.contact(external_id="70", phone="+12025550123")
    client.post("/forms", {"subscription_type_id": kind, "title": "Texts"})
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app)
    headers = {"Authorization": f"Bearer {token(app, 'admin')}"}
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        fuzz(result.ok(), headers)


def test_calls_that_follow_each_other_are_answered_as_described(app: Flask) -> None:
    calls(app).live_type()
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app)
    headers = {"Authorization": f"Bearer {token(app, 'admin')}"}

    class Workflow(schema.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:  # noqa: ARG002
            return {"headers": headers}

        def validate_response(self, response: Any, case: Any, **more: Any) -> None:  # noqa: ARG002
            case.validate_response(response, excluded_checks=LEFT_OUT, headers=headers)

    Workflow.run(settings=limits(BUDGET, max_examples=15, stateful_step_count=6))


def test_there_is_something_to_follow(app: Flask) -> None:
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
        case.call_and_validate(headers=headers, excluded_checks=LEFT_OUT)

    run()
