"""The query plans for one page of a search, in a database with many rows."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import LargeBinary, bindparam, func, select, text

from app.core.contacts import filters
from app.core.contacts import search as contact_search
from app.core.contacts.search import Place
from app.core.contacts.search_walks import Order
from app.db import Database
from app.db.statements import DRIVER
from app.models import Contact
from tests.listening import before_statements

ROWS = 20_000
FIRST = datetime(2026, 11, 2, 12, tzinfo=UTC)
DEEP = round((FIRST + timedelta(seconds=ROWS // 2)).timestamp() * 1_000_000)  # the date of the contact in the middle


def plan_of_page(database: Database, query: Any, order: Order | None = None, *, after: Any = None) -> str:
    """The plan of the statement that reads one page, with ``ROWS`` contacts and fresh statistics."""
    with database.unit_of_work() as session:
        is_filled = session.scalar(select(func.max(Contact.id))) == ROWS
        if not is_filled:
            _fill(session.connection(), is_sqlite=database.is_sqlite)
    if not is_filled:
        analyze(database)
    with database.read_only() as session:
        statements: list[str] = []
        seen: list[Any] = []

        def record(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            statements.append(statement)
            seen.append(parameters)

        def record_compiled(statement: str) -> None:
            if "LIMIT" in statement:  # of a value; SQLite adds an offset
                statements.append(statement)
                seen.append((query["value"], 0) if database.is_sqlite else {"value": query["value"]})

        session.info[DRIVER].trace = record_compiled
        with before_statements(database, record):
            contact_search.page(session, filters.read(query), Place(50, after), order=order)
        position = next(index for index, statement in enumerate(statements) if "LIMIT" in statement)
        explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        rows = session.connection().exec_driver_sql(explain + statements[position], seen[position])
        return "\n".join(str(tuple(row)) for row in rows)


def analyze(database: Database) -> None:
    """Write fresh statistics. SQLite reads them again in the connection that reads next."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.commit()
    if database.is_sqlite:
        with database.read_only() as session:
            session.connection().exec_driver_sql("ANALYZE sqlite_schema")


def steps_of_page(database: Database, query: Any, order: Order | None, *, after: Any) -> int:
    """How many steps SQLite's virtual machine takes for one page, without counting the total."""
    steps = [0]

    def step() -> int:
        steps[0] += 1
        return 0

    with database.read_only() as session:
        driver: Any = session.connection().connection.driver_connection
        driver.set_progress_handler(step, 10)
        contact_search.page(session, filters.read(query), Place(50, after), order=order, total=1)
        driver.set_progress_handler(None, 0)
    return 10 * steps[0]


def plan_of_window(database: Database, order: Order, **key: Any) -> tuple[str, int]:
    """The plans of the statements that read one page of a list by key, and SQLite's steps for it."""
    steps, plans = [0], []

    def step() -> int:
        steps[0] += 1
        return 0

    with database.read_only() as session:
        seen: list[tuple[str, Any]] = []

        def record(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            seen.append((statement, parameters))

        driver: Any = session.connection().connection.driver_connection
        if database.is_sqlite:
            driver.set_progress_handler(step, 10)
        with before_statements(database, record):
            contact_search.window(session, None, order, limit=50, **key)
        if database.is_sqlite:
            driver.set_progress_handler(None, 0)
        explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        for statement, parameters in seen:
            rows = session.connection().exec_driver_sql(explain + statement, parameters)
            plans += [str(tuple(row)) for row in rows]
    return "\n".join(plans), 10 * steps[0]


def _fill(connection: Any, *, is_sqlite: bool) -> None:
    numbers = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)"
        if is_sqlite
        else "WITH n AS (SELECT generate_series(1, :rows) AS i)"
    )
    padded = "printf('%024x', i)" if is_sqlite else "lpad(to_hex(i), 24, '0')"
    later = (
        "strftime('%Y-%m-%d %H:%M:%f000', :at, i || ' seconds')"
        if is_sqlite
        else "CAST(:at AS timestamptz) + i * interval '1 second'"
    )
    connection.execute(
        text(
            f"INSERT INTO contacts (public_id, role, external_id, email, phone, phone_country, phone_hash, "  # noqa: S608
            f"custom_attributes, unsubscribed_from_emails, created_at, updated_at) {numbers} SELECT {padded}, 'user', "
            f"'e' || i, 'a' || i || '@example' || (i % 50) || '.com', '+1202' || (5550000 + i), "
            f"CAST(10 + i % 50 AS VARCHAR(2)), 'h' || i, '{{}}', false, {later}, {later} FROM n"
        ),
        {"rows": ROWS, "at": "2026-11-02 12:00:00"},
    )
    connection.execute(
        text(
            "INSERT INTO consent_events (contact_id, subscription_type_id, action, source, actor, evidence_level, "
            "evidence_hash, occurred_at, recorded_at, is_persons_word) SELECT id, 1, 'opt_in', 'api', 'api:1', "
            "'reported', :hash, :at, :at, true FROM contacts"
        ).bindparams(bindparam("hash", bytes(32), LargeBinary)),
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
