import pytest

from app.core.contacts import views
from app.db import Database
from app.db.statements import DRIVER
from tests import make


@pytest.mark.databases("sqlite")  # PostgreSQL plans the join by its statistics
def test_one_contact_is_found_with_its_consents_by_indexes_alone(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        types = [make.live_type(session) for _ in range(3)]
        for each in types[:2]:
            make.opt_in(session, sam, each)
    with database.read_only() as session:
        statements: list[str] = []
        session.info[DRIVER].trace = statements.append
        assert views.find(session, sam.public_id).opted_in == (types[0].id, types[1].id)
        [statement] = statements
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", (sam.public_id,)).all()
    steps = [step.detail for step in plan]
    assert steps
    assert not [step for step in steps if step.startswith(("SCAN", "MATERIALIZE"))], steps
