"""Contacts that are likely the same person are found by what they share."""

import pytest
from sqlalchemy import event

from app.core.contacts import duplicates
from app.core.contacts.duplicates import Shared
from app.db import Database
from tests import make
from tests.make import BRITISH_NUMBER, NOON, SAMS_NUMBER


def test_a_contact_shows_who_shares_most_with_it(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(
            session, name="Sam Rivera", external_id="Sam-1", phone_number=SAMS_NUMBER, email_address="sam@example.com"
        )
        lead = {"role": "lead", "external_id": None}
        both = make.contact(
            session, **lead, name="sam  rivera", phone_number=SAMS_NUMBER, email_address="sam@example.com"
        )
        number = make.contact(session, **lead, name="Eve", phone_number=SAMS_NUMBER)
        spelled = make.contact(session, external_id="SAM-1")
        make.contact(session, name="Sam Rivera", phone_number=BRITISH_NUMBER)
        make.contact(session, **lead, phone_number=SAMS_NUMBER).archived_at = NOON
        session.flush()
        assert [(each.contact.id, each.shared, each.has_same_name) for each in duplicates.of_contact(session, sam)] == [
            (both.id, (Shared.PHONE, Shared.EMAIL), True),
            (number.id, (Shared.PHONE,), False),
            (spelled.id, (Shared.EXTERNAL_ID,), False),
        ]
        assert [each.contact.id for each in duplicates.of_contact(session, spelled)] == [sam.id]


@pytest.mark.parametrize("read_max", [2, 3, 100])
def test_groups_are_listed_page_by_page_also_where_a_page_reads_little(database: Database, read_max: int) -> None:
    with database.unit_of_work() as session:
        numbers = [f"+4474001234{each:02}" for each in range(6)]
        for number, count in zip(numbers, (1, 2, 1, 3, 1, 2), strict=True):
            for _ in range(count):
                make.contact(session, phone_number=number)
        make.contact(session, phone_number=numbers[0]).archived_at = NOON
        session.flush()
        found, after, pages = [], None, 0
        while True:
            page = duplicates.page(session, Shared.PHONE, after=after, limit=2, read_max=read_max)
            found += [(each.value, len(each.contacts)) for each in page.groups]
            after, pages = page.next_after, pages + 1
            if after is None:
                break
            assert pages < 20
        assert found == [(numbers[1], 2), (numbers[3], 3), (numbers[5], 2)]
        assert duplicates.page(session, Shared.EMAIL, limit=2).groups == ()


def test_no_query_for_duplicates_scans_the_contacts(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=SAMS_NUMBER, email_address="sam@example.com", external_id="s")
        make.contact(session, role="lead", phone_number=SAMS_NUMBER)
        if not database.is_sqlite:
            session.connection().exec_driver_sql("SET LOCAL enable_seqscan = off")
        seen: list[tuple[str, object]] = []
        connection = session.connection()
        event.listen(
            connection,
            "before_cursor_execute",
            lambda _connection, _cursor, statement, parameters, *_: seen.append((statement, parameters)),
        )
        duplicates.of_contact(session, sam)
        for by in (Shared.PHONE, Shared.EMAIL):
            duplicates.page(session, by, after="+1", limit=2)
        asked = [each for each in seen if each[0].startswith("SELECT")]
        assert len(asked) >= 7
        explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        for statement, parameters in asked:
            plan = " ".join(str(row) for row in connection.exec_driver_sql(explain + statement, parameters))
            if "contacts" in plan:
                assert "ix_contacts_" in plan or "uq_contacts_" in plan or "sqlite_autoindex_contacts" in plan, plan
                assert "SCAN contacts" not in plan, plan
                assert "Seq Scan on contacts" not in plan, plan
