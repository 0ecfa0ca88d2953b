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


@pytest.mark.databases("postgresql")  # SQLite plans a statement without its parameters
def test_postgresql_plans_the_statements_of_a_page_once(database: Database) -> None:
    with database.unit_of_work() as session:
        people = [make.contact(session, phone_number=f"+1202555010{number}").id for number in range(3)]
    with database.read_only() as session:
        driver = session.info[DRIVER].cursor
        driver.execute("DEALLOCATE ALL")
        for _ in range(20):
            assert [view.row.id for view in views.of_ids(session, people[:1])] == people[:1]
        assert [view.row.id for view in views.of_ids(session, people)] == people
        plans = driver.execute("SELECT generic_plans, custom_plans FROM pg_prepared_statements").fetchall()
    assert len(plans) == 2
    assert all(generic > custom for generic, custom in plans), plans
