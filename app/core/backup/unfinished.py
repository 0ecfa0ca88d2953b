"""A restore that did not end: killed after the database was replaced, and before what people asked for was kept.

The replaced database has a table that says so, from the moment at which it is there until the restore ends. It holds
what is to be kept, so that the same restore, run again, keeps it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.config import Settings
from app.core.backup.opt_outs import OptOutRecord
from app.core.backup.people import PeopleRecord
from app.core.workspace import bootstrap
from app.core.workspace.bootstrap import UNFINISHED_RESTORE

CREATE = f"CREATE TABLE {UNFINISHED_RESTORE} (record TEXT NOT NULL)"
DROP = f"DROP TABLE IF EXISTS {UNFINISHED_RESTORE}"


@dataclass(frozen=True)
class Before:
    """What is known about the database that is replaced.

    :param asked: what people asked for there; null where that is unknown
    :param ledger: what the restore takes away from the ledger; null where that is unknown
    """

    asked: OptOutRecord | None
    ledger: dict[str, Any] | None

    def as_text(self) -> str:
        return json.dumps({"asked": _plain(self.asked) if self.asked else None, "ledger": self.ledger}, default=str)


def read(settings: Settings) -> Before | None:
    """What a restore that did not end was to keep; null where none did."""
    database = bootstrap.open_database(settings, connections=1)
    try:
        with database.read_only() as session:
            found = session.execute(text(f"SELECT record FROM {UNFINISHED_RESTORE}")).scalar()  # noqa: S608 - a constant
    except Exception:  # there is no such table, or the database is damaged, empty or unreachable
        return None
    finally:
        database.close()
    return _before(json.loads(found)) if found else None


def end(session: Session) -> None:
    """The restore has ended."""
    session.execute(text(DROP))


def _plain(asked: OptOutRecord) -> dict[str, Any]:
    return asdict(asked) | {"opt_outs": [[*key, name] for key, name in asked.opt_outs.items()]}


def _before(found: Mapping[str, Any]) -> Before:
    asked = found["asked"]
    if asked is None:
        return Before(None, found["ledger"])
    requests = {
        each: {name: datetime.fromisoformat(at) for name, at in times.items()}
        for each, times in asked["people"]["requests"].items()
    }
    people = PeopleRecord(**asked["people"] | {"requests": requests})
    suppressions = [row | {"created_at": datetime.fromisoformat(row["created_at"])} for row in asked["suppressions"]]
    opt_outs = {(type_id, phone_hash, contact): name for type_id, phone_hash, contact, name in asked["opt_outs"]}
    return Before(OptOutRecord(suppressions, opt_outs, asked["last_event"], people), found["ledger"])
