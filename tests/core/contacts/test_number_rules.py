"""Blocks of numbers and hashes of addresses are updated when the rules change."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select, update

from app.cli.database import migrated
from app.config import Settings
from app.core import phone
from app.core.consent import suppressions
from app.core.contacts import number_rules
from app.core.workspace import settings as workspace_settings
from app.db import Database
from app.models import Contact, Workspace
from tests import make

LANDLINE = "+442079460018"


def store_rules(database: Database, rules: str | None) -> None:
    with database.unit_of_work() as session:
        session.execute(update(Workspace).values(number_rules=rules))


def add_contact(database: Database, values: Mapping[str, Any], **outdated: Any) -> int:
    """Add a contact; ``outdated``: columns as older rules set them."""
    with database.unit_of_work() as session:
        contact = make.contact(session, **values)
        if outdated:
            session.execute(update(Contact).where(Contact.id == contact.id).values(**outdated))
        return contact.id


def blocks(database: Database) -> dict[int, str | None]:
    with database.read_only() as session:
        return {row.id: row.sms_block for row in session.execute(select(Contact.id, Contact.sms_block))}


def test_a_new_database_stores_the_current_rules(database: Database) -> None:
    with database.read_only() as session:
        assert workspace_settings.get(session).number_rules == phone.rules_version()
    assert phone.metadata_version() in phone.rules_version()


def test_new_rules_change_the_block_of_each_number_with_another_result(database: Database) -> None:
    valid = add_contact(database, {"phone_number": make.SAMS_NUMBER}, sms_block="phone_invalid")
    landline = add_contact(database, {"phone_number": LANDLINE}, sms_block=None)
    other_reason = add_contact(database, {"phone_number": LANDLINE}, sms_block="phone_invalid")
    was_valid = add_contact(database, {"phone_number": LANDLINE}, sms_block="suppressed")
    refused = add_contact(database, {"phone_number": make.SAMS_NUMBER, "gdpr_optin": False})
    without = add_contact(database, {})
    suppressed = add_contact(database, {"phone_number": make.EVES_NUMBER}, sms_block="phone_invalid")
    with database.unit_of_work() as session:
        suppressions.add(session, make.EVES_NUMBER, "asked by letter", actor="agent:1", at=make.NOON)
    store_rules(database, "older")
    assert number_rules.apply(database).contacts == 5
    expected = {
        valid: None,
        landline: "phone_not_sms_capable",
        other_reason: "phone_not_sms_capable",
        was_valid: "phone_not_sms_capable",
        refused: "gdpr_optout",
        without: "no_phone",
        suppressed: "suppressed",
    }
    assert blocks(database) == expected
    with database.read_only() as session:
        assert workspace_settings.get(session).number_rules == phone.rules_version()
    store_rules(database, "older")
    assert not number_rules.apply(database)
    assert blocks(database) == expected


def test_contacts_of_every_chunk_are_checked(database: Database) -> None:
    ids = [add_contact(database, {"phone_number": make.SAMS_NUMBER}, sms_block="phone_invalid") for _ in range(5)]
    for chunk in (2, 5, 1):
        with database.unit_of_work() as session:
            session.execute(update(Contact).values(sms_block="phone_invalid"))
        store_rules(database, None)
        assert number_rules.apply(database, chunk=chunk).contacts == 5
        assert blocks(database) == dict.fromkeys(ids)


def test_missing_and_wrong_email_hashes_are_corrected(database: Database) -> None:
    sam = add_contact(database, {"email_address": "sam@example.com"}, email_hash=None)
    odd = add_contact(database, {"email_address": "ask at the till"}, email_hash="0" * 32)
    store_rules(database, None)
    assert number_rules.apply(database).contacts == 2
    with database.read_only() as session:
        keys = session.info["assent_keys"]
        assert session.get_one(Contact, sam).email_hash == keys.destination_hash("sam@example.com")
        assert session.get_one(Contact, odd).email_hash is None


def test_rules_that_were_applied_already_are_not_applied_again(database: Database) -> None:
    sam = add_contact(database, {"phone_number": make.SAMS_NUMBER}, sms_block="phone_invalid")
    assert not number_rules.apply(database)
    assert blocks(database) == {sam: "phone_invalid"}


@pytest.mark.parametrize("rules", [None, "0; phonenumbers 8.0.0"])
def test_upgrading_the_database_applies_new_rules(settings: Settings, database: Database, rules: str | None) -> None:
    sam = add_contact(database, {"phone_number": make.SAMS_NUMBER}, sms_block="phone_invalid")
    store_rules(database, rules)
    with migrated(settings):
        pass
    assert blocks(database) == {sam: None}
