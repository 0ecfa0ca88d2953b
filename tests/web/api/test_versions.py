"""``Intercom-Version``: none is refused, an unknown one is warned about, older ones get their types."""

from typing import Any

import pytest
from flask import Flask

from tests import make
from tests.web.api.client import ApiClient, database


def fetch(api: ApiClient, path: str, version: str, body: Any = None) -> Any:
    """A response that is not checked against the newest description."""
    headers = {"Authorization": f"Bearer {api.token}", "Intercom-Version": version}
    client = api.app.test_client()
    return (
        client.post(f"/api{path}", json=body, headers=headers) if body else client.get(f"/api{path}", headers=headers)
    )


@pytest.mark.parametrize("version", ["2.16", "2.14", "1.4", "Unstable", "unstable", "Preview", ""])
def test_intercoms_versions_are_accepted(api: ApiClient, version: str) -> None:
    response = api.get("/contacts", Intercom_Version=version)
    assert response.status == 200
    assert "X-Assent-Warning" not in response.headers


@pytest.mark.parametrize("version", ["2.17", "3.0", "x"])
def test_an_unknown_version_is_answered_with_a_warning(api: ApiClient, version: str) -> None:
    response = api.get("/contacts", Intercom_Version=version)
    assert response.status == 200
    assert "2.16" in response.headers["X-Assent-Warning"]


@pytest.mark.parametrize(("version", "is_older"), [("2.15", True), ("2.9", True), ("1.4", True), ("2.16", False)])
def test_an_owner_and_a_priority_have_the_types_of_the_version(
    app: Flask, api: ApiClient, version: str, *, is_older: bool
) -> None:
    with database(app).unit_of_work() as session:
        ana = make.agent(session).id
    sam = api.contact(external_id="70", owner_id=str(ana))
    begun = api.post("/conversations", {"from": {"type": "user", "id": sam}, "body": "hi"})["conversation_id"]
    owner_id, priority = (ana, "not_priority") if is_older else (str(ana), "none")
    query = {"query": {"field": "external_id", "operator": "=", "value": "70"}}
    shown = fetch(api, f"/contacts/{sam}", version).get_json()
    listed = fetch(api, "/contacts", version).get_json()["data"][0]
    found = fetch(api, "/contacts/search", version, query).get_json()["data"][0]
    assert [each["owner_id"] for each in (shown, listed, found)] == [owner_id] * 3
    assert shown.keys() == api.get(f"/contacts/{sam}").body.keys()
    one = fetch(api, f"/conversations/{begun}", version).get_json()
    (in_list,) = fetch(api, "/conversations", version).get_json()["conversations"]
    assert [each["priority"] for each in (one, in_list)] == [priority] * 2
