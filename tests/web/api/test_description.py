"""The description: complete, valid, readable, and true."""

import re
from pathlib import Path
from typing import Any

from flask import Flask
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from app.core import clock, email, errors, phone
from app.core.accounts import agents as accounts
from app.models import Role
from app.web.api import api_of
from app.web.api import errors as failures
from app.web.api.examples import EXAMPLES
from tests.make import SAMS_NUMBER
from tests.web.api.client import Calls, calls, database, description, hold, intercom


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, each in description()["paths"].items()
        for method, operation in each.items()
        if method != "parameters"
    ]


# Where events go is decided by admins: an endpoint hears of people for as long as it stands.
FOR_ADMINS = {f"{verb}_webhook_endpoint" for verb in ("create", "update", "delete")} | {"rotate_webhook_secret"}


def test_it_is_a_valid_description_of_openapi_3_1(app: Flask) -> None:
    served = app.test_client().get("/api/openapi.json")
    assert served.get_json() == description()
    assert served.get_json()["openapi"] == "3.1.0"
    validate(served.get_json())


def test_every_route_is_described(app: Flask) -> None:
    rules = api_of(app).url_map.iter_rules()
    routes = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in rules
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    described = {(method, path) for method, path, _ in operations()}
    assert routes - described == {("get", "/openapi.json"), ("get", "/docs")}


def test_every_call_says_what_it_does_who_may_and_what_can_go_wrong(app: Flask) -> None:
    names = set()
    for method, path, operation in operations():
        where = f"{method} {path}"
        assert operation["summary"], where
        reading = "read" if method == "get" or path.endswith("/search") else "write"
        assert operation["x-scope"] == ("admin" if operation["operationId"] in FOR_ADMINS else reading), where
        assert {"200", "400", "401", "403", "429", "500"} <= set(operation["responses"]), where
        assert ("304" in operation["responses"]) == (method == "get"), where
        assert ("{" not in path) or "404" in operation["responses"], where
        if "requestBody" in operation:
            assert "413" in operation["responses"], where
        names.add(operation["operationId"])
    assert len(names) == len(operations())


def test_every_error_code_stands_in_it(app: Flask) -> None:
    """Those of the tree, those that are told in the rules' own lines, those of HTTP: no more and no fewer."""
    raised = {
        kind.code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.AssentError)
    }
    raised |= {*phone.REFUSALS, *email.REFUSALS, "parameter_not_found", "client_error"}
    raised |= {code for code, _ in failures._HTTP.values()}
    for file in [*Path("app/core").rglob("*.py"), *Path("app/web/api").rglob("*.py")]:
        for line in re.findall(r"\bcode=(.+)", file.read_text()):
            raised |= set(re.findall(r'"([a-z_]+)"', line.partition(")")[0])) - {"sms"}
    assert set(description()["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]) == raised - {"error"}
    assert all(f"- `{code}`: " in description()["info"]["description"] for code in raised - {"error"})


def test_each_answer_has_an_example_that_fits_its_shape(app: Flask) -> None:
    components = description()["components"]
    for method, path, operation in operations():
        answered = operation["responses"]["200"]["content"]["application/json"]
        hold(OAS31Validator, answered["schema"], components, answered["example"], f"{method} {path}")
        assert answered["example"], path


def test_each_of_intercoms_paths_that_the_interface_names_is_there(app: Flask) -> None:
    paths = {re.sub(r"\{\w+\}", "#", path) for _, path, _ in operations()}
    theirs = {re.sub(r"\{\w+\}", "#", path) for path in intercom()["paths"]}
    left_out = {"/tags", "/tags/#", "/contacts/#/tags/#", "/messages/status", "/phone_call_redirects"}
    left_out |= {"/data_attributes", "/visitors", "/visitors/convert"}
    assert theirs - paths == left_out


def test_its_examples_work_as_they_stand(app: Flask) -> None:
    """In the order of a life; ids that the examples make up are put in place."""
    api = calls(app, "admin")
    kind = api.live_type()
    sam = api.contact(external_id="70")
    with database(app).unit_of_work() as session:
        made = {"email": "ana@example.com", "name": "Ana", "role": Role.AGENT, "password_hash": None}
        assert accounts.create_agent(session, **made, at=clock.now()).id == 1
    paths = {operation["operationId"]: (method.upper(), path) for method, path, operation in operations()}
    begun = api.post("/conversations", {"from": {"type": "user", "id": sam}, "body": "hi"})
    form = api.post("/forms", {"subscription_type_id": kind, "title": "Texts"})
    segment = api.post("/segments", EXAMPLES["create_segment"]["request"])
    ids = {"contact_id": sam, "form_id": form["id"], "subscription_type_id": kind, "segment_id": segment["id"]}
    endpoint = api.post("/webhook_endpoints", EXAMPLES["create_webhook_endpoint"]["request"])
    ids |= {"conversation_id": begun["conversation_id"], "endpoint_id": endpoint["id"]}
    for name, example in EXAMPLES.items():
        if "request" not in example:
            continue
        method, path = paths[name]
        body = _in_place(example["request"], api, sam)
        answer = api(method, path.format(**ids), body)
        assert answer.status == 200, (name, answer.body)


def test_its_pages_are_whole_and_ask_nobody_else(app: Flask) -> None:
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
    again = app.test_client().get("/api/docs", headers={"If-None-Match": page.headers["ETag"]})
    assert again.status_code == 304


def _in_place(body: Any, api: Calls, sam: str) -> Any:
    """The example with ids of people who exist; who is merged or made is somebody new."""
    if "from" in body and isinstance(body["from"], str):
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
