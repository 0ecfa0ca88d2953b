"""The receiver in the documentation is run against what Assent really sends."""

import json
import re
from typing import Any

from flask import Flask

from app.config import ROOT
from app.core import clock
from app.core.consent import locking
from app.core.contacts import erase
from app.core.contacts import merge as contact_merge
from app.core.webhooks import endpoints, signatures
from app.db import Database
from app.models import ContactRole
from tests import make
from tests.jobs.test_deliver_webhooks import deliver_all
from tests.receiver import Answer, Received, receiver

PAGE = ROOT / "docs" / "integrate" / "webhooks.md"
NEEDED = re.findall(r"^Subscribe it to (.+?)\.(?: Two|$)", PAGE.read_text(), re.MULTILINE)


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_the_documented_receiver_accepts_what_assent_sends_and_nothing_else(
    database: Database, monkeypatch: Any
) -> None:
    with receiver() as there:
        with database.unit_of_work() as session:
            reach, topics = endpoints.Reach.LOOPBACK_TOO, re.findall(r"`([\w.]+)`", NEEDED[0])
            _, secret = endpoints.create(session, there.url, topics, reach=reach, actor="agent:1", at=clock.now())
        monkeypatch.setenv("ASSENT_WEBHOOK_SECRET", secret)
        names: dict[str, Any] = {"__name__": "receiver"}
        exec(block("python"), names)  # noqa: S102 - it is our own page
        receiver_app: Flask = names["app"]
        there.answer = lambda came: deliver_to(receiver_app, came)
        with database.unit_of_work() as session:
            kind, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
            make.opt_in(session, sam, kind)
        deliver_all(database)
        assert names["subscribers"] == {(sam.public_id, str(kind.id)): "opted_in"}
        with database.unit_of_work() as session:
            make.opt_out(session, sam, kind)
        deliver_all(database)
        assert names["subscribers"] == {(sam.public_id, str(kind.id)): "opted_out"}
        first, second = there.received
        names["subscribers"].clear()
        assert deliver_to(receiver_app, first) == (204, {}, b"")
        assert names["subscribers"] == {}, "a duplicate is ignored"
        older = resent(first, secret, id="notif_sent_again_late")
        assert deliver_to(receiver_app, older) == (204, {}, b"")
        assert names["subscribers"] == {}, "an older event does not override a newer one"
        forged = Received(second.path, second.headers, second.raw.replace(b"opted_out", b"opted_in "))
        assert deliver_to(receiver_app, forged) == (401, {}, b"")


def test_the_documented_receiver_deletes_contacts_that_are_erased_or_merged(
    database: Database, monkeypatch: Any
) -> None:
    with receiver() as there:
        with database.unit_of_work() as session:
            reach, topics = endpoints.Reach.LOOPBACK_TOO, re.findall(r"`([\w.]+)`", NEEDED[0])
            _, secret = endpoints.create(session, there.url, topics, reach=reach, actor="agent:1", at=clock.now())
            kind, eve = make.live_type(session), make.contact(session, phone_number=make.BRITISH_NUMBER)
            sam = make.contact(session, phone_number=make.SAMS_NUMBER)
            lead = make.contact(session, phone_number=make.SAMS_NUMBER, role=ContactRole.LEAD)
            for each in (sam, lead, eve):
                make.opt_in(session, each, kind)
        monkeypatch.setenv("ASSENT_WEBHOOK_SECRET", secret)
        names: dict[str, Any] = {"__name__": "receiver"}
        exec(block("python"), names)  # noqa: S102 - it is our own page
        there.answer = lambda came: deliver_to(names["app"], came)
        deliver_all(database)
        assert len(names["subscribers"]) == 3
        with database.unit_of_work() as session:
            contact_merge.merge(session, lead.public_id, sam.public_id, actor="agent:1", at=clock.now())
            erase.erase(session, locking.lock_contact(session, eve.id), actor="agent:1", at=clock.now())
        deliver_all(database)
        assert set(names["subscribers"]) == {(sam.public_id, str(kind.id))}
        (merged,) = [each.item for each in there.received if "merged_into" in each.item]
        assert (merged["id"], merged["merged_into"]) == (lead.public_id, sam.public_id)


def test_the_documented_message_is_part_of_a_real_one(database: Database) -> None:
    with receiver() as there:
        with database.unit_of_work() as session:
            reach = endpoints.Reach.LOOPBACK_TOO
            topics = ["granular.subscribe"]
            endpoints.create(session, there.url, topics, reach=reach, actor="agent:1", at=clock.now())
            make.opt_in(session, make.contact(session, phone_number=make.SAMS_NUMBER), make.live_type(session))
        deliver_all(database)
    is_part(json.loads(block("json")), there.received[0].body)


def test_the_table_names_every_topic() -> None:
    rows = re.findall(r"^\| (`[a-z.]+`(?:, `[a-z.]+`)*) \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(re.findall(r"[a-z.]+", " ".join(rows))) == sorted(endpoints.TOPICS)


def resent(came: Received, secret: str, **changes: str) -> Received:
    """The same message sent now, with changed fields."""
    body, at = json.dumps(came.body | changes), clock.now()
    return Received(came.path, signatures.headers([secret], "notif_again", body, at=at), body.encode())


def deliver_to(receiver_app: Flask, came: Received) -> Answer:
    headers = {name: value for name, value in came.headers.items() if name != "host"}
    answer = receiver_app.test_client().post("/hooks/assent", data=came.raw, headers=headers)
    return (answer.status_code, {}, answer.data)


def is_part(shown: Any, real: Any, where: str = "") -> None:
    """Check that every field shown exists in the real one, with a value of the same type."""
    assert isinstance(real, type(shown)), where
    if isinstance(shown, dict):
        for name, value in shown.items():
            assert name in real, f"{where}.{name}"
            is_part(value, real[name], f"{where}.{name}")
    elif isinstance(shown, list):
        for each in shown:
            is_part(each, real[0], where)
