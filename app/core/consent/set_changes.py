"""The set form of ``changes.py``: records an opt-in or an opt-out of many contacts for one subscription type.

The rules are those of one change and are decided by the same functions. What differs is that the contacts are locked,
read and written together: the number of statements does not depend on the number of contacts. Archived contacts are
left alone. The person's own sources never come through here, so a set never reverses an opt-out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy.orm import Session

from app.core.consent import destination_opt_outs, locking, precedence, set_decisions, set_writes
from app.core.consent.destination_opt_outs import OptOut
from app.core.consent.locking import SetRow
from app.core.consent.set_decisions import Decided, Outcome, SetChange, Statement
from app.core.ledger import facts
from app.db import overlapping_inserts, reserve_ids
from app.models import Action, ConsentEvent, ConsentState

__all__ = ["Decisions", "Outcome", "Result", "SetChange", "Statement", "apply", "decide", "preview", "write"]

_NONE: Mapping[int, SetRow] = MappingProxyType({})


class Result(NamedTuple):
    """What became of one contact.

    :param event_id: the event that was written
    """

    contact_id: int
    outcome: Outcome
    event_id: int | None = None


def preview(session: Session, change: SetChange, statements: Sequence[Statement]) -> list[Result]:
    """What ``apply`` would do with each contact now, in the order of the statements. Locks and writes nothing."""
    rows = locking.read_set(session, [each.contact_id for each in statements])
    return [
        Result(each.contact_id, each.outcome) for each in set_decisions.decide_all(session, change, statements, rows)
    ]


def apply(session: Session, change: SetChange, statements: Sequence[Statement], *, at: datetime) -> list[Result]:
    """Record a change of many contacts: ``decide`` and ``write``. Flushes, does not commit."""
    (decisions,) = decide(session, [(change, statements)])
    with overlapping_inserts(session):
        return write(session, decisions, at=at)


@dataclass(frozen=True)
class Decisions:
    """What ``write`` writes of one change. The contacts are locked; the ids of the events are reserved."""

    change: SetChange
    decided: list[Decided]
    event_ids: list[int]
    new: Mapping[int, SetRow]


def decide(
    session: Session, asked: Sequence[tuple[SetChange, Sequence[Statement]]], new: Mapping[int, SetRow] = _NONE
) -> list[Decisions]:
    """Lock the contacts of some changes, and decide about each. Writes nothing.

    :param asked: at most one statement for each contact
    :param new: the contacts that this transaction inserts before it calls ``write``
    """
    session.flush()
    decided = []
    for change, statements in asked:
        locked = locking.lock_set(session, [each.contact_id for each in statements], new)
        decided.append(set_decisions.decide_all(session, change, statements, locked.rows, new))
    changed = [sum(each.outcome is Outcome.CHANGED for each in listed) for listed in decided]
    # All at the same time: SQLite would return the same ids again until they are written.
    ids = iter(reserve_ids(session, ConsentEvent, sum(changed)) if any(changed) else ())
    return [
        Decisions(change, listed, list(islice(ids, number)), new)
        for (change, _), listed, number in zip(asked, decided, changed, strict=True)
    ]


def write(session: Session, decisions: Decisions, *, at: datetime) -> list[Result]:
    """Record what was decided. Does not commit.

    For each contact that changes it writes the state, one event with its evidence, one ``granular.subscribe`` or
    ``granular.unsubscribe`` outbox event, the opt-outs of its destinations and ``updated_at``, as ``changes.opt_in``
    and ``changes.opt_out`` do. A repeated opt-out writes no event and moves the time of the former one.

    :param at: now
    :return: one result for each statement, in their order
    """
    change, decided = decisions.change, decisions.decided
    writes = [_write(change, each, at) for each in decided if each.outcome is Outcome.CHANGED]
    events = set_writes.write(session, change.subscription_type.id, writes, decisions.event_ids, decisions.new)
    if change.state == ConsentState.OPTED_OUT:
        _write_opt_outs(session, change, decided, events, at)
    return [Result(each.contact_id, each.outcome, events.get(each.contact_id)) for each in decided]


def _write(change: SetChange, decided: Decided, at: datetime) -> set_writes.Write:
    said_at = precedence.time_of(decided.before, decided.evidence, at)
    action = Action.OPT_IN if change.state == ConsentState.OPTED_IN else Action.OPT_OUT
    state = set_writes.State(change.state, decided.destination, decided.destination_hash)
    known = facts.of_opt_out((each[0], *each[2:]) for each in _replaced(decided)) if action == Action.OPT_OUT else None
    return set_writes.Write(
        decided.contact_id,
        action,
        decided.destination,
        decided.destination_hash,
        decided.evidence,
        said_at,
        state,
        known,
    )


def _write_opt_outs(
    session: Session, change: SetChange, decided: Sequence[Decided], events: Mapping[int, int], at: datetime
) -> None:
    """Record the opt-outs of destinations, and move the time of repeated ones."""
    added: list[OptOut] = []
    for each in decided:
        if each.outcome == Outcome.CHANGED:
            said_at = precedence.time_of(each.before, each.evidence, at)
            event_id = events[each.contact_id]
            added += [OptOut(hashed, each.contact_id, said_at, event_id) for hashed in _hashes(each)]
        elif each.outcome == Outcome.UNCHANGED:
            said_at = each.evidence.occurred_at or at
            added += [own._replace(created_at=said_at) for own in each.opt_outs if own.created_at < said_at]
    destination_opt_outs.add_all(session, change.subscription_type.id, added)


def _hashes(decided: Decided) -> set[str]:
    """The destinations that an opt-out is recorded for."""
    return {each for each in (decided.destination_hash, decided.before and decided.before.given_hash) if each}


def _replaced(decided: Decided) -> tuple[OptOut, ...]:
    """The opt-outs of the contact whose event an opt-out replaces."""
    hashes = _hashes(decided)
    return tuple(each for each in decided.opt_outs if each.destination_hash in hashes)
