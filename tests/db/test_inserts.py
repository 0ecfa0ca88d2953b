"""INSERT statements with ON CONFLICT."""

from app.db import Database, insert_or_ignore
from app.models import Suppression
from tests import make


def test_insert_or_ignore_returns_whether_the_row_was_inserted(database: Database) -> None:
    row = {"phone_hash": "h" * 32, "cause": "manual", "note": "", "created_at": make.NOON}
    with database.unit_of_work() as session:
        assert insert_or_ignore(session, Suppression, row) is True
        assert insert_or_ignore(session, Suppression, row) is False
