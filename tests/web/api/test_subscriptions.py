"""Attaching and detaching subscription types, and the consents and events that result."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from app.core import clock
from app.core.consent import changes as consent
from app.core.consent import locking
from app.core.contacts import records as contacts
from app.core.ledger import sealing, signing_keys
from app.core.ledger.evidence import Evidence
from app.core.proof import receipt_check
from app.core.subscriptions import subscription_types
from app.models import ConsentEvent, EvidenceLevel, OutboxEvent, Source
from tests import make
from tests.make import BRITISH_NUMBER, EVES_NUMBER, NOON, SAMS_NUMBER
from tests.web.api.client import ApiClient, api_client, database


@pytest.fixture
def offers(api: ApiClient) -> str:
    return api.live_type()


@pytest.fixture
def sam(api: ApiClient) -> str:
    return api.contact(external_id="70", phone=SAMS_NUMBER)


def attach(api: ApiClient, contact: str, offers: str, **more: Any) -> Any:
    return api.post(f"/contacts/{contact}/subscriptions", {"id": offers, "consent_type": "opt_in"} | more)


def events(app: Flask) -> list[tuple[str, str]]:
    with database(app).read_only() as session:
        of_types = select(ConsentEvent).where(ConsentEvent.subscription_type_id.is_not(None))
        rows = session.scalars(of_types.order_by(ConsentEvent.id))
        return [(row.action, row.source) for row in rows]


def test_repeated_attaching_and_detaching_is_recorded_once(app: Flask, api: ApiClient, offers: str, sam: str) -> None:
    for _ in range(2):
        assert attach(api, sam, offers)["id"] == offers
    for _ in range(2):
        assert api.delete(f"/contacts/{sam}/subscriptions/{offers}")["id"] == offers
    assert events(app) == [("opt_in", "api"), ("opt_out", "api")]
    with database(app).read_only() as session:
        topics = session.scalars(select(OutboxEvent.topic).where(OutboxEvent.topic.like("granular%"))).all()
    assert topics == ["granular.subscribe", "granular.unsubscribe"]


@pytest.mark.parametrize("is_in_body", [True, False])
def test_detaching_an_opt_out_type_that_the_person_opted_out_of_needs_a_note(
    app: Flask, api: ApiClient, sam: str, *, is_in_body: bool
) -> None:
    offers = api.live_type(consent_type="opt_out")
    with database(app).unit_of_work() as session:
        contact = contacts.find(session, sam)
        theirs = Evidence(Source.PREFERENCE_CENTER, f"contact:{contact.id}", EvidenceLevel.PERSONAL_LINK)
        consent.opt_out(session, locking.lock(session, contact.id), int(offers), SAMS_NUMBER, theirs, at=clock.now())
    path = f"/contacts/{sam}/subscriptions/{offers}"
    assert api.delete(path).field == "source_note"
    note = "Called and asked for it."
    response = api("DELETE", path, {"source_note": note}) if is_in_body else api.delete(f"{path}?source_note={note}")
    assert response["id"] == offers
    event = api.get(f"/contacts/{sam}/consent_events")["data"][0]
    assert (event["action"], event["evidence"]["note"]) == ("opt_in", note)


def test_detaching_an_opt_out_type_needs_a_number_only_if_it_is_attached(app: Flask, api: ApiClient) -> None:
    offers, kim = api.live_type(consent_type="opt_out"), api.contact(role="lead")
    assert api.delete(f"/contacts/{kim}/subscriptions/{offers}")["id"] == offers
    assert events(app) == []
    attach(api, kim, offers, consent_type="opt_out")
    assert api.delete(f"/contacts/{kim}/subscriptions/{offers}").code == "no_phone"


@pytest.mark.parametrize("as_number", [True, False])
def test_an_integer_is_accepted_as_an_id(api: ApiClient, offers: str, sam: str, as_number: bool) -> None:  # noqa: FBT001
    assert attach(api, sam, int(offers) if as_number else offers)["id"] == offers  # type: ignore[arg-type]


def test_attaching_an_opt_out_type_opts_the_contact_out(app: Flask, api: ApiClient, sam: str) -> None:
    offers = api.live_type(consent_type="opt_out")
    assert attach(api, sam, offers, consent_type="opt_out")["id"] == offers
    shown = api.get(f"/contacts/{sam}")
    assert [each["id"] for each in shown["opted_out_subscription_types"]["data"]] == [offers]
    assert [each["id"] for each in api.get(f"/contacts/{sam}/subscriptions")["data"]] == [offers]
    api.delete(f"/contacts/{sam}/subscriptions/{offers}")
    assert api.get(f"/contacts/{sam}/subscriptions")["data"] == []
    assert events(app) == [("opt_out", "api"), ("opt_in", "api")]


def test_detaching_a_contact_that_was_never_asked_is_recorded(
    app: Flask, api: ApiClient, offers: str, sam: str
) -> None:
    api.delete(f"/contacts/{sam}/subscriptions/{offers}")
    assert events(app) == [("opt_out", "api")]
    assert api.get(f"/contacts/{sam}/consents")["data"][0]["status"] == "opted_out"


def test_detaching_tells_when_the_person_said_so(app: Flask, api: ApiClient, offers: str, sam: str) -> None:
    address, said_at = f"/contacts/{sam}/subscriptions/{offers}", int(NOON.timestamp())
    future = api.delete(f"{address}?occurred_at={int(clock.now().timestamp()) + 3600}")
    assert (future.status, future.field, events(app)) == (400, "occurred_at", [])
    assert api("DELETE", address, {"occurred_at": said_at, "source_note": "A letter"}).status == 200
    (event,) = api.get(f"/contacts/{sam}/consent_events")["data"]
    assert (event["occurred_at"], event["evidence"]["note"]) == (said_at, "A letter")


def test_wrong_consent_types_drafts_and_unknown_types_are_refused(api: ApiClient, offers: str, sam: str) -> None:
    wrong = attach(api, sam, offers, consent_type="opt_out")
    assert (wrong.status, wrong.code, wrong.field) == (400, "parameter_invalid", "consent_type")
    given = {"name": "Draft", "content_types": ["sms_message"], "consent_type": "opt_in"}
    draft = str(api.post("/subscription_types", given)["id"])
    assert (attach(api, sam, draft).status, attach(api, sam, draft).code) == (409, "invalid_state")
    api.post(f"/subscription_types/{offers}/archive")
    for missing in (offers, "0", "999", "abc", "9" * 30, "²"):
        response = attach(api, sam, missing)
        assert (response.status, response.body["errors"][0]["message"]) == (404, "Resource Not Found")
    assert api.delete(f"/contacts/{sam}/subscriptions/abc").code == "not_found"


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "id"),
        ({"id": "1"}, "consent_type"),
        ({"id": None, "consent_type": "opt_in"}, "id"),
        ({"id": True, "consent_type": "opt_in"}, "id"),
        ({"id": [1], "consent_type": "opt_in"}, "id"),
        ({"id": "1", "consent_type": "maybe"}, "consent_type"),
        ({"id": "1", "consent_type": "opt_in", "source_note": "x" * 2001}, "source_note"),
        ({"id": "1", "consent_type": "opt_in", "occurred_at": 32_000_000_000}, "occurred_at"),
        ({"id": "1", "consent_type": "opt_in", "occurred_at": "yesterday"}, "occurred_at"),
    ],
)
def test_invalid_bodies_are_refused_with_their_field(api: ApiClient, sam: str, body: Any, field: str) -> None:
    response = api.post(f"/contacts/{sam}/subscriptions", body)
    assert response.status == 400
    assert field in {each.get("field") for each in response.body["errors"]}


def test_a_contact_without_a_number_or_address_cannot_be_opted_in(app: Flask, api: ApiClient, offers: str) -> None:
    nobody = api.contact(external_id="71")
    assert (attach(api, nobody, offers).status, attach(api, nobody, offers).code) == (409, "no_phone")
    by_mail = api.live_type(content_types=["email"])
    assert attach(api, nobody, by_mail).code == "no_email"
    api.post(f"/contacts/{nobody}/block")
    assert attach(api, nobody, offers).code == "blocked", "the first reason"
    assert events(app) == []


def test_a_suppressed_number_cannot_be_opted_in_by_a_client(app: Flask, api: ApiClient, offers: str, sam: str) -> None:
    api.post("/suppressions", {"phone": SAMS_NUMBER, "note": "x"})
    response = attach(api, sam, offers, source_note="They called.")
    assert (response.status, response.code) == (409, "suppressed")
    assert events(app) == []


def test_opting_in_a_person_who_opted_out_needs_a_note(app: Flask, api: ApiClient, offers: str, sam: str) -> None:
    with database(app).unit_of_work() as session:
        make.opt_out(session, contacts.find(session, sam), subscription_types.find(session, int(offers)))
    response = attach(api, sam, offers)
    assert (response.status, response.field) == (400, "source_note")
    also = api.contact(external_id="72", phone=SAMS_NUMBER)
    assert attach(api, also, offers).field == "source_note"
    assert attach(api, also, offers, source_note=" \n").field == "source_note"
    assert attach(api, sam, offers, source_note="Asked for it at the counter.").status == 200
    (newest,) = api.get(f"/contacts/{sam}/consent_events?per_page=1")["data"]
    assert newest["evidence"]["note"] == "Asked for it at the counter."


def test_a_backdated_opt_in_does_not_override_a_later_opt_out(api: ApiClient, offers: str, sam: str) -> None:
    earlier = int((clock.now() - timedelta(days=3)).timestamp())
    attach(api, sam, offers, occurred_at=earlier)
    (line,) = api.get(f"/contacts/{sam}/consent_events")["data"]
    assert (line["occurred_at"], line["recorded_at"] > earlier) == (earlier, True)
    api.delete(f"/contacts/{sam}/subscriptions/{offers}")
    late = attach(api, sam, offers, occurred_at=earlier + 60, source_note="Found on paper.")
    assert (late.status, late.code) == (409, "invalid_state")
    assert api.get(f"/contacts/{sam}/consents")["data"][0]["status"] == "opted_out"


def test_a_repeated_opt_in_changes_nothing_and_times_within_one_second_are_equal(
    app: Flask, api: ApiClient, offers: str, sam: str
) -> None:
    attach(api, sam, offers)
    for earlier in (0, 60, 60 * 60 * 24):
        assert attach(api, sam, offers, occurred_at=int(clock.now().timestamp()) - earlier).status == 200
    with time_machine.travel(clock.now() + timedelta(minutes=1), tick=False):
        api.delete(f"/contacts/{sam}/subscriptions/{offers}")
        assert attach(api, sam, offers, occurred_at=int(clock.now().timestamp())).status == 200
    assert events(app) == [("opt_in", "api"), ("opt_out", "api"), ("opt_in", "api")]
    api.post("/suppressions", {"phone": SAMS_NUMBER, "note": "x"})
    assert attach(api, sam, offers).status == 200
    assert len(events(app)) == 3


@pytest.mark.parametrize("number", [SAMS_NUMBER, EVES_NUMBER])
def test_neither_a_new_number_nor_a_merge_avoids_the_note(
    app: Flask, api: ApiClient, offers: str, sam: str, number: str
) -> None:
    with database(app).unit_of_work() as session:
        make.opt_out(session, contacts.find(session, sam), subscription_types.find(session, int(offers)))
    api.put(f"/contacts/{sam}", {"phone": number})
    assert api.delete(f"/contacts/{sam}/subscriptions/{offers}").status == 200
    assert attach(api, sam, offers).field == "source_note"
    user = api.contact(external_id="74", phone="+12025550177")
    with database(app).unit_of_work() as session:
        found = contacts.find(session, sam)
        found.role, found.external_id = "lead", None
    api.post("/contacts/merge", {"from": sam, "into": user})
    api.delete(f"/contacts/{user}/subscriptions/{offers}")
    assert attach(api, user, offers).field == "source_note"
    assert [source for _, source in events(app)] == ["preference_center"] * 2


def test_consents_are_listed_for_every_live_type_with_reasons(api: ApiClient, offers: str, sam: str) -> None:
    other = api.live_type(name="Alerts", consent_type="opt_out")
    attach(api, sam, offers)
    body = api.get(f"/contacts/{sam}/consents")
    first, second = body["data"]
    assert (second["subscription_type_id"], second["status"], second["source"], second["destination"]) == (
        offers,
        "opted_in",
        "api",
        SAMS_NUMBER,
    )
    assert (first["subscription_type_id"], first["status"], first["subscribed"], first["reachable"]) == (
        other,
        "never_asked",
        True,
        True,
    )
    assert body["preference_center_url"] == api.get(f"/contacts/{sam}/consents")["preference_center_url"]
    api.put(f"/contacts/{sam}", {"phone": EVES_NUMBER})
    assert api.get(f"/contacts/{sam}/consents")["data"][1]["reasons"] == ["number_changed"]


def test_consent_events_are_paginated_newest_first(api: ApiClient, offers: str, sam: str) -> None:
    for step in range(5):
        with time_machine.travel(NOON + timedelta(minutes=step), tick=False):
            api.delete(f"/contacts/{sam}/subscriptions/{offers}") if step % 2 else attach(api, sam, offers)
    seen, following = [], ""
    while True:
        page = api.get(f"/contacts/{sam}/consent_events?per_page=2{following}")
        seen += [(each["action"], each["occurred_at"]) for each in page["data"]]
        if "next" not in page["pages"]:
            break
        following = f"&starting_after={page['pages']['next']['starting_after']}"
    assert [action for action, _ in seen] == ["opt_in", "opt_out", "opt_in", "opt_out", "opt_in"]
    assert [at for _, at in seen] == sorted((at for _, at in seen), reverse=True)


def test_types_are_created_put_live_archived_and_unarchived(api: ApiClient) -> None:
    given = {
        "name": "News",
        "description": "What is new",
        "content_types": ["email"],
        "consent_type": "opt_out",
        "translations": [{"locale": "pt-BR", "name": "Novidades"}],
    }
    made = api.post("/subscription_types", given)
    assert (made["state"], made["content_types"], made["consent_type"]) == ("draft", ["email"], "opt_out")
    assert [each["locale"] for each in made["translations"]] == ["en", "pt-BR"]
    path = f"/subscription_types/{made['id']}"
    for step, state in (("put_live", "live"), ("archive", "archived"), ("unarchive", "live")):
        assert api.post(f"{path}/{step}")["state"] == state
    assert api.post(f"{path}/put_live").code == "invalid_state"
    assert (
        api.put(path, {"name": "Newsletter", "content_types": ["email"]})["default_translation"]["name"] == "Newsletter"
    )
    for change, field in (
        ({"content_types": ["sms_message"]}, "content_types"),
        ({"consent_type": "opt_in"}, "consent_type"),
    ):
        response = api.put(path, {"name": "Never", **change})
        assert (response.status, response.code, response.field) == (422, "immutable_field", field)
    assert api.get(path)["default_translation"]["name"] == "Newsletter"
    assert api.get("/subscription_types/abc").code == "not_found"


def test_a_type_of_texts_has_a_welcome_text_and_its_forms_a_way_to_confirm_numbers(api: ApiClient, offers: str) -> None:
    path = f"/subscription_types/{offers}"
    assert (api.get(path)["welcome"], api.get(path)["welcome_text"]) == (False, "")
    changed = api.put(path, {"welcome": True, "welcome_text": " {brand}: Hello. STOP to cancel. "})
    assert (changed["welcome"], changed["welcome_text"]) == (True, "{brand}: Hello. STOP to cancel.")
    assert api.put(path, {"welcome_text": ""})["welcome"] is True
    assert api.put(path, {"welcome_text": "x" * 481}).field == "welcome_text"
    form = api.post("/forms", {"subscription_type_id": offers, "title": "Offers", "verify_number": "sms_link"})
    assert form["verify_number"] == "sms_link"
    renamed = api.put(f"/forms/{form['id']}", {"title": "Our offers"})
    assert (renamed["version"], renamed["verify_number"]) == (2, "sms_link")
    letter = api.post("/subscription_types", {"name": "Letter", "content_types": ["email"], "consent_type": "opt_in"})
    api.post(f"/subscription_types/{letter['id']}/put_live")
    assert api.put(f"/subscription_types/{letter['id']}", {"welcome": True}).field == "welcome"
    refused = api.post("/forms", {"subscription_type_id": letter["id"], "title": "Letter", "verify_number": "code"})
    assert (refused.status, refused.field) == (400, "verify_number")


def test_a_type_names_the_form_by_which_people_opt_in_on_their_preference_page(api: ApiClient, offers: str) -> None:
    form = api.post("/forms", {"subscription_type_id": offers, "title": "Offers"})["id"]
    path = f"/subscription_types/{offers}"
    read = api.get(path).body
    assert read["preference_form_id"] is None
    assert api.put(path, read | {"preference_form_id": form})["preference_form_id"] == form
    assert api.put(path, {"name": "Offers"})["preference_form_id"] == form
    refused = api.put(path, {"preference_form_id": "999"})
    assert (refused.status, refused.field) == (400, "preference_form_id")
    assert api.put(path, {"preference_form_id": None})["preference_form_id"] is None
    draft = {"name": "News", "content_types": ["email"], "consent_type": "opt_in", "preference_form_id": form}
    assert api.post("/subscription_types", draft).field == "preference_form_id"


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " "}, "name"),
        ({"content_types": ["fax"]}, "content_types.0"),
        ({"content_types": ["email", "sms_message"]}, "content_types"),
        ({"content_types": "email"}, "content_types"),
        ({"consent_type": "x"}, "consent_type"),
        ({"locale": "xx"}, "locale"),
        ({"translations": [{"locale": "xx", "name": "x"}]}, "locale"),
        ({"translations": [{"locale": "es"}]}, "translations.0.name"),
    ],
)
def test_an_invalid_type_is_refused_with_its_field(api: ApiClient, given: Any, field: str) -> None:
    body = {"name": "News", "content_types": ["email"], "consent_type": "opt_in"} | given
    response = api.post("/subscription_types", body)
    assert (response.status, response.field) == (400, field)
    assert api.get("/subscription_types")["data"] == []


def test_every_change_of_consent_suppression_or_number_moves_updated_at(
    app: Flask, api: ApiClient, offers: str, sam: str
) -> None:
    """Extractors read contacts by ``updated_at``: what does not move it, they never see."""
    other = api.contact(role="lead", phone=SAMS_NUMBER)
    lead = api.contact(role="lead", phone=EVES_NUMBER)
    attach(api, lead, offers)

    def by_form() -> None:
        with database(app).unit_of_work() as session:
            contact = contacts.find(session, sam)
            offered = subscription_types.find(session, int(offers))
            make.opt_in(session, contact, offered, evidence=make.evidence(), at=clock.now())

    phone = {"phone": SAMS_NUMBER, "note": "Asked at the counter."}
    backdated = {"occurred_at": int(NOON.timestamp()), "source_note": "On paper."}
    steps: list[tuple[Any, set[str]]] = [
        (lambda: attach(api, other, offers, **backdated), {other}),
        (by_form, {sam}),
        (lambda: api.delete(f"/contacts/{sam}/subscriptions/{offers}?source_note=Asked."), {sam}),
        (lambda: api.post("/suppressions", phone), {sam, other}),
        (lambda: api.delete(f"/suppressions/{api.get('/suppressions')['data'][0]['id']}"), {sam, other}),
        (lambda: api.put(f"/contacts/{other}", {"phone": BRITISH_NUMBER}), {other}),
        (lambda: api.post("/contacts/merge", {"from": lead, "into": sam}), {sam}),
    ]
    now_s = int(clock.now().timestamp())
    for number, (step, moved) in enumerate(steps):
        before = {each: api.get(f"/contacts/{each}")["updated_at"] for each in (sam, other)}
        with time_machine.travel(now_s + 100 * (number + 1), tick=False):
            response = step()
            assert response is None or response.status == 200, (number, response.body)
        after = {each: api.get(f"/contacts/{each}")["updated_at"] for each in (sam, other)}
        assert {each for each in after if after[each] == now_s + 100 * (number + 1)} == moved, number
        assert all(after[each] == before[each] for each in {sam, other} - moved), number


def test_an_incremental_search_sees_a_contact_that_was_detached(api: ApiClient, offers: str, sam: str) -> None:
    later = datetime.now(UTC) + timedelta(days=2)
    attach(api, sam, offers)
    bookmark = int(later.timestamp()) - 86_400
    assert api.search("updated_at", ">", bookmark) == []
    with time_machine.travel(later):
        assert api.delete(f"/contacts/{sam}/subscriptions/{offers}").status == 200
        assert api.search("updated_at", ">", bookmark) == [sam]


def test_recording_a_consent_moves_updated_at_by_one_statement(
    app: Flask, api: ApiClient, offers: str, sam: str
) -> None:
    seen: list[str] = []
    database(app).trace = seen.append
    attach(api, sam, offers)
    database(app).trace = None
    assert len([each for each in seen if "UPDATE contacts" in each]) == 1


def test_a_consent_event_has_a_signed_receipt(app: Flask, api: ApiClient, offers: str, sam: str) -> None:
    attach(api, sam, offers)
    (event,) = api.get(f"/contacts/{sam}/consent_events")["data"]
    path = f"/contacts/{sam}/consent_receipts/{event['id']}"
    assert api.get(path)["status"] == "pending"
    sealing.seal(database(app))
    receipt = api.get(path).body
    with database(app).read_only() as session:
        keys = {each.id: each.public_key for each in signing_keys.all_keys(session)}
    assert receipt_check.check(json.dumps(receipt), keys).verdict == "verified"
    assert receipt["event"]["id"] == int(event["id"])


def test_only_an_event_of_the_contact_has_a_receipt_there(api: ApiClient, offers: str, sam: str) -> None:
    attach(api, sam, offers)
    (event,) = api.get(f"/contacts/{sam}/consent_events")["data"]
    eve = api.contact(role="lead")
    assert api.get(f"/contacts/{eve}/consent_receipts/{event['id']}").status == 404
    assert api.get(f"/contacts/{sam}/consent_receipts/999999").status == 404
    assert api.get(f"/contacts/{sam}/consent_receipts/none").status == 404


def test_the_preference_center_of_a_contact_opens_by_the_url_that_a_writing_token_gets(
    app: Flask, api: ApiClient, offers: str, sam: str
) -> None:
    api.post(f"/contacts/{sam}/subscriptions", {"id": offers, "consent_type": "opt_in"})
    url = api.get(f"/contacts/{sam}/consents")["preference_center_url"]
    path = url.removeprefix("http://localhost")
    assert path.startswith("/p/")
    left = app.test_client().post(f"{path}/subscription_types/{offers}", data={"action": "unsubscribe"})
    assert left.status_code == 303
    (consent,) = api.get(f"/contacts/{sam}/consents")["data"]
    assert (consent["status"], consent["source"]) == ("opted_out", "preference_center")
    reader = api_client(app, "read")
    assert reader.get(f"/contacts/{sam}/consents")["preference_center_url"] is None
