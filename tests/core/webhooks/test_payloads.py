"""The bodies of webhooks: complete enough to act on, and without secrets."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.core import outbox
from app.core.consent import locking, suppressions
from app.core.contacts import erase as erasure
from app.core.contacts import records as contacts
from app.core.signing import keys_of
from app.core.webhooks import deliveries, endpoints, routing
from app.core.webhooks import payloads as bodies
from app.db import Database
from app.http_client import Reach
from app.jobs import route_outbox
from app.models import ConsentType, EvidenceLevel, InsertedForm, OutboxEvent, Source, WebhookDelivery, WebhookMessage
from tests import make
from tests.make import NOON
from tests.web.embed.page import answer, open_form

SECRETS = ("token", "embed_url", "lead_key", "phone_hash", "destination_hash", "salt")


@pytest.fixture
def published(database: Database) -> Any:
    """Sweeps the outbox and returns all bodies for an endpoint with every topic."""
    return _published(database)


@pytest.fixture
def published_in() -> Any:
    """Makes ``published`` for the given database."""
    return _published


def _published(database: Database) -> Any:
    with database.unit_of_work() as session:
        url = "https://hooks.example.com/"
        endpoints.create(session, url, list(endpoints.TOPICS), reach=Reach.INTERNET, actor="agent:1", at=NOON)

    def sweep_and_read() -> list[dict[str, Any]]:
        route_outbox.sweep_outbox(database)
        with database.read_only() as session:
            rows = select(WebhookMessage.body).join(WebhookDelivery).order_by(WebhookDelivery.id)
            return list(session.scalars(rows))

    return sweep_and_read


def test_opt_ins_and_opt_outs_name_contact_type_and_number(database: Database, published: Any) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session, name="Weekly offers")
        sam = make.contact(session, phone_number=make.SAMS_NUMBER, email_address="sam@example.com")
        change = make.opt_in(session, sam, subscription_type)
    *_, subscribed = published()
    assert subscribed["type"] == "notification_event"
    assert subscribed["topic"] == "granular.subscribe"
    assert subscribed["id"].startswith("notif_")
    assert isinstance(subscribed["created_at"], int)
    item = subscribed["data"]["item"]
    assert item["type"] == "granular_subscribe"
    assert (item["contact"]["id"], item["contact"]["phone"]) == (sam.public_id, make.SAMS_NUMBER)
    assert item["contact"]["created_at"] == "2026-11-02T12:00:00.000+00:00"
    (subscription,) = item["subscription_types"]["data"]
    assert (subscription["type"], subscription["id"], subscription["state"]) == (
        "subscription",
        str(subscription_type.id),
        "live",
    )
    assert (subscription["consent_type"], subscription["content_types"]) == ("opt_in", ["sms_message"])
    assert subscription["default_translation"]["name"] == "Weekly offers"
    assert item["consent"] == {
        "status": "opted_in",
        "destination": make.SAMS_NUMBER,
        "source": Source.FORM,
        "evidence_level": EvidenceLevel.PERSONAL_LINK,
        "changed_at": int(NOON.timestamp()),
        "event_id": str(change.event_id),
    }
    assert [each["id"] for each in item["contact"]["opted_in_subscription_types"]["data"]] == [
        str(subscription_type.id)
    ]
    assert item["contact"]["sms_consent"] is True
    with database.unit_of_work() as session:
        make.opt_out(session, sam, subscription_type)
    *_, gone = published()
    item = gone["data"]["item"]
    assert (gone["topic"], item["type"], item["consent"]["status"]) == (
        "granular.unsubscribe",
        "granular_unsubscribe",
        "opted_out",
    )
    assert item["contact"]["opted_in_subscription_types"]["data"] == []
    assert item["contact"]["opted_out_subscription_types"]["data"] == [], "as Intercom: that list is of opt-out types"


def test_an_opt_in_for_an_earlier_number_is_not_published_for_the_new_one(database: Database, published: Any) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, make.live_type(session))
    with database.unit_of_work() as session:
        contacts.change_phone(session, locking.lock_contact(session, sam.id), make.BRITISH_NUMBER, at=NOON)
    *_, updated = published()
    contact = updated["data"]["item"]
    assert (updated["topic"], contact["type"], contact["phone"]) == ("contact.updated", "contact", make.BRITISH_NUMBER)
    assert (contact["opted_in_subscription_types"]["data"], contact["sms_consent"]) == ([], False)


def test_an_opt_out_of_an_opt_out_type_is_in_its_list(database: Database, published: Any) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session, consent_type=ConsentType.OPT_OUT)
        make.opt_out(session, make.contact(session, phone_number=make.SAMS_NUMBER), subscription_type)
    *_, gone = published()
    (out,) = gone["data"]["item"]["contact"]["opted_out_subscription_types"]["data"]
    assert out["id"] == str(subscription_type.id)


def test_an_inserted_form_is_published_with_its_state_but_without_its_address(
    database: Database, published: Any
) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        form = make.form(session)
        inserted_form = make.inserted(session, form, sam)
        token = inserted_form.token
    inserted = published()[-1]
    item = inserted["data"]["item"]
    assert (inserted["topic"], item["type"], item["state"]) == ("form.inserted", "inserted_form", "waiting")
    assert (item["id"], item["form_id"], item["form_version"]) == (str(inserted_form.id), str(form.id), 1)
    assert item["contact"]["id"] == sam.public_id
    assert token not in json.dumps(inserted)


def test_a_submitted_public_form_publishes_the_lead_the_opt_in_and_the_submission_in_this_order(
    app: Flask, published_in: Any
) -> None:
    database: Database = app.extensions["assent"].database
    published = published_in(database)
    with database.unit_of_work() as session:
        key = make.form(session).key
    client = app.test_client()
    assert answer(client, open_form(client, f"/f/form/{key}"), "+12025550177").state == "done"
    created, subscribed, submitted = published()
    topics = [each["topic"] for each in (created, subscribed, submitted)]
    assert topics == ["contact.created", "granular.subscribe", "form.submitted"]
    item = submitted["data"]["item"]
    assert (item["type"], item["state"], item["contact"]["role"]) == ("inserted_form", "signed_up", "lead")
    assert item["consent"]["destination"] == item["contact"]["phone"] == "+12025550177"
    assert item["answered_at"] is not None


def test_a_number_typed_into_a_personal_form_is_published_before_the_opt_in(app: Flask, published_in: Any) -> None:
    database: Database = app.extensions["assent"].database
    published = published_in(database)
    with database.unit_of_work() as session:
        token = make.inserted(session, make.form(session), make.contact(session)).token
    client = app.test_client()
    assert answer(client, open_form(client, f"/f/{token}"), "+12025550178").state == "done"
    messages = published()
    assert [each["topic"] for each in messages][2:] == ["contact.updated", "granular.subscribe", "form.submitted"]
    shown = [each["data"]["item"] for each in messages if each["topic"].startswith("form.")]
    assert [(each["state"], each["answered_at"] is None) for each in shown] == [("waiting", True), ("signed_up", False)]


@pytest.mark.parametrize("topic", sorted(endpoints.TOPICS))
def test_every_topic_can_be_published_even_of_deleted_records(topic: str, database: Database, published: Any) -> None:
    payload = {"contact_id": 99, "subscription_type_id": 98, "event_id": 97, "inserted_form_id": 96, "note": "x"}
    with database.unit_of_work() as session:
        outbox.add(session, [topic], contact_id=99, payload=payload, at=NOON)
        outbox.add(session, [topic], contact_id=None, payload={"inserted_form_id": None}, at=NOON)
        gone = {"public_id": "a" * 24, "external_id": "42", "inserted_form_id": None}
        outbox.add(session, [topic], contact_id=None, payload=gone, at=NOON)
    first, second, third = published()
    assert {each["topic"] for each in (first, second, third)} == {topic}
    assert all(each["data"]["item"]["type"] for each in (first, second, third))
    if topic in {"contact.deleted", "contact.erased"}:
        item = third["data"]["item"]
        assert (item["type"], item["id"], item["external_id"]) == ("contact", "a" * 24, "42")
        assert item[topic.removeprefix("contact.")] is True


def test_a_suppression_is_published_with_number_and_note_and_before_its_end(database: Database, published: Any) -> None:
    with database.unit_of_work() as session:
        stopped = suppressions.add(session, make.SAMS_NUMBER, "Asked at the counter.", actor="agent:1", at=NOON)
        suppressions.add(session, make.SAMS_NUMBER, "Again.", actor="agent:1", at=NOON)
        suppressions.lift(session, stopped.phone_hash, actor="agent:1", at=NOON)
        suppressions.add(session, make.BRITISH_NUMBER, "By letter.", actor="agent:1", at=NOON)
    created, lifted, other = published()
    assert [each["topic"] for each in (created, lifted)] == ["suppression.created", "suppression.lifted"]
    assert created["data"]["item"] == lifted["data"]["item"]
    assert created["data"]["item"] == {
        "type": "suppression",
        "phone": make.SAMS_NUMBER,
        "cause": "manual",
        "note": "Asked at the counter.",
        "since": int(NOON.timestamp()),
    }
    assert other["data"]["item"]["phone"] == make.BRITISH_NUMBER
    with database.read_only() as session:
        ordering_keys = session.scalars(select(WebhookDelivery.ordering_key).order_by(WebhookDelivery.id)).all()
        payloads = session.scalars(select(OutboxEvent.payload)).all()
    assert ordering_keys[0] == ordering_keys[1] != ordering_keys[2], "events of one number are in order"
    assert max(ordering_key or 0 for ordering_key in ordering_keys) < 0, "no contact has such a key"
    assert payloads == [{}, {}, {}], "the outbox keeps no number after routing"


def test_erasing_the_last_contact_with_a_number_deletes_its_messages(database: Database, published: Any) -> None:
    with database.unit_of_work() as session:
        sam, eve = make.contact(session, phone_number=make.SAMS_NUMBER), make.contact(session)
        contacts.change_phone(session, eve, make.SAMS_NUMBER, at=NOON)
        stopped = suppressions.add(session, make.SAMS_NUMBER, "By letter.", actor="agent:1", at=NOON)
    published()
    with database.unit_of_work() as session:
        suppressions.lift(session, stopped.phone_hash, actor="agent:1", at=NOON)
        erasure.erase(session, locking.lock_contact(session, sam.id), actor="agent:1", at=NOON)
    assert [each["topic"] for each in published()].count("suppression.lifted") == 1, "eve has the number still"
    with database.unit_of_work() as session:
        suppressions.add(session, make.SAMS_NUMBER, "By letter.", actor="agent:1", at=NOON)
        erasure.erase(session, locking.lock_contact(session, eve.id), actor="agent:1", at=NOON)
    assert make.SAMS_NUMBER not in json.dumps(published())
    with database.read_only() as session:
        assert make.SAMS_NUMBER not in json.dumps(list(session.scalars(select(OutboxEvent.payload))))


def test_an_erasure_waits_for_running_routing_and_deletes_its_messages(database: Database) -> None:
    if database.is_sqlite:  # one writer at a time anyway
        return
    _published(database)
    with database.unit_of_work() as session:
        sam = make.contact(session, name="Sam", phone_number=make.SAMS_NUMBER)

    def erase() -> None:
        with database.unit_of_work() as session:
            erasure.erase(session, locking.lock_contact(session, sam.id), actor="agent:1", at=NOON)

    erasing = threading.Thread(target=erase)
    with database.unit_of_work() as session:
        outbox.lock_routing(session)
        events = outbox.unrouted(session, limit=9)
        routing.route(session, events, at=NOON)
        outbox.mark_routed(session, events, at=NOON)
        erasing.start()
        erasing.join(0.5)
        assert erasing.is_alive()
    erasing.join()
    with database.read_only() as session:
        assert make.SAMS_NUMBER not in json.dumps(list(session.scalars(select(WebhookMessage.body))))


def test_an_event_always_gets_the_same_message_id_and_another_event_another(database: Database) -> None:
    with database.unit_of_work() as session:
        keys, values = keys_of(session), {"topic": "form.submitted", "contact_id": 1, "created_at": NOON}
        first = bodies.id_of(keys, OutboxEvent(id=1, payload={"event_id": 1}, **values))
        assert first == bodies.id_of(keys, OutboxEvent(id=1, payload={"event_id": 1}, **values))
        assert len(first) == len(bodies.new_id())
        assert first != bodies.id_of(keys, OutboxEvent(id=2, payload={"event_id": 1}, **values))
        later = values | {"created_at": NOON + timedelta(microseconds=1)}
        assert first != bodies.id_of(keys, OutboxEvent(id=1, payload={"event_id": 1}, **later)), "after a restore"


def test_no_message_holds_a_key_a_hash_or_a_token(database: Database, published: Any) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        inserted_form = make.inserted(session, make.form(session, subscription_type), sam)
        make.opt_in(session, sam, subscription_type, evidence=make.evidence(inserted_form_id=inserted_form.id))
        make.opt_out(session, sam, subscription_type)
        hashed = sam.phone_hash
        suppressions.add(session, make.SAMS_NUMBER, "By letter.", actor="agent:1", at=NOON)
        tokens = list(session.scalars(select(InsertedForm.token)))
    for message in published():
        written = json.dumps(message)
        assert not any(f'"{name}"' in written for name in SECRETS)
        assert hashed not in written
        assert not any(token in written for token in tokens)


def test_topics_that_no_enabled_endpoint_chose_create_no_messages(database: Database) -> None:
    with database.unit_of_work() as session:
        for topics in (["form.submitted"], ["granular.subscribe", "granular.unsubscribe"]):
            url = "https://hooks.example.com/"
            endpoints.create(session, url, topics, reach=Reach.INTERNET, actor="agent:1", at=NOON)
        off, _ = endpoints.create(session, url, ["contact.created"], reach=Reach.INTERNET, actor="agent:1", at=NOON)
        endpoints.disable(session, off.id, actor="agent:1", at=NOON)
        make.opt_in(session, make.contact(session, phone_number=make.SAMS_NUMBER), make.live_type(session))
    route_outbox.sweep_outbox(database)
    with database.read_only() as session:
        assert session.scalars(select(WebhookMessage.topic)).all() == ["granular.subscribe"]
        assert len(session.scalars(select(WebhookDelivery)).all()) == 1


def test_an_erased_contacts_messages_are_deleted(database: Database, published: Any) -> None:
    with database.unit_of_work() as session:
        sam, eve = make.contact(session, name="Sam"), make.contact(session, name="Eve")
    assert len(published()) == 2
    with database.unit_of_work() as session:
        deliveries.delete_for_contact(session, sam.id)
    assert [each["data"]["item"]["name"] for each in published()] == [eve.name]


def test_the_body_of_an_attempt_counts_it() -> None:
    body = bodies.envelope("notif_1", "form.submitted", {"type": "inserted_form"}, app_id="w", at=NOON)
    first, second = (bodies.of_attempt(body, number, first_at=NOON) for number in (1, 2))
    assert (first["delivery_attempts"], first["delivery_status"]) == (1, "pending")
    assert (second["delivery_attempts"], second["delivery_status"]) == (2, "retry")
    assert first["first_sent_at"] == second["first_sent_at"] == int(NOON.timestamp())
    assert first["id"] == second["id"] == "notif_1"


def test_several_changes_in_one_transaction_are_published_once(database: Database, published: Any) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        contacts.change_phone(session, sam, make.BRITISH_NUMBER, at=NOON)
    with database.unit_of_work() as session:
        again = locking.lock_contact(session, sam.id)
        contacts.change_phone(session, again, None, at=NOON)
        contacts.change_gdpr_optin(session, again, gdpr_optin=False, at=NOON)
    assert [each["topic"] for each in published()] == ["contact.created", "contact.updated"]
