"""Lists of what a job did with each contact."""

from sqlalchemy import event

from app.core.bulk import items, jobs
from app.db import Database
from app.models import BulkJobItem, JobKind
from tests import make
from tests.make import NOON


def test_items_are_listed_by_outcome_and_by_key_from_an_index(database: Database) -> None:
    with database.unit_of_work() as session:
        job, other = (jobs.create(session, JobKind.TAG, {}, actor="agent:1", at=NOON) for _ in range(2))
        people = [make.contact(session) for _ in range(5)]
        outcomes = ("changed", "suppressed", "changed", "changed", "unchanged")
        for each, outcome in zip(people, outcomes, strict=True):
            undo = "restored" if each is people[2] else "opted_out" if outcome == "changed" else None
            session.add(BulkJobItem(job_id=job.id, contact_id=each.id, outcome=outcome, undo_outcome=undo))
        session.add(BulkJobItem(job_id=other.id, contact_id=people[0].id, outcome="suppressed"))
        session.flush()
        ids = [each.id for each in people]

        def listed(**asked: object) -> list[int]:
            return [each.contact.id for each in items.page(session, job.id, **asked)]  # type: ignore[arg-type]

        assert listed(limit=9) == ids
        assert listed(outcome="changed", limit=2) == [ids[0], ids[2]]
        assert listed(outcome="changed", after_id=ids[2], limit=2) == [ids[3]]
        assert listed(outcome="suppressed", limit=9) == [ids[1]]
        assert listed(undo_outcome="opted_out", limit=9) == [ids[0], ids[3]]


def test_lists_by_outcome_read_an_index_alone(database: Database) -> None:
    plans, seen = [], []
    with database.unit_of_work() as session:
        job = jobs.create(session, JobKind.TAG, {}, actor="agent:1", at=NOON)
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *given: seen.append((given[2], given[3])))
        items.page(session, job.id, outcome="blocked", limit=9)
        items.page(session, job.id, undo_outcome="blocked", limit=9)
        listed = list(seen)
        if not database.is_sqlite:  # which would scan and sort tables as small as these
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            connection.exec_driver_sql("SET LOCAL enable_sort = off")
        explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        for statement, values in listed:
            plans.append("\n".join(map(str, connection.exec_driver_sql(f"{explain} {statement}", values))))
    for plan, index in zip(plans, ("ix_bulk_job_items_outcome", "ix_bulk_job_items_undo_outcome"), strict=True):
        assert index in plan
        assert not any(word in plan for word in ("SCAN", "TEMP B-TREE", "Seq Scan", "Sort"))
