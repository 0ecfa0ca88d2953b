"""How a database would read one page of a search, with enough rows in it to mind."""

from typing import Any

from sqlalchemy import event, text

from app.core import contact_search, filters
from app.db import Database

ROWS = 20_000


def plan_of_page(database: Database, query: Any) -> str:
    """The plan of the statement that reads the first page, after ``ROWS`` contacts were made and counted."""
    with database.unit_of_work() as session:
        _fill(session.connection(), is_sqlite=database.is_sqlite)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.commit()
    with database.read_only() as session:
        statements: list[str] = []
        seen: list[Any] = []
        engine = database.engine

        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            statements.append(statement)
            seen.append(parameters)

        event.listen(engine, "before_cursor_execute", note)
        contact_search.page(session, filters.read(query), limit=50)
        event.remove(engine, "before_cursor_execute", note)
        place = next(index for index, statement in enumerate(statements) if "LIMIT" in statement)
        explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        rows = session.connection().exec_driver_sql(explain + statements[place], seen[place])
        return "\n".join(str(tuple(row)) for row in rows)


def _fill(connection: Any, *, is_sqlite: bool) -> None:
    numbers = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)"
        if is_sqlite
        else "WITH n AS (SELECT generate_series(1, :rows) AS i)"
    )
    padded = "printf('%024x', i)" if is_sqlite else "lpad(to_hex(i), 24, '0')"
    connection.execute(
        text(
            f"INSERT INTO contacts (public_id, role, external_id, email, phone, phone_hash, custom_attributes, "  # noqa: S608
            f"unsubscribed_from_emails, created_at, updated_at) {numbers} SELECT {padded}, 'user', 'e' || i, "
            "'a' || i || '@example.com', '+1202' || (5550000 + i), 'h' || i, '{}', false, :at, :at FROM n"
        ),
        {"rows": ROWS, "at": "2026-11-02 12:00:00"},
    )
    connection.execute(
        text(
            "INSERT INTO consent_events (contact_id, subscription_type_id, action, source, actor, evidence_level, "
            "occurred_at, recorded_at) SELECT id, 1, 'opt_in', 'api', 'api:1', 'reported', :at, :at FROM contacts"
        ),
        {"at": "2026-11-02 12:00:00"},
    )
    connection.execute(
        text(
            "INSERT INTO consents (contact_id, subscription_type_id, state, destination, destination_hash, changed_at, "
            "event_id) SELECT c.id, 1, CASE WHEN c.id % 3 = 0 THEN 'opted_in' ELSE 'opted_out' END, c.phone, "
            "c.phone_hash, :at, e.id FROM contacts c JOIN consent_events e ON e.contact_id = c.id"
        ),
        {"at": "2026-11-02 12:00:00"},
    )
