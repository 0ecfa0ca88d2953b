"""The OpenAPI description is valid, complete and correct."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import brotli
from flask import Flask
from openapi_spec_validator import validate as validate_openapi

from app.core import clock, email, errors, phone
from app.core.consent import suppressions
from app.core.consent.rules import Reason
from app.models import Role, SuppressionCause
from app.web.api import api_of
from app.web.api import errors as failures
from app.web.api.examples import EXAMPLES
from tests import make
from tests.make import EVES_NUMBER, SAMS_NUMBER
from tests.web.api.client import ApiClient, api_client, check_shape, database, description, intercom


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, each in description()["paths"].items()
        for method, operation in each.items()
        if method != "parameters"
    ]


# Only admins choose where events are sent, because an endpoint receives personal data.
FOR_ADMINS = {f"{verb}_webhook_endpoint" for verb in ("create", "update", "delete")}
FOR_ADMINS |= {"rotate_webhook_secret", "update_workspace", "renew_identity_secret"}


def test_the_description_is_valid_openapi_3_1(app: Flask) -> None:
    served = app.test_client().get("/api/openapi.json")
    assert served.get_json() == description()
    assert served.get_json()["openapi"] == "3.1.0"
    validate_openapi(served.get_json())


def test_every_route_is_described(app: Flask) -> None:
    rules = api_of(app).url_map.iter_rules()
    routes = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in rules
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    described = {(method, path) for method, path, _ in operations()}
    assert routes - described == {("get", "/openapi.json"), ("get", "/docs")}


def test_every_operation_has_a_summary_a_scope_and_its_errors(app: Flask) -> None:
    names = set()
    for method, path, operation in operations():
        where = f"{method} {path}"
        assert operation["summary"], where
        reading = "read" if method == "get" or path.endswith(("/search", "/companies/list", "/preview")) else "write"
        assert operation["x-scope"] == ("admin" if operation["operationId"] in FOR_ADMINS else reading), where
        is_insiders = operation["security"] == [{"insider": []}]  # every bad token is 403 there
        needed = {"200", "400", "403", "429", "500"} | (set() if is_insiders else {"401"})
        assert needed <= set(operation["responses"]), where
        assert ("304" in operation["responses"]) == (method == "get"), where
        assert ("{" not in path) or "404" in operation["responses"], where
        if "requestBody" in operation:
            assert "413" in operation["responses"], where
        names.add(operation["operationId"])
    assert len(names) == len(operations())


def test_the_example_of_each_request_matches_its_schema(app: Flask) -> None:
    examples = 0
    for method, path, operation in operations():
        described = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        if "example" in described:
            examples += 1
            body = described["example"]
            check_shape(described["schema"], body, f"{method} {path}")
    assert examples == sum("request" in each for each in EXAMPLES.values())


def test_every_operation_and_the_whole_is_described_in_words(app: Flask) -> None:
    for method, path, operation in operations():
        assert operation["description"].strip(), f"{method} {path}"
    assert description()["info"]["contact"]["name"]


def nodes(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in the description but examples, with its place."""
    if isinstance(value, dict):
        if not path.endswith("/properties"):
            yield path, value
        inner = [(f"{path}/{name}", each) for name, each in value.items() if name != "example"]
    else:
        inner = [(f"{path}/{index}", each) for index, each in enumerate(value)] if isinstance(value, list) else []
    for place, each in inner:
        yield from nodes(each, place)


def test_nothing_defaults_to_null_and_no_property_of_a_body_has_a_default(app: Flask) -> None:
    """openapi-typescript takes a property with a default for one that is always there."""
    assert [place for place, each in nodes(description()) if each.get("default", 0) is None] == []
    assert [place for place, each in nodes(description()["components"]) if "default" in each] == []


def test_no_shape_forbids_further_fields(app: Flask) -> None:
    """A generated client would refuse the first field that a later version adds."""
    assert [place for place, each in nodes(description()) if each.get("additionalProperties") is False] == []


def test_every_value_has_one_type_and_an_id_is_text(app: Flask) -> None:
    """Generators of clients make an empty class or “anything” of a value with several types."""
    for place, each in nodes(description()["components"]["schemas"]):
        kinds = each.get("type", [])
        kinds = {kinds} if isinstance(kinds, str) else set(kinds) - {"null"}
        name, is_property = place.rpartition("/")[2], place.count("/") == 3
        assert len(kinds) <= 1 or name == "additionalProperties", place
        if is_property and not {"$ref", "anyOf", "allOf"} & each.keys():
            assert kinds not in (set(), {"null"}), place
        if is_property and (name == "id" or name.endswith("_id")) and name != "admin_assignee_id":  # Intercom's integer
            assert kinds == {"string"}, place


def test_every_error_code_is_described(app: Flask) -> None:
    """The codes of the error classes, of ``code=`` arguments and of HTTP errors: all of them and no others."""
    raised = {
        each.code for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.AssentError)
    }
    raised |= {each.value for each in Reason}  # of a text that the gate refuses
    raised |= {*phone.REFUSALS, *email.REFUSALS, "parameter_not_found", "client_error", "outcome_unknown"}
    raised |= {code for code, _ in failures._HTTP.values()}
    for file in [*Path("app/core").rglob("*.py"), *Path("app/web/api").rglob("*.py")]:
        for line in re.findall(r"\bcode=(.+)", file.read_text()):
            raised |= set(re.findall(r'"([a-z_]+)"', line.partition(")")[0])) - {"sms"}
    raised -= {"undo_too_late", "changed_since", "link_expired"}  # only pages of people undo, and open by a link
    assert set(description()["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]) == raised - {"error"}
    assert all(f"- `{code}`: " in description()["info"]["description"] for code in raised - {"error"})


def test_each_response_has_an_example_that_matches_its_schema(app: Flask) -> None:
    for method, path, operation in operations():
        described = operation["responses"]["200"]["content"]["application/json"]
        check_shape(described["schema"], described["example"], f"{method} {path}")
        assert described["example"], path


def test_all_of_intercoms_paths_but_the_known_exceptions_are_implemented(app: Flask) -> None:
    paths = {re.sub(r"\{\w+\}", "#", path) for _, path, _ in operations()}
    theirs = {re.sub(r"\{\w+\}", "#", path) for path in intercom()["paths"]}
    assert theirs - paths == {"/messages/status", "/phone_call_redirects", "/visitors", "/visitors/convert"}


def test_the_examples_of_requests_succeed(app: Flask) -> None:
    """They run in order, with the ids in the examples replaced by existing ones."""
    api = api_client(app, "admin")
    offers = api.live_type()
    sam = api.contact(external_id="70")
    with database(app).unit_of_work() as session:
        assert make.agent(session, email="ana@example.com", name="Ana", role=Role.ADMIN).id == 1
    paths = {operation["operationId"]: (method.upper(), path) for method, path, operation in operations()}
    begun = api.post("/conversations", {"from": {"type": "user", "id": sam}, "body": "hi"})
    form = api.post("/forms", {"subscription_type_id": offers, "title": "Texts"})
    segment = api.post("/segments", EXAMPLES["create_segment"]["request"])
    ids = {"contact_id": sam, "form_id": form["id"], "subscription_type_id": offers, "segment_id": segment["id"]}
    endpoint = api.post("/webhook_endpoints", EXAMPLES["create_webhook_endpoint"]["request"])
    ids |= {"conversation_id": begun["conversation_id"], "endpoint_id": endpoint["id"]}
    with database(app).unit_of_work() as session:
        review = SuppressionCause.REVIEW
        held = suppressions.suppress(session, EVES_NUMBER, review, "?", actor="system", at=clock.now())
        ids["suppression_id"] = held.phone_hash
    ids["campaign_id"] = api.post("/campaigns", EXAMPLES["create_campaign"]["request"])["id"]
    for name, example in EXAMPLES.items():
        if "request" not in example:
            continue
        method, path = paths[name]
        body = _with_real_ids(example["request"], api, sam)
        response = api(method, path.format(**ids), body, X_PARTNER_NAME="shop", X_REQUEST_TOKEN=api.token or "")
        assert response.status == 200, (name, response.body)


def test_the_pages_of_the_description_are_complete_and_load_nothing_from_other_hosts(app: Flask) -> None:
    page = app.test_client().get("/api/docs")
    html = page.get_data(as_text=True)
    assert page.status_code == 200
    assert "script-src 'none'" in page.headers["Content-Security-Policy"]
    assert re.findall(r'(?:src|href)="(?:https?:)?//', html) == []
    assert "<script" not in html
    for _, _, operation in operations():
        assert f'id="{operation["operationId"]}"' in html
    links = set(re.findall(r'href="#([^"]+)"', html)) - {"main"}
    assert links <= set(re.findall(r'id="([^"]+)"', html))
    levels = [int(level) for level in re.findall("<h([1-6])", html)]
    assert levels.count(1) == levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert re.search(r'<h2 id="[^"]+">Data attributes</h2>', html)
    again = app.test_client().get("/api/docs", headers={"If-None-Match": page.headers["ETag"]})
    assert again.status_code == 304
    compressed = app.test_client().get("/api/docs", headers={"Accept-Encoding": "br"})
    assert brotli.decompress(compressed.get_data()) == page.get_data()
    assert compressed.headers["ETag"] == page.headers["ETag"]


def _with_real_ids(body: Any, api: ApiClient, sam: str) -> Any:
    """The example with ids of existing contacts; a contact to be merged or suppressed is a new one."""
    if "into" in body:
        return {"from": api.contact(role="lead"), "into": sam}
    if "contact_id" in body:
        return body | {"contact_id": sam}
    if isinstance(body.get("to"), dict):
        return body | {"to": body["to"] | {"id": sam}}
    if isinstance(body.get("from"), dict):
        return body | {"from": body["from"] | {"id": sam}}
    if body.get("phone") == SAMS_NUMBER and "note" in body:
        return body | {"phone": "+12025550142"}
    return body
