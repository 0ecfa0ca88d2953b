"""A workspace of many contacts with consents, built by SQL over sets, in seconds for each hundred thousand.

Contact ``n`` has the id ``n``, a number, an address, attributes, and a consent for some of the types in turn; each
consent has its event and evidence. One contact in ten opted out, one in a hundred is blocked or suppressed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import Database, run

BATCH = 1_000_000
# Times on either side of midnight, over a year.
_SERIES = {
    "sqlite": "WITH RECURSIVE series(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM series WHERE n < :last)",
    "postgresql": "WITH series(n) AS (SELECT generate_series(CAST(:first AS int), CAST(:last AS int)))",
}
_AT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S.000000', :now, '-' || ((n * 7919) % 31000000) || ' seconds')",
    "postgresql": "CAST(:now AS timestamptz) - ((n * CAST(7919 AS bigint)) % 31000000) * interval '1 second'",
}
_HASH = {"sqlite": "printf('%032x', n)", "postgresql": "lpad(to_hex(n), 32, '0')"}
_BYTES = {"sqlite": "zeroblob({})", "postgresql": "decode(repeat('00', {}), 'hex')"}
_TABLES = "('contacts', 'consents', 'consent_events', 'consent_evidence', 'destination_opt_outs')"
_ASIDE = {
    "sqlite": f"""SELECT sql AS make_it, 'DROP ' || type || ' ' || name AS drop_it FROM sqlite_master
        WHERE tbl_name IN {_TABLES} AND sql IS NOT NULL
        AND (type = 'index' OR (type = 'trigger' AND tbl_name <> 'contacts'))""",
    "postgresql": f"""SELECT indexdef AS make_it, 'DROP INDEX ' || indexname AS drop_it FROM pg_indexes
        WHERE tablename IN {_TABLES} AND indexname NOT IN (SELECT conname FROM pg_constraint)""",
}
_PHONE = "'+1' || (2000000000 + n)"
_EMAIL = "n || '@example.com'"
_IS_OUT = "n % 10 = 0"


@dataclass(frozen=True)
class Population:
    """How many contacts, and the types that each has ``consents_each`` consents of.

    ``email_types`` are those of ``type_ids`` whose channel is email.
    """

    contacts: int
    type_ids: Sequence[int]
    consents_each: int = 3
    email_types: Sequence[int] = ()
    has_evidence: bool = True

    @property
    def events(self) -> int:
        return self.contacts * self.consents_each


def fill(database: Database, population: Population, *, at: datetime) -> None:
    """Write the population into an empty workspace that has these types, and let the planner know."""
    dialect = "sqlite" if database.is_sqlite else "postgresql"
    with database.unit_of_work() as session:
        restored = _take_away(session, dialect)
    for first in range(1, population.contacts + 1, BATCH):
        last = min(first + BATCH - 1, population.contacts)
        for statement in (*_contacts(dialect), *_consents(dialect, population)):
            _execute(database, dialect, statement, {"first": first, "last": last, "now": at})
    with database.unit_of_work() as session:
        if dialect == "postgresql":
            run(session, text("SET LOCAL maintenance_work_mem = '512MB'"))
        for statement in restored:
            session.connection().exec_driver_sql(statement)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if dialect == "postgresql":  # the ids were given, so the sequences do not know them
            for table in ("contacts", "consent_events"):
                last_id = f"(SELECT max(id) FROM {table})"
                connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last_id})"))
            connection.execute(text("VACUUM ANALYZE"))
        else:
            connection.execute(text("ANALYZE"))


def _take_away(session: Session, dialect: str) -> list[str]:
    """Drop what slows down filling: the indexes, and on SQLite the triggers of the ledger; returns what restores them.

    On PostgreSQL ``_execute`` leaves out triggers and foreign keys.
    """
    found = run(session, text(_ASIDE[dialect])).all()
    for each in found:
        session.connection().exec_driver_sql(each.drop_it)
    return [each.make_it for each in found]


def _contacts(dialect: str) -> list[str]:
    hashed, moment = _HASH[dialect], _AT[dialect]
    plan = "CASE WHEN n % 3 = 0 THEN 'pro' ELSE 'free' END"
    attributes = f"""'{{"plan": "' || {plan} || '", "visits": ' || n % 50 || '}}'"""
    contacts = {
        "id": "n",
        "public_id": f"substr({hashed}, 9)",
        "role": "'user'",
        "external_id": "'user-' || n",
        "name": "'Sam ' || n",
        "phone": _PHONE,
        "phone_hash": hashed,
        "email": _EMAIL,
        "email_hash": hashed,
        "phone_country": "'US'",
        "custom_attributes": attributes if dialect == "sqlite" else f"CAST({attributes} AS json)",
        "created_at": moment,
        "updated_at": moment,
        "blocked_at": f"CASE WHEN n % 100 = 0 THEN {moment} END",
        "sms_block": "CASE WHEN n % 100 = 0 THEN 'blocked' END",
    }
    suppressions = {"phone_hash": hashed, "cause": "'keyword'", "note": "''", "created_at": moment}
    return [
        _insert(dialect, "contacts", contacts),
        _insert(dialect, "suppressions", suppressions, where="n % 97 = 0"),
    ]


def _consents(dialect: str, population: Population) -> list[str]:
    statements = []
    for number in range(population.consents_each):
        statements += _consents_in_turn(dialect, population, number)
    return statements


def _consents_in_turn(dialect: str, population: Population, number: int) -> list[str]:
    hashed, moment = _HASH[dialect], _AT[dialect]
    type_id = f"CASE (n + {number}) % {len(population.type_ids)} {_whens(population.type_ids)} END"
    event_id = f"{number} * CAST({population.contacts} AS bigint) + n"
    destination = _PHONE
    if population.email_types:
        emails = ", ".join(map(str, population.email_types))
        destination = f"CASE WHEN {type_id} IN ({emails}) THEN {_EMAIL} ELSE {_PHONE} END"
    event = {
        "id": event_id,
        "contact_id": "n",
        "subscription_type_id": type_id,
        "action": f"CASE WHEN {_IS_OUT} THEN 'opt_out' ELSE 'opt_in' END",
        "source": "'form'",
        "actor": "'contact'",
        "evidence_level": "'personal_link'",
        "destination_hash": hashed,
        "evidence_hash": _BYTES[dialect].format(32),
        "occurred_at": moment,
        "is_persons_word": "true",
        "recorded_at": moment,
    }
    evidence = {
        "event_id": event_id,
        "destination": destination,
        "ip_address": "'203.0.113.7'",
        "user_agent": "'Mozilla/5.0 (X11; Linux x86_64)'",
        "origin": "'https://shop.example.com'",
        "locale": "'en'",
        "details": "'{}'",
        "salt": _BYTES[dialect].format(16),
    }
    shared = {"subscription_type_id": type_id, "destination_hash": hashed, "contact_id": "n", "event_id": event_id}
    state = f"CASE WHEN {_IS_OUT} THEN 'opted_out' ELSE 'opted_in' END"
    consent = shared | {"state": state, "destination": destination, "changed_at": moment}
    statements = [
        _insert(dialect, "consent_events", event),
        _insert(dialect, "consents", consent),
        _insert(dialect, "destination_opt_outs", shared | {"created_at": moment}, where=_IS_OUT),
    ]
    return [*statements, _insert(dialect, "consent_evidence", evidence)] if population.has_evidence else statements


def _insert(dialect: str, table: str, columns: Mapping[str, str], *, where: str = "true") -> str:
    """Rows for each ``n`` of the series. ``columns``: the SQL of each value."""
    values = ", ".join(columns.values())
    return f"{_SERIES[dialect]} INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM series WHERE {where}"


def _whens(type_ids: Sequence[int]) -> str:
    return " ".join(f"WHEN {place} THEN {type_id}" for place, type_id in enumerate(type_ids))


def _execute(database: Database, dialect: str, statement: str, values: dict[str, object]) -> None:
    now = values["now"]
    if dialect == "sqlite" and isinstance(now, datetime):
        values = values | {"now": now.replace(tzinfo=None).isoformat(" ", "seconds")}
    with database.unit_of_work() as session:
        if dialect == "postgresql":
            run(session, text("SET LOCAL session_replication_role = replica"))
        run(session, text(statement), values)
