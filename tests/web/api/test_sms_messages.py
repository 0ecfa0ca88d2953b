"""Single texts over the API."""

import pytest
from flask import Flask
from sqlalchemy import select

from app.core import clock
from app.core.consent import suppressions
from app.core.contacts import erase, merge
from app.models import Contact, Purpose, SmsMessage
from tests import make
from tests.web.api.client import ApiClient, database


@pytest.fixture
def sams_text(app: Flask, api: ApiClient) -> dict[str, object]:
    """A call that texts Sam, who opted in."""
    with database(app).unit_of_work() as session:
        offers = make.live_type(session)
        ana, sam = make.agent(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, offers)
        return {
            "message_type": "sms",
            "body": "Your cake is ready.",
            "subscription_type_id": str(offers.id),
            "from": {"type": "admin", "id": str(ana.id)},
            "to": {"type": "user", "id": sam.public_id},
        }


def test_a_text_is_queued_through_the_gate_and_found_again(
    app: Flask, api: ApiClient, sams_text: dict[str, object]
) -> None:
    sent = api.post("/messages", sams_text)
    assert (sent.status, sent["message_type"], "conversation_id" in sent.body) == (200, "sms", False)
    found = api.get(f"/sms_messages/{sent['id']}")
    assert (found["type"], found["state"], found["direction"], found["purpose"]) == (
        *("sms_message", "queued", "outbound", "message"),
    )
    assert (found["phone"], found["segments"], found["encoding"]) == (make.SAMS_NUMBER, 1, "gsm7")
    assert found["contact_id"] == sams_text["to"]["id"]  # type: ignore[index]
    number = make.SAMS_NUMBER.replace("+", "%2B")
    for query in (f"?phone={number}", f"?contact_id={found['contact_id']}", ""):
        assert [each["id"] for each in api.get(f"/sms_messages{query}")["data"]] == [sent["id"]], query
    assert api.get(f"/sms_messages?phone={make.SAMS_NUMBER}")["total_count"] == 1, "a plus sign sent as it is"
    assert api.get("/sms_messages?phone=%2B12025550199")["data"] == []
    with database(app).unit_of_work() as session:
        session.get_one(SmsMessage, int(sent["id"])).purpose = Purpose.CODE
    assert api.get(f"/sms_messages/{sent['id']}")["body"] is None, "only the holder of the number sees a code"
    assert api.get("/sms_messages/999").status == 404
    lead = api.contact(role="lead")
    api.post("/contacts/merge", {"from": lead, "into": found["contact_id"]})
    assert api.get(f"/sms_messages?contact_id={lead}").code == "contact_merged"
    for nothing in (" \n", "\u202e", "\u200b"):
        refused = api.post("/messages", sams_text | {"body": nothing})
        assert (refused.status, refused.body["errors"][0]["field"]) == (400, "body"), "a text that shows nothing"


def test_a_text_that_the_gate_refuses_is_a_conflict_with_the_reason(
    app: Flask, api: ApiClient, sams_text: dict[str, object]
) -> None:
    with database(app).unit_of_work() as session:
        suppressions.add(session, make.SAMS_NUMBER, "a letter", actor="agent:1", at=clock.now())
        news = make.live_type(session, name="News")
    assert (api.post("/messages", sams_text).status, api.post("/messages", sams_text).code) == (409, "suppressed")
    assert api.post("/messages", sams_text | {"subscription_type_id": None}).field == "subscription_type_id"
    assert api.post("/messages", sams_text | {"subscription_type_id": "991"}).status == 404
    with database(app).unit_of_work() as session:
        suppressions.lift(session, session.scalars(select(Contact.phone_hash)).one() or "", actor="a", at=clock.now())
    other = api.post("/messages", sams_text | {"subscription_type_id": str(news.id)})
    assert (other.status, other.code) == (409, "not_opted_in")


def test_texts_move_with_a_merge_and_are_emptied_by_an_erasure(
    app: Flask, api: ApiClient, sams_text: dict[str, object]
) -> None:
    api.post("/messages", sams_text)
    with database(app).unit_of_work() as session:
        sam = session.scalars(select(Contact)).one()
        eve = make.contact(session, phone_number=make.SAMS_NUMBER, email_address="eve@example.com")
        merge.merge(
            session, sam.public_id, eve.public_id, actor="agent:1", at=clock.now(), skip_duplicate_validation=True
        )
        assert session.scalars(select(SmsMessage.contact_id)).one() == eve.id
        erase.erase(session, eve, actor="agent:1", at=clock.now())
        session.expire_all()
        message = session.scalars(select(SmsMessage)).one()
        assert (message.phone, message.body, message.state) == (None, None, "canceled")
    found = api.get("/sms_messages")["data"][0]
    assert (found["phone"], found["body"]) == (None, None)
