"""An erasure and a merge write to every table about contacts, or the table is listed here with the reason."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.core.contacts import erase, merge
from app.core.conversations import lifecycle
from app.db import Database
from app.models import Base, ContactRole
from tests import make
from tests.make import NOON

_WRITTEN = re.compile(r"^\s*(?:INSERT INTO|UPDATE|DELETE FROM) \"?(\w+)", re.MULTILINE)
# Tables to which an erasure does not write, each with the reason. A new table belongs into ``contacts/erase.py``.
KEPT_WHEN_ERASED = {
    "campaign_recipients": "an outcome under an id that identifies no person",
    "consent_events": "the ledger; its evidence is cleared",
    "destination_opt_outs": "a keyed hash, which goes on to hold",
}
# The same of a merge: a new table belongs into ``contacts/merge.py``.
KEPT_WHEN_MERGED = {
    "bulk_job_items": "what a job did with the contact of that time",
    "consent_events": "the ledger; it records the merge by a compiled statement, which is not seen here",
    "consents": "the record of the contact that ended",
    "erasure_requests": "are found by the contact into which theirs was merged",
    "outbox_events": "are written by a compiled statement, which is not seen here",
    "preference_links": "lead to the contact into which theirs was merged",
    "stopped_consents": "what STOP took from the contact of that time",
    "webhook_messages": "what was sent about the contact of that time",
}


def about_contacts() -> set[str]:
    """The tables with a foreign key to contacts, or with a column ``contact_id``."""
    return {
        table.name
        for table in Base.metadata.sorted_tables
        if "contact_id" in table.c or any(key.column.table.name == "contacts" for key in table.foreign_keys)
    }


@contextmanager
def written(session: Session) -> Iterator[set[str]]:
    """The tables to which statements inside write."""
    found: set[str] = set()

    def note(*values: Any) -> None:
        found.update(_WRITTEN.findall(values[2]))

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
        session.flush()
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.mark.databases("sqlite")
def test_an_erasure_writes_to_each_table_about_contacts(database: Database) -> None:
    with database.unit_of_work() as session:
        contact = make.contact(session, phone_number=make.SAMS_NUMBER)
        with written(session) as found:
            erase.erase(session, contact, actor="agent:1", at=NOON)
    assert about_contacts() - found == set(KEPT_WHEN_ERASED)


@pytest.mark.databases("sqlite")
def test_a_merge_writes_to_each_table_about_contacts(database: Database) -> None:
    with database.unit_of_work() as session:
        lead, user = make.contact(session, role=ContactRole.LEAD, external_id=None), make.contact(session)
        lifecycle.start(session, lead.id, at=NOON)
        with written(session) as found:
            merge.merge(session, lead.public_id, user.public_id, actor="agent:1", at=NOON)
    assert about_contacts() - found == set(KEPT_WHEN_MERGED)
