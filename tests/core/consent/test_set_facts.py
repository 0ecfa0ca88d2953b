import json

import pytest

from app.core.consent import set_facts
from app.db import Database
from app.db.statements import DRIVER
from tests import make


@pytest.mark.databases("sqlite")  # PostgreSQL plans by its statistics
def test_the_opt_outs_of_contacts_are_found_without_reading_all_of_the_type(database: Database) -> None:
    with database.unit_of_work() as session:
        type_id = make.live_type(session).id
    with database.read_only() as session:
        statements: list[str] = []
        session.info[DRIVER].trace = statements.append
        set_facts.read(session, type_id, [1, 2], ["a" * 32])
        [statement] = [each for each in statements if "destination_opt_outs.contact_id IN" in each]
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", (json.dumps([1, 2]), 0, type_id))
        details = [step.detail for step in plan]
    assert [each for each in details if "ix_destination_opt_outs_contact_id (contact_id=?)" in each], details
