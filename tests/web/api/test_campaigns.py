"""Campaigns over the API."""

from flask import Flask

from app.core import clock
from app.core.consent import suppressions
from app.jobs import run_campaigns
from app.models import Channel, SmsMessage, SubscriptionType, SuppressionCause
from tests import make
from tests.core.campaigns.test_audience import NUMBERS, opted_in
from tests.make import EVES_NUMBER, SAMS_NUMBER
from tests.web.api.client import ApiClient, database


def a_type(app: Flask, people: int = 2) -> str:
    with database(app).unit_of_work() as session:
        live = make.live_type(session)
        for number in range(people):
            opted_in(session, live, NUMBERS[number], name=f"Sam {number}")
        make.contact(session, phone_number=EVES_NUMBER)
        return str(live.id)


def created(api: ApiClient, type_id: str, **values: object) -> str:
    body = {"name": "Spring", "subscription_type_id": type_id, "body": "Hello {{ name | there }}"} | values
    response = api.post("/campaigns", body)
    assert response.status == 200, response.body
    return str(response["id"])


def test_a_campaign_is_written_previewed_sent_paused_and_canceled(app: Flask, api: ApiClient) -> None:
    type_id = a_type(app)
    preview = api.post("/audience/preview", {"subscription_type_id": type_id})
    assert (preview["total"], preview["eligible"], preview["excluded"]) == (3, 2, {"not_opted_in": 1})
    assert [each["name"] for each in preview["sample"]] == ["Sam 1", "Sam 0"]

    campaign_id = created(api, type_id, query={"field": "name", "operator": "=", "value": "Sam 0"})
    found = api.get(f"/campaigns/{campaign_id}")
    assert (found["state"], found["encoding"], found["segments"]) == ("draft", "gsm7", 1)
    changed = api.put(f"/campaigns/{campaign_id}", {"name": "Summer", "query": None})
    assert (changed["name"], changed["query"], changed["body"]) == ("Summer", None, found["body"])

    when = int(clock.now().timestamp()) + 86_400
    assert api.post(f"/campaigns/{campaign_id}/schedule", {"send_at": when})["state"] == "scheduled"
    assert api.post(f"/campaigns/{campaign_id}/send")["state"] == "expanding"
    run_campaigns.run_until_sending(database(app), int(campaign_id))
    sending = api.get(f"/campaigns/{campaign_id}")
    assert sending["state"] == "sending"
    assert (sending["counts"]["total"], sending["counts"]["queued"]) == (3, 2)
    recipients = api.get(f"/campaigns/{campaign_id}/recipients?per_page=1")
    assert (recipients["total_count"], recipients["data"][0]["phone"]) == (2, NUMBERS[0])
    after = recipients["pages"]["next"]["starting_after"]
    second = api.get(f"/campaigns/{campaign_id}/recipients?per_page=1&starting_after={after}")
    assert (second["data"][0]["outcome"], second["data"][0]["phone"]) == ("queued", NUMBERS[1])
    assert api.get(f"/campaigns/{campaign_id}/recipients?outcome=failed")["data"] == []

    assert api.post(f"/campaigns/{campaign_id}/pause")["pause_reason"] == "agent"
    assert api.post(f"/campaigns/{campaign_id}/resume")["state"] == "sending"
    assert api.post(f"/campaigns/{campaign_id}/cancel")["state"] == "canceled"
    refused = api.post(f"/campaigns/{campaign_id}/resume")
    assert (refused.status, refused.code) == (409, "invalid_state")
    refused = api.put(f"/campaigns/{campaign_id}", {"name": "Autumn"})
    assert (refused.status, refused.code) == (409, "invalid_state")
    assert [each["id"] for each in api.get("/campaigns")["data"]] == [campaign_id]


def test_a_segment_that_a_campaign_needs_is_not_deleted(app: Flask, api: ApiClient) -> None:
    type_id = a_type(app)
    query = {"field": "name", "operator": "=", "value": "Sam 0"}
    segment_id = api.post("/segments", {"name": "Sams", "query": query})["id"]
    campaign_id = created(api, type_id, segment_id=segment_id)
    assert api.get(f"/campaigns/{campaign_id}")["segment_id"] == segment_id
    api.post(f"/campaigns/{campaign_id}/send")
    refused = api.delete(f"/segments/{segment_id}")
    assert (refused.status, refused.code) == (409, "invalid_state")
    api.post(f"/campaigns/{campaign_id}/cancel")
    assert api.delete(f"/segments/{segment_id}").status == 200


def test_what_a_campaign_cannot_have_is_refused_with_its_field(app: Flask, api: ApiClient) -> None:
    type_id = a_type(app)
    base = {"name": "Spring", "subscription_type_id": type_id, "body": "Hello"}
    for change, field in (
        ({"name": " "}, "name"),
        ({"body": ""}, "body"),
        ({"body": "Hello {{ name"}, "body"),
        ({"subscription_type_id": "99"}, "subscription_type_id"),
        ({"query": {"field": "nothing", "operator": "=", "value": 1}}, "query.field"),
        ({"query": {}, "segment_id": "1"}, "query"),
        ({"opt_out_text": "none"}, "opt_out_text"),
        ({"price_ceiling_micros": 0}, "price_ceiling_micros"),
    ):
        response = api.post("/campaigns", base | change)
        assert (response.status, response.field) == (400, field), change
    assert api.post("/audience/preview", {"subscription_type_id": "99"}).status == 404
    assert api.get("/campaigns/99").status == 404
    with database(app).unit_of_work() as session:
        draft_id = str(make.draft_type(session).id)
        email_id = str(make.live_type(session, name="Letters", channel=Channel.EMAIL).id)
    for path, body in (("/audience/preview", {}), ("/campaigns", base)):
        refused = api.post(path, body | {"subscription_type_id": email_id})
        assert (refused.status, refused.field) == (400, "subscription_type_id")
    refused = api.post(f"/campaigns/{created(api, draft_id)}/send")
    assert (refused.status, refused.code) == (409, "invalid_state")


def test_a_test_goes_to_one_number_that_wants_texts_ten_times_a_day(app: Flask, api: ApiClient) -> None:
    campaign_id = created(api, a_type(app), body="Hello {{ name | there }}")
    address = f"/campaigns/{campaign_id}/test"
    sent = api.post(address, {"phone": SAMS_NUMBER})
    assert (sent["type"], sent["state"], sent["segments"]) == ("sms_message", "queued", 1)
    assert sent["body"].startswith("[Test] My business: Hello there\nOpt out: ")
    with database(app).unit_of_work() as session:
        message = session.get_one(SmsMessage, int(sent["id"]))
        assert (message.purpose, message.campaign_id) == ("test", None)
        suppressions.suppress(session, EVES_NUMBER, SuppressionCause.KEYWORD, "STOP", actor="contact", at=make.NOON)
    refused = api.post(address, {"phone": EVES_NUMBER})
    assert (refused.status, refused.code) == (409, "suppressed")
    with database(app).unit_of_work() as session:
        left, blocked = (make.contact(session, phone_number=each) for each in NUMBERS[2:4])
        make.opt_out(session, left, session.get_one(SubscriptionType, 1))
        blocked.blocked_at = make.NOON
    codes = [api.post(address, {"phone": each}).code for each in NUMBERS[2:4]]
    assert codes == ["opted_out", "blocked"]
    assert api.post(address, {"phone": "12"}).status == 400
    statuses = [api.post(address, {"phone": NUMBERS[0]}).status for _ in range(10)]
    assert statuses == [200] * 9 + [429]
