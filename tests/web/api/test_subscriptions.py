"""Attaching, detaching, and what is told of it."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from app.core import clock
from app.core.consent import changes as consent
from app.core.contacts import records as contacts
from app.core.ledger.evidence import Evidence
from app.core.subscriptions import subscription_types
from app.models import ConsentEvent, EvidenceLevel, OutboxEvent, Source
from tests import make
from tests.make import EVES_NUMBER, NOON, SAMS_NUMBER
from tests.web.api.client import Calls, database


@pytest.fixture
def kind(api: Calls) -> str:
    return api.live_type()


@pytest.fixture
def sam(api: Calls) -> str:
    return api.contact(external_id="70", phone=SAMS_NUMBER)


def attach(api: Calls, contact: str, kind: str, **more: Any) -> Any:
    return api.post(f"/contacts/{contact}/subscriptions", {"id": kind, "consent_type": "opt_in"} | more)


def events(app: Flask) -> list[tuple[str, str]]:
    with database(app).read_only() as session:
        rows = session.execute(select(ConsentEvent.action, ConsentEvent.source).order_by(ConsentEvent.id))
        return [(row.action, row.source) for row in rows]


def test_attaching_and_detaching_twice_is_recorded_once_each(app: Flask, api: Calls, kind: str, sam: str) -> None:
    for _ in range(2):
        assert attach(api, sam, kind)["id"] == kind
    for _ in range(2):
        assert api.delete(f"/contacts/{sam}/subscriptions/{kind}")["id"] == kind
    assert events(app) == [("opt_in", "api"), ("opt_out", "api")]
    with database(app).read_only() as session:
        told = session.scalars(select(OutboxEvent.topic).where(OutboxEvent.topic.like("granular%"))).all()
    assert told == ["granular.subscribe", "granular.unsubscribe"]


@pytest.mark.parametrize("is_in_body", [True, False])
def test_who_opted_out_themselves_is_detached_with_a_note(
    app: Flask, api: Calls, sam: str, *, is_in_body: bool
) -> None:
    kind = api.live_type(consent_type="opt_out")
    with database(app).unit_of_work() as session:
        contact = contacts.find(session, sam)
        theirs = Evidence(Source.PREFERENCE_CENTER, f"contact:{contact.id}", EvidenceLevel.PERSONAL_LINK)
        consent.opt_out(session, contact.id, int(kind), SAMS_NUMBER, theirs, standing=None, at=clock.now())
    path = f"/contacts/{sam}/subscriptions/{kind}"
    assert api.delete(path).field == "source_note"
    note = "Called and asked for it."
    answer = api("DELETE", path, {"source_note": note}) if is_in_body else api.delete(f"{path}?source_note={note}")
    assert answer["id"] == kind
    event = api.get(f"/contacts/{sam}/consent_events")["data"][0]
    assert (event["action"], event["evidence"]["note"]) == ("opt_in", note)


def test_what_everybody_gets_is_detached_without_a_number_where_nothing_is_attached(app: Flask, api: Calls) -> None:
    kind, kim = api.live_type(consent_type="opt_out"), api.contact(role="lead")
    assert api.delete(f"/contacts/{kim}/subscriptions/{kind}")["id"] == kind
    assert events(app) == []
    attach(api, kim, kind, consent_type="opt_out")
    assert api.delete(f"/contacts/{kim}/subscriptions/{kind}").code == "no_phone"


@pytest.mark.parametrize("as_number", [True, False])
def test_an_integer_is_taken_for_an_id(api: Calls, kind: str, sam: str, as_number: bool) -> None:  # noqa: FBT001
    assert attach(api, sam, int(kind) if as_number else kind)["id"] == kind  # type: ignore[arg-type]


def test_of_a_type_that_everybody_gets_attaching_is_the_opt_out(app: Flask, api: Calls, sam: str) -> None:
    kind = api.live_type(consent_type="opt_out")
    assert attach(api, sam, kind, consent_type="opt_out")["id"] == kind
    shown = api.get(f"/contacts/{sam}")
    assert [each["id"] for each in shown["opted_out_subscription_types"]["data"]] == [kind]
    assert [each["id"] for each in api.get(f"/contacts/{sam}/subscriptions")["data"]] == [kind]
    api.delete(f"/contacts/{sam}/subscriptions/{kind}")
    assert api.get(f"/contacts/{sam}/subscriptions")["data"] == []
    assert events(app) == [("opt_out", "api"), ("opt_in", "api")]


def test_detaching_whom_nobody_asked_is_recorded(app: Flask, api: Calls, kind: str, sam: str) -> None:
    api.delete(f"/contacts/{sam}/subscriptions/{kind}")
    assert events(app) == [("opt_out", "api")]
    assert api.get(f"/contacts/{sam}/consents")["data"][0]["status"] == "opted_out"


def test_what_does_not_fit_is_refused(api: Calls, kind: str, sam: str) -> None:
    wrong = attach(api, sam, kind, consent_type="opt_out")
    assert (wrong.status, wrong.code, wrong.field) == (400, "parameter_invalid", "consent_type")
    given = {"name": "Draft", "content_types": ["sms_message"], "consent_type": "opt_in"}
    draft = str(api.post("/subscription_types", given)["id"])
    assert (attach(api, sam, draft).status, attach(api, sam, draft).code) == (409, "invalid_state")
    api.post(f"/subscription_types/{kind}/archive")
    for missing in (kind, "0", "999", "abc", "9" * 30, "²"):
        answer = attach(api, sam, missing)
        assert (answer.status, answer.body["errors"][0]["message"]) == (404, "Resource Not Found")
    assert api.delete(f"/contacts/{sam}/subscriptions/abc").code == "not_found"


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
def test_bodies_that_say_nothing_are_refused(api: Calls, sam: str, body: Any, field: str) -> None:
    answer = api.post(f"/contacts/{sam}/subscriptions", body)
    assert answer.status == 400
    assert field in {each.get("field") for each in answer.body["errors"]}


def test_without_a_number_there_is_nothing_to_say_yes_for(app: Flask, api: Calls, kind: str) -> None:
    nobody = api.contact(external_id="71")
    assert (attach(api, nobody, kind).status, attach(api, nobody, kind).code) == (409, "no_phone")
    by_mail = api.live_type(content_types=["email"])
    assert attach(api, nobody, by_mail).code == "no_email"
    assert events(app) == []


def test_a_suppressed_number_is_opted_in_by_nobody_else(app: Flask, api: Calls, kind: str, sam: str) -> None:
    api.post("/suppressions", {"phone": SAMS_NUMBER, "note": "x"})
    answer = attach(api, sam, kind, source_note="They called.")
    assert (answer.status, answer.code) == (409, "suppressed")
    assert events(app) == []


def test_who_opted_out_themselves_is_opted_in_again_only_with_a_note(
    app: Flask, api: Calls, kind: str, sam: str
) -> None:
    with database(app).unit_of_work() as session:
        make.opt_out(session, contacts.find(session, sam), subscription_types.find(session, int(kind)))
    answer = attach(api, sam, kind)
    assert (answer.status, answer.field) == (400, "source_note")
    also = api.contact(external_id="72", phone=SAMS_NUMBER)
    assert attach(api, also, kind).field == "source_note"
    assert attach(api, sam, kind, source_note="Asked for it at the counter.").status == 200
    (newest,) = api.get(f"/contacts/{sam}/consent_events?per_page=1")["data"]
    assert newest["evidence"]["note"] == "Asked for it at the counter."


def test_when_they_said_so_may_be_told_but_overrides_nothing_said_since(api: Calls, kind: str, sam: str) -> None:
    earlier = int((clock.now() - timedelta(days=3)).timestamp())
    attach(api, sam, kind, occurred_at=earlier)
    (line,) = api.get(f"/contacts/{sam}/consent_events")["data"]
    assert (line["occurred_at"], line["recorded_at"] > earlier) == (earlier, True)
    api.delete(f"/contacts/{sam}/subscriptions/{kind}")
    late = attach(api, sam, kind, occurred_at=earlier + 60, source_note="Found on paper.")
    assert (late.status, late.code) == (409, "invalid_state")
    assert api.get(f"/contacts/{sam}/consents")["data"][0]["status"] == "opted_out"


def test_again_is_no_change_whenever_it_was_said_and_one_second_is_one_moment(
    app: Flask, api: Calls, kind: str, sam: str
) -> None:
    attach(api, sam, kind)
    for earlier in (0, 60, 60 * 60 * 24):
        assert attach(api, sam, kind, occurred_at=int(clock.now().timestamp()) - earlier).status == 200
    with time_machine.travel(clock.now() + timedelta(minutes=1), tick=False):
        api.delete(f"/contacts/{sam}/subscriptions/{kind}")
        assert attach(api, sam, kind, occurred_at=int(clock.now().timestamp())).status == 200
    assert events(app) == [("opt_in", "api"), ("opt_out", "api"), ("opt_in", "api")]
    api.post("/suppressions", {"phone": SAMS_NUMBER, "note": "x"})
    assert attach(api, sam, kind).status == 200
    assert len(events(app)) == 3


@pytest.mark.parametrize("number", [SAMS_NUMBER, EVES_NUMBER])
def test_no_detour_leads_around_the_note(app: Flask, api: Calls, kind: str, sam: str, number: str) -> None:
    with database(app).unit_of_work() as session:
        make.opt_out(session, contacts.find(session, sam), subscription_types.find(session, int(kind)))
    api.put(f"/contacts/{sam}", {"phone": number})
    assert api.delete(f"/contacts/{sam}/subscriptions/{kind}").status == 200
    assert attach(api, sam, kind).field == "source_note"
    user = api.contact(external_id="74", phone="+12025550177")
    with database(app).unit_of_work() as session:
        found = contacts.find(session, sam)
        found.role, found.external_id = "lead", None
    api.post("/contacts/merge", {"from": sam, "into": user})
    api.delete(f"/contacts/{user}/subscriptions/{kind}")
    assert attach(api, user, kind).field == "source_note"
    assert [source for _, source in events(app)] == ["preference_center"] * 2


def test_every_live_type_is_told_with_its_reasons(api: Calls, kind: str, sam: str) -> None:
    other = api.live_type(name="Alerts", consent_type="opt_out")
    attach(api, sam, kind)
    body = api.get(f"/contacts/{sam}/consents")
    alerts, offers = body["data"]
    assert (offers["subscription_type_id"], offers["status"], offers["source"], offers["destination"]) == (
        kind,
        "opted_in",
        "api",
        SAMS_NUMBER,
    )
    assert (alerts["subscription_type_id"], alerts["status"], alerts["subscribed"], alerts["reachable"]) == (
        other,
        "never_asked",
        True,
        True,
    )
    assert body["preference_center_url"] is None
    api.put(f"/contacts/{sam}", {"phone": EVES_NUMBER})
    assert api.get(f"/contacts/{sam}/consents")["data"][1]["reasons"] == ["number_changed"]


def test_the_ledger_is_told_newest_first_page_by_page(api: Calls, kind: str, sam: str) -> None:
    for step in range(5):
        with time_machine.travel(NOON + timedelta(minutes=step), tick=False):
            api.delete(f"/contacts/{sam}/subscriptions/{kind}") if step % 2 else attach(api, sam, kind)
    seen, following = [], ""
    while True:
        page = api.get(f"/contacts/{sam}/consent_events?per_page=2{following}")
        seen += [(each["action"], each["occurred_at"]) for each in page["data"]]
        if "next" not in page["pages"]:
            break
        following = f"&starting_after={page['pages']['next']['starting_after']}"
    assert [action for action, _ in seen] == ["opt_in", "opt_out", "opt_in", "opt_out", "opt_in"]
    assert [at for _, at in seen] == sorted((at for _, at in seen), reverse=True)


def test_types_are_made_put_live_archived_and_brought_back(api: Calls) -> None:
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
        answer = api.put(path, {"name": "Never", **change})
        assert (answer.status, answer.code, answer.field) == (422, "immutable_field", field)
    assert api.get(path)["default_translation"]["name"] == "Newsletter"
    assert api.get("/subscription_types/abc").code == "not_found"


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
def test_a_type_that_cannot_be_is_refused(api: Calls, given: Any, field: str) -> None:
    body = {"name": "News", "content_types": ["email"], "consent_type": "opt_in"} | given
    answer = api.post("/subscription_types", body)
    assert (answer.status, answer.field) == (400, field)
    assert api.get("/subscription_types")["data"] == []
