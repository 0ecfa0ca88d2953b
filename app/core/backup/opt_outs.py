"""Keeps numbers that opted out after a backup was made suppressed when that backup is restored."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, func, select, text, true
from sqlalchemy.orm import Session

from app import migrations
from app.config import Settings
from app.core import audit
from app.core.backup import people
from app.core.backup.people import PeopleRecord
from app.core.consent import suppressions
from app.core.signing import keys_of
from app.core.workspace import bootstrap
from app.db import Database, dialect_of, run
from app.models import (
    Channel,
    Consent,
    ConsentEvent,
    ConsentState,
    DestinationOptOut,
    SubscriptionType,
    Suppression,
    SuppressionCause,
    Workspace,
)

_EVENT = ConsentEvent.__table__
_DESTINATION_OPT_OUT, _TYPE = DestinationOptOut.__table__, SubscriptionType.__table__
_CONSENT = Consent.__table__
_SUPPRESSION, _WORKSPACE = Suppression.__table__, Workspace.__table__
_NOTE = "Opted out of “{}” after the backup that was restored on {:%Y-%m-%d} was made."
# Subscription type, keyed hash of the number, contact.
_OptOutKey = tuple[int, str, int]


@dataclass(frozen=True)
class OptOutRecord:
    """The suppressions and opt-outs of a database.

    :param opt_outs: key to the name of the subscription type
    :param last_event: the id of the last consent event; receivers of webhooks treat only higher ids as newer
    :param people: what people asked for beside
    """

    suppressions: list[dict[str, Any]] = field(default_factory=list)
    opt_outs: dict[_OptOutKey, str] = field(default_factory=dict)
    last_event: int = 0
    people: PeopleRecord = field(default_factory=PeopleRecord)


def read(settings: Settings) -> OptOutRecord | None:
    """Read them from the database that is about to be replaced.

    Null when it knows nothing: it has no event, cannot be read, or has another key.

    That database may have another version, so only columns that all versions have are read.
    """
    database = bootstrap.open_database(settings, connections=1)
    try:
        with database.read_only() as session:
            return _read(session)
    except Exception:  # damaged, empty or unreachable: a restore must work then, too
        return None
    finally:
        database.close()


def carry_over(database: Database, before: OptOutRecord, *, at: datetime) -> int:
    """Suppress the numbers that were suppressed before; suppress for review those that opted out only there.

    Where a number is suppressed in both, the stronger cause remains. An opt-out itself cannot be restored, because its
    event, contact and type may be gone. Returns how many numbers were added to the suppressions or got a stronger
    cause.
    """
    with database.unit_of_work() as session:
        _continue_event_ids(session, before.last_event)
        known = _opt_outs(session)
        unknown = {key[1]: type_name for key, type_name in before.opt_outs.items() if key not in known}
        rows = before.suppressions + [
            {
                "phone_hash": phone_hash,
                "cause": SuppressionCause.REVIEW.value,
                "note": _NOTE.format(name, at),
                "created_at": at,
            }
            for phone_hash, name in unknown.items()
        ]
        changed = {row["phone_hash"] for row in rows if suppressions.carry_over(session, {"phone": None} | row, at=at)}
        if changed:
            details = {"numbers": len(changed)}
            audit.record(session, "system", "suppressions.carried_over", "backup", details, at=at)
    return len(changed)


def _read(session: Session) -> OptOutRecord | None:
    if migrations.current_revision(session.connection()) is None:
        return None
    key_check = run(session, select(_WORKSPACE.c.key_check)).scalar_one_or_none()
    if key_check not in {None, keys_of(session).check}:
        return None
    last_event = run(session, select(func.max(_EVENT.c.id))).scalar_one()
    if last_event is None:
        return None
    columns = [_SUPPRESSION.c[name] for name in ("phone_hash", "phone", "cause", "note", "created_at")]
    suppressed = [dict(row) for row in run(session, select(*columns)).mappings()]
    return OptOutRecord(suppressed, _opt_outs(session), last_event, people.read(session))


def _continue_event_ids(session: Session, last_event: int) -> None:
    """Continue the ids of consent events after ``last_event``, so that no id is used twice."""
    if last_event <= (run(session, select(func.max(_EVENT.c.id))).scalar_one() or 0):
        return
    if dialect_of(session) == "sqlite":
        run(session, text("DELETE FROM sqlite_sequence WHERE name = 'consent_events'"))
        run(session, text("INSERT INTO sqlite_sequence VALUES ('consent_events', :last)"), {"last": last_event})
    else:
        run(session, text("SELECT setval(pg_get_serial_sequence('consent_events', 'id'), :last)"), {"last": last_event})


def _opt_outs(session: Session) -> dict[_OptOutKey, str]:
    """Those of numbers, and those of contacts alone: an unknown person's own word counts for their contact, too."""
    opted_out = _CONSENT.c.destination_hash.is_not(None) & (_CONSENT.c.state == ConsentState.OPTED_OUT.value)
    return _by_sms(session, _DESTINATION_OPT_OUT, true()) | _by_sms(session, _CONSENT, opted_out)


def _by_sms(session: Session, table: Table, which: ColumnElement[bool]) -> dict[_OptOutKey, str]:
    by_sms = (
        select(table.c.subscription_type_id, table.c.destination_hash, table.c.contact_id, _TYPE.c.name)
        .join(_TYPE, _TYPE.c.id == table.c.subscription_type_id)
        .where(_TYPE.c.channel == Channel.SMS.value, which)
    )
    found = run(session, by_sms)
    return {(each.subscription_type_id, each.destination_hash, each.contact_id): each.name for each in found}
