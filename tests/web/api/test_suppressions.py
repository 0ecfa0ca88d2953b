"""Numbers that must not be texted, over the API."""

import pytest
from flask import Flask

from app.core.consent import suppressions
from app.core.workspace import settings
from app.models import SuppressionCause
from tests.make import EVES_NUMBER, NOON, SAMS_NUMBER
from tests.web.api.client import ApiClient, database


def held(app: Flask, cause: SuppressionCause = SuppressionCause.REVIEW, number: str = SAMS_NUMBER) -> str:
    with database(app).unit_of_work() as session:
        return suppressions.suppress(session, number, cause, "?", actor="system", at=NOON).phone_hash


@pytest.mark.parametrize(
    ("decision", "cause", "status"), [("keep", "keyword", 200), ("release", "review", 404)], ids=["keep", "release"]
)
def test_a_client_decides_about_a_number_under_review(
    app: Flask, api: ApiClient, decision: str, cause: str, status: int
) -> None:
    which = held(app)
    body = {"decision": decision, "note": "She called."}
    resolved = api.post(f"/suppressions/{which}/resolve", body)
    assert (resolved.status, resolved["type"], resolved["id"]) == (200, "suppression", which)
    assert (resolved["cause"], resolved["note"], resolved["phone"]) == (cause, "She called.", SAMS_NUMBER)
    assert resolved["lifted"] is (decision == "release")
    assert api.get(f"/suppressions/{which}").status == status
    again = api.post(f"/suppressions/{which}/resolve", body)
    assert (again.status, again.code) in {(409, "invalid_state"), (404, "not_found")}


def test_a_number_without_its_country_is_refused_and_not_said_to_be_free(app: Flask, api: ApiClient) -> None:
    held(app)
    for path in ("/suppressions", "/sms_messages"):
        response = api.get(f"{path}?phone=202 555 0123")
        assert (response.status, response.code, response.field) == (400, "phone_country_code_missing", "phone"), path
        assert api.get(f"{path}?phone=%2B447400123499")["data"] == []
    with database(app).unit_of_work() as session:
        settings.change(session, {"default_country": "US"}, actor="agent:1", at=NOON)
    assert [each["phone"] for each in api.get("/suppressions?phone=202 555 0123")["data"]] == [SAMS_NUMBER]
    assert api.get("/sms_messages?phone=202 555 0123")["data"] == []


def test_a_decision_needs_a_note_and_one_of_two_words(app: Flask, api: ApiClient) -> None:
    address = f"/suppressions/{held(app)}/resolve"
    for body, field in (
        ({"decision": "keep"}, "note"),
        ({"decision": "keep", "note": " "}, "note"),
        ({"note": "why"}, "decision"),
        ({"decision": "manual", "note": "why"}, "decision"),
    ):
        response = api.post(address, body)
        assert (response.status, response.field) == (400, field)


def test_a_number_under_review_is_not_deleted_without_a_reason(app: Flask, api: ApiClient) -> None:
    response = api.delete(f"/suppressions/{held(app)}")
    assert (response.status, response.code) == (409, "invalid_state")


def test_the_list_finds_and_counts_the_numbers_with_one_cause(app: Flask, api: ApiClient) -> None:
    which = {held(app), held(app, number=EVES_NUMBER)}
    held(app, SuppressionCause.KEYWORD, "+12025550150")
    first = api.get("/suppressions?cause=review&per_page=1")
    second = api.get(f"/suppressions?cause=review&per_page=1&starting_after={first['pages']['next']['starting_after']}")
    assert {each["data"][0]["id"] for each in (first, second)} == which
    assert (first["total_count"], "next" in second["pages"]) == (2, False)
    assert api.get("/suppressions?cause=none").field == "cause"
