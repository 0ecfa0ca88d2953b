"""Profiles: blocking and unblocking, and what custom attributes can be."""

import pytest
from sqlalchemy import select

from app.core.contacts import attributes, profile
from app.core.errors import Duplicate, InvalidInput
from app.db import Database
from app.models import AuditEntry
from tests import make
from tests.make import NOON, SAMS_NUMBER


@pytest.mark.databases("sqlite")
def test_a_contact_is_blocked_and_unblocked_once_each(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=SAMS_NUMBER)
        for change, block in ((profile.block, "blocked"), (profile.unblock, None)):
            for _ in range(2):
                change(session, sam, actor="agent:1", at=NOON)
            assert sam.sms_block == block
        of_sam = select(AuditEntry.action).where(AuditEntry.subject == f"contact:{sam.id}")
        actions = session.scalars(of_sam.order_by(AuditEntry.id)).all()
        assert actions == ["contact.blocked", "contact.unblocked"]


@pytest.mark.databases("sqlite")
def test_a_duplicate_names_the_other_contact(database: Database) -> None:
    with database.unit_of_work() as session:
        sam, eve = make.contact(session, external_id="sam-1"), make.contact(session)
        with pytest.raises(Duplicate, match=f"id={sam.public_id}") as refused:
            profile.change(session, eve, {"external_id": "sam-1"}, actor="agent:1", at=NOON)
        assert refused.value.public_id == sam.public_id


@pytest.mark.parametrize(
    ("typed", "data_type", "value"),
    [
        (" gold ", "string", "gold"),
        ("12", "string", "12"),
        ("", "string", None),
        ("12", "integer", 12),
        ("-4.5", "float", -4.5),
        ("4.5", "integer", 4.5),
        ("true", "boolean", True),
        ("false", "boolean", False),
        (" ", "boolean", None),
    ],
)
def test_a_value_is_read_as_its_type(typed: str, data_type: str, value: object) -> None:
    found = attributes.read_value(typed, data_type)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("typed", "data_type"),
    [
        ("gold", "integer"),
        ("1e5", "float"),
        ("٣", "integer"),
        ("9" * 20, "integer"),
        ("1", "boolean"),
        ("no", "boolean"),
    ],
)
def test_a_value_of_another_type_is_refused(typed: str, data_type: str) -> None:
    with pytest.raises(InvalidInput):
        attributes.read_value(typed, data_type)


@pytest.mark.parametrize("typed", ["", "  ", 'a"b', "x" * 191, "a\x00b"])
def test_a_name_that_no_filter_could_ask_for_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInput):
        attributes.name_of(typed)
    assert attributes.name_of(" loyalty \n tier ") == "loyalty tier"
