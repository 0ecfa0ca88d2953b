"""The database below the rules: engines, transactions, statements without the ORM."""

from app.db.engine import BUSY_TIMEOUT_MS, Engines, engine_options, take_alone, use_engines
from app.db.errors import CommitLost, ConnectionLost, DatabaseBusy, QueryTooSlow, WriteLockTimeout
from app.db.insert_after import ChangeAndInsert, JoinedChanges
from app.db.inserts import (
    Same,
    insert_columns,
    insert_into,
    insert_or_ignore,
    insert_rows,
    insert_rows_statement,
    insert_statement,
    reserve_ids,
)
from app.db.limits import Limits
from app.db.marks import HasOtherLetters, InOneCase, unmarked, without_marks
from app.db.overlapping import overlapping_inserts
from app.db.statements import CompiledStatement, ReadConnection, dialect_of, is_in, is_in_few, run
from app.db.transactions import Database, SessionFactory

__all__ = [
    "BUSY_TIMEOUT_MS",
    "ChangeAndInsert",
    "CommitLost",
    "CompiledStatement",
    "ConnectionLost",
    "Database",
    "DatabaseBusy",
    "Engines",
    "HasOtherLetters",
    "InOneCase",
    "JoinedChanges",
    "Limits",
    "QueryTooSlow",
    "ReadConnection",
    "Same",
    "SessionFactory",
    "WriteLockTimeout",
    "dialect_of",
    "engine_options",
    "insert_columns",
    "insert_into",
    "insert_or_ignore",
    "insert_rows",
    "insert_rows_statement",
    "insert_statement",
    "is_in",
    "is_in_few",
    "overlapping_inserts",
    "reserve_ids",
    "run",
    "take_alone",
    "unmarked",
    "use_engines",
    "without_marks",
]
