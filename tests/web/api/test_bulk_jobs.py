"""Bulk jobs over the API: many contacts subscribed and unsubscribed, followed, canceled and undone."""

from typing import Any

import pytest
from flask import Flask

from app.core import clock
from app.core.bulk import jobs
from app.jobs import run_bulk_jobs
from app.models import JobKind
from tests.make import SAMS_NUMBER
from tests.web.api.client import ApiClient, Response, api_client, database

NOTE = "Ticked the box on the order form."


def finished(app: Flask, api: ApiClient, answer: Response) -> Response:
    """The job after the worker has run it."""
    run_bulk_jobs.run_until_done(database(app), int(answer["id"]))
    return api.get(f"/bulk_jobs/{answer['id']}")


def test_a_bulk_change_runs_in_the_background_and_is_undone(app: Flask, api: ApiClient) -> None:
    offers = api.live_type()
    sam, eve = api.contact(external_id="70", phone=SAMS_NUMBER), api.contact(external_id="71")
    body = {"action": "subscribe", "subscription_type_id": offers, "contact_ids": [sam, eve]}
    dry = finished(app, api, api.post("/subscriptions/bulk", body | {"dry_run": True}))
    assert (dry["state"], dry["dry_run"], dry["changed"], dry["skipped"]) == ("done", True, 1, {"no_phone": 1})
    assert api.get(f"/contacts/{sam}/consents")["data"][0]["status"] == "never_asked"
    started = api.post("/subscriptions/bulk", body | {"source_note": NOTE}, Idempotency_Key="bulk")
    assert (started["type"], started["action"], started["state"]) == ("bulk_job", "subscribe", "queued")
    assert api.post("/subscriptions/bulk", body | {"source_note": NOTE}, Idempotency_Key="bulk")["id"] == started["id"]
    done = finished(app, api, started)
    assert (done["state"], done["done"], done["total"], done["changed"]) == ("done", 2, 2, 1)
    assert (done["skipped"], done["undo"]) == ({"no_phone": 1}, None)
    (event,) = api.get(f"/contacts/{sam}/consent_events")["data"]
    assert (event["action"], event["source"], event["evidence"]["note"]) == ("opt_in", "bulk", NOTE)
    assert api.post(f"/bulk_jobs/{done['id']}/cancel").code == "invalid_state"
    undoing = api.post(f"/bulk_jobs/{done['id']}/undo")
    assert (undoing["state"], undoing["undo"]["done"]) == ("undoing", 0)
    undone = finished(app, api, undoing)
    assert (undone["state"], undone["undo"]["changed"]) == ("undone", 1)
    assert api.get(f"/contacts/{sam}/consents")["data"][0]["status"] == "never_asked"
    assert api.post(f"/bulk_jobs/{done['id']}/undo").code == "invalid_state"


def test_every_given_contact_is_counted_also_one_that_is_left_out(app: Flask, api: ApiClient) -> None:
    sam, archived, merged, erased = (api.contact(role="lead", phone=SAMS_NUMBER) for _ in range(4))
    api.post(f"/contacts/{archived}/archive")
    api.post("/contacts/merge", {"from": merged, "into": sam})
    api.delete(f"/contacts/{erased}")
    given = [sam, sam, archived, merged, erased, "a" * 24]
    body = {"action": "unsubscribe", "subscription_type_id": api.live_type(), "contact_ids": given, "source_note": NOTE}
    for more in ({"dry_run": True}, {}):
        done = finished(app, api, api.post("/subscriptions/bulk", body | more))
        assert (done["done"], done["total"], done["changed"]) == (5, 5, 1)
        assert done["skipped"] == {"archived": 1, "merged": 1, "erased": 1, "not_found": 1}


def test_contacts_are_chosen_by_a_segment_or_a_query(app: Flask, api: ApiClient) -> None:
    offers, query = api.live_type(), {"field": "role", "operator": "=", "value": "lead"}
    api.contact(external_id="70", phone=SAMS_NUMBER)
    lead = api.contact(role="lead", phone=SAMS_NUMBER)
    segment = api.post("/segments", {"name": "Leads", "query": query})["id"]
    for chosen in ({"segment_id": segment}, {"query": query}):
        body = {"action": "unsubscribe", "subscription_type_id": offers, "source_note": NOTE, **chosen}
        done = finished(app, api, api.post("/subscriptions/bulk", body))
        assert (done["total"], done["changed"] + done["unchanged"]) == (1, 1)
    assert api.get(f"/contacts/{lead}/consents")["data"][0]["status"] == "opted_out"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"contact_ids": None}, "contact_ids"),
        ({"query": {"field": "role", "operator": "=", "value": "lead"}}, "query"),
        ({"contact_ids": []}, "contact_ids"),
        ({"contact_ids": ["x"]}, "contact_ids"),
        ({"contact_ids": ["6762f0cd1bb69f9f2193bb7c"] * 10_001}, "contact_ids"),
        ({"contact_ids": None, "query": {"field": "nothing", "operator": "=", "value": 1}}, "query.field"),
        ({"action": "tag"}, "action"),
        ({"source_note": " "}, "source_note"),
        ({"source_note": None}, "source_note"),
        ({"source_note": "x" * 2001}, "source_note"),
        ({"subscription_type_id": None}, "subscription_type_id"),
    ],
)
def test_a_bulk_change_that_cannot_be_done_is_refused_with_its_field(
    app: Flask, api: ApiClient, changed: dict[str, Any], field: str
) -> None:
    body = {
        "action": "subscribe",
        "subscription_type_id": api.live_type(),
        "contact_ids": [api.contact()],
        "source_note": NOTE,
    }
    refused = api.post("/subscriptions/bulk", body | changed)
    assert (refused.status, refused.field) == (400, field), refused.body
    with database(app).read_only() as session:
        assert jobs.newest(session, limit=1) == []


def test_what_is_not_there_or_not_live_is_refused(app: Flask, api: ApiClient) -> None:
    draft = api.post("/subscription_types", {"name": "X", "content_types": ["sms_message"], "consent_type": "opt_in"})
    body = {"action": "subscribe", "source_note": NOTE, "contact_ids": [api.contact()]}
    assert api.post("/subscriptions/bulk", body | {"subscription_type_id": "999"}).status == 404
    assert api.post("/subscriptions/bulk", body | {"subscription_type_id": draft["id"]}).code == "invalid_state"
    nobody = {"contact_ids": None, "segment_id": "6762f0cd1bb69f9f2193bb7c", "subscription_type_id": draft["id"]}
    assert api.post("/subscriptions/bulk", body | nobody).status == 404
    reader = api_client(app, "read")
    assert reader.post("/subscriptions/bulk", body).status == 403
    for path in ("999", "x", "9" * 30):
        assert reader.get(f"/bulk_jobs/{path}").status == 404
        assert api.post(f"/bulk_jobs/{path}/undo").status == 404


def test_a_job_that_waits_is_canceled_and_a_draft_is_not_found(app: Flask, api: ApiClient) -> None:
    body = {"action": "unsubscribe", "subscription_type_id": api.live_type(), "contact_ids": [api.contact()]}
    waits = api.post("/subscriptions/bulk", body | {"source_note": NOTE})
    canceled = api.post(f"/bulk_jobs/{waits['id']}/cancel")
    assert (canceled["state"], canceled["finished_at"] is not None) == ("canceled", True)
    with database(app).unit_of_work() as session:
        draft = jobs.create(session, JobKind.SUBSCRIBE, {}, actor="agent:1", at=clock.now()).id
    assert api.get(f"/bulk_jobs/{draft}").status == 404
    assert api.post(f"/bulk_jobs/{draft}/cancel").status == 404
