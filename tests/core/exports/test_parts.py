"""Exports of a small workspace: what is in the files, in both formats, and in parts of any size."""

import csv
import io
import json
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.bulk import csv_cells
from app.core.contacts import merge, profile, segments, tags
from app.core.errors import InvalidInput
from app.core.exports import parts
from app.core.exports.parts import Export, Format, What
from app.core.wording import freeze
from app.db import Database
from app.models import Contact, SmsMessage, SubscriptionType
from tests import make
from tests.make import NOON

FORMULA = '=HYPERLINK("http://evil.example","Click")'


@pytest.fixture
def people(database: Database) -> list[str]:
    """The public ids of sam (all fields, opted in), eve (a formula as a name, opted out) and an archived contact."""
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER, external_id="007", name="Sam")
        sam.custom_attributes = {"plan": "1", "seats": 3, "is_vip": True, "ratio": -0.5, "town": "Graz; =1"}
        sam.gdpr_optin, sam.time_zone, sam.locale = True, "Europe/Vienna", "de"
        eve = make.contact(session, phone_number=make.EVES_NUMBER, name=FORMULA)
        eve.custom_attributes = {"town": "Linz\nUrfahr"}
        gone = make.contact(session)
        words = freeze("en", {"title": "Texts from Harbour Coffee"})
        make.opt_in(session, sam, offers, evidence=make.evidence(words=words))
        make.opt_out(session, eve, offers)
        tags.attach(session, sam.public_id, tags.create(session, "vip, old", actor="agent:1", at=NOON).id, **BY)
        gone.archived_at = NOON
        return [sam.public_id, eve.public_id, gone.public_id]


BY: dict[str, Any] = {"actor": "agent:1", "at": NOON}


def exported(database: Database, export: Export) -> str:
    return b"".join(parts.stream(database, export)).decode()


def as_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_contacts_have_a_column_for_each_attribute_and_three_for_each_type(
    database: Database, people: list[str]
) -> None:
    sam, eve = as_rows(exported(database, Export(What.CONTACTS, Format.CSV)))
    (type_id,) = {each.split(".")[1] for each in sam if each.startswith("subscription_types.")}
    assert (sam["id"], csv_cells.read_cell(eve["id"])) == (people[0], people[1])
    assert sam["external_id"] == "'007"
    assert sam["phone"] == f"'{make.SAMS_NUMBER}"
    assert csv_cells.read_cell(eve["name"]) == FORMULA
    assert eve["name"] == f"'{FORMULA}"
    assert csv_cells.read_list(sam["tags"]) == ["vip, old"]
    assert (sam["gdpr_optin"], sam["time_zone"], sam["language"]) == ("true", "Europe/Vienna", "de")
    attributes = {name: csv_cells.read_value(sam[f"custom_attributes.{name}"]) for name in ("plan", "seats", "is_vip")}
    assert attributes == {"plan": "1", "seats": 3, "is_vip": True}
    assert sam["custom_attributes.town"] == "Graz; '=1"
    assert sam["custom_attributes.ratio"] == "-0.5"
    assert eve["custom_attributes.town"] == "Linz\nUrfahr"
    assert sam[f"subscription_types.{type_id}.state"] == "opted_in"
    assert sam[f"subscription_types.{type_id}.destination"] == f"'{make.SAMS_NUMBER}"
    assert sam[f"subscription_types.{type_id}.since"] == "2026-11-02T12:00:00.000000Z"
    assert eve[f"subscription_types.{type_id}.state"] == "opted_out"


def test_json_lines_keep_types_and_nothing_is_escaped(database: Database, people: list[str]) -> None:
    sam, eve = map(json.loads, exported(database, Export(What.CONTACTS, Format.JSONL)).splitlines())
    assert (sam["id"], sam["phone"], sam["tags"]) == (people[0], make.SAMS_NUMBER, ["vip, old"])
    assert sam["custom_attributes"]["is_vip"] is True
    assert [each["state"] for each in sam["subscriptions"]] == ["opted_in"]
    assert (eve["name"], eve["gdpr_optin"]) == (FORMULA, None)


def test_the_size_of_the_parts_changes_nothing(database: Database, people: list[str]) -> None:
    with database.unit_of_work() as session:
        for contact in session.scalars(select(Contact).where(Contact.public_id.in_(people))):
            _text(session, contact, body="Hello")
            _text(session, contact, body="Hello again")
    for what, format_ in product(What, Format):
        some = {"query": None} if what == What.TEXTS else {"contact_ids": people[:2]}
        for chosen in ({"query": None}, some):
            whole = exported(database, Export(what, format_, chosen))
            assert whole, (what, format_)
            assert exported(database, Export(what, format_, chosen, part_size=1)) == whole, (what, format_)


def test_an_opt_in_for_an_earlier_number_is_not_a_state_of_the_contact(database: Database, people: list[str]) -> None:
    with database.unit_of_work() as session:
        sam_ = session.scalars(select(Contact).where(Contact.public_id == people[0])).one()
        profile.change(session, sam_, {"phone": make.BRITISH_NUMBER}, **BY)
    sam, _ = map(json.loads, exported(database, Export(What.CONTACTS, Format.JSONL)).splitlines())
    assert sam["subscriptions"] == []
    of_sam, of_eve = as_rows(exported(database, Export(What.CONSENTS, Format.CSV)))
    assert (of_sam["state"], of_sam["is_current"], of_sam["destination"]) == (
        "opted_in",
        "false",
        f"'{make.SAMS_NUMBER}",
    )
    assert (of_eve["state"], of_eve["is_current"], of_eve["source"]) == ("opted_out", "true", "preference_center")


def test_events_have_their_evidence_and_those_of_merged_contacts_are_among_them(
    database: Database, people: list[str]
) -> None:
    with database.unit_of_work() as session:
        lead = make.contact(session, role="lead", external_id=None, phone_number=make.BRITISH_NUMBER)
        offers = session.query(SubscriptionType).one()
        make.opt_in(session, lead, offers, evidence=make.evidence(ip_address="203.0.113.7", details={"a": 1}))
        merge.merge(session, lead.public_id, people[0], **BY)
    found = as_rows(exported(database, Export(What.EVENTS, Format.CSV, {"contact_ids": people[:1]})))
    assert {each["contact_id"] for each in found} >= {people[0]}
    (of_lead,) = [each for each in found if each["destination"] == f"'{make.BRITISH_NUMBER}" and each["ip_address"]]
    assert (of_lead["action"], of_lead["ip_address"], of_lead["details"]) == ("opt_in", "'203.0.113.7", '{"a":1}')
    whole = as_rows(exported(database, Export(What.EVENTS, Format.CSV)))
    assert [int(each["id"]) for each in whole] == sorted(int(each["id"]) for each in whole)
    assert {each["id"] for each in found} < {each["id"] for each in whole}


def test_texts_in_and_out_are_exported_without_the_words_of_codes(database: Database, people: list[str]) -> None:
    with database.unit_of_work() as session:
        sam = session.scalars(select(Contact).where(Contact.public_id == people[0])).one()
        lead = make.contact(session, role="lead", external_id=None, phone_number=make.BRITISH_NUMBER)
        _text(session, sam, purpose="code", body="Your code: 987650")
        _text(session, lead, direction="inbound", purpose=None, state="received", body="=1+1 when do you open?")
        _text(session, None, purpose="stopped", body="You are unsubscribed.")
        merge.merge(session, lead.public_id, people[0], **BY)
    of_sam = as_rows(exported(database, Export(What.SMS, Format.CSV, {"contact_ids": people[:1]})))
    assert [(each["direction"], each["body"]) for each in of_sam] == [
        ("outbound", ""),
        ("inbound", "'=1+1 when do you open?"),
    ]
    whole = exported(database, Export(What.SMS, Format.JSONL)).splitlines()
    assert [json.loads(line)["body"] for line in whole][2] == "You are unsubscribed."
    assert "987650" not in "".join(whole)


def _text(session: Session, contact: Contact | None, **values: Any) -> None:
    phone, phone_hash = (contact.phone, contact.phone_hash) if contact else (None, None)
    row = {"direction": "outbound", "state": "sent", "created_by": "system", "created_at": NOON} | values
    contact_id = contact.id if contact else None
    session.add(SmsMessage(contact_id=contact_id, phone=phone, phone_hash=phone_hash or "0" * 32, **row))
    session.flush()


def test_only_the_selected_contacts_are_exported(database: Database, people: list[str]) -> None:
    with database.unit_of_work() as session:
        query = {"field": "external_id", "operator": "=", "value": "007"}
        segment = segments.create(session, "Agents", query, **BY)
        of_segment = {"query": {"field": "segment_id", "operator": "=", "value": segment.public_id}}
        archived = {"query": {"field": "archived", "operator": "=", "value": True}}
    for selection, expected in (
        (of_segment, people[:1]),
        (archived, people[2:]),
        ({"contact_ids": people}, people[:2]),
    ):
        lines = exported(database, Export(What.CONTACTS, Format.JSONL, selection)).splitlines()
        assert [json.loads(line)["id"] for line in lines] == expected


def test_texts_cannot_be_exported_for_some_contacts(database: Database, people: list[str]) -> None:
    with database.read_only() as session, pytest.raises(InvalidInput):
        parts.check(session, Export(What.TEXTS, Format.CSV, {"contact_ids": people[:1]}))


def test_one_part_reads_no_more_contacts_than_its_size(database: Database) -> None:
    with database.unit_of_work() as session:
        for _ in range(5):
            make.contact(session)
    with database.read_only() as session:
        assert _sizes(session, Export(What.CONTACTS, Format.JSONL, part_size=2)) == [2, 2, 1, 0]


def _sizes(session: Session, export: Export) -> list[int]:
    sizes, position = [], {}
    while position is not None:
        part = parts.next_part(session, export, position)
        sizes.append(part.data.count(b"\n"))
        position = part.position
    return sizes
