"""Undoes what ``set_changes.py`` did with many contacts, except where something has changed since.

An undo writes new events. It never weakens a later act: a contact that opted out again, whose number said STOP or was
changed, or that was blocked since, is left alone.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.consent import destination_opt_outs, earlier, locking, reach, set_facts, set_writes
from app.core.consent.current import CurrentConsent
from app.core.consent.destination_opt_outs import OptOut
from app.core.consent.earlier import Change
from app.core.consent.locking import SetRow
from app.core.consent.set_changes import Outcome, Result
from app.core.consent.set_facts import SetFacts
from app.core.ledger import facts as ledger_facts
from app.core.ledger.evidence import Evidence
from app.core.signing import keys_of
from app.db import reserve_ids, run
from app.models import Action, Channel, ConsentEvent, ConsentEvidence, ConsentState, ConsentType, SubscriptionType

_EVENT = ConsentEvent.__table__
_EVIDENCE = ConsentEvidence.__table__


@dataclass(frozen=True)
class Done:
    """What a set change did with one contact."""

    contact_id: int
    event_id: int


def undo(
    session: Session, subscription_type: SubscriptionType, done: Sequence[Done], evidence: Evidence, *, at: datetime
) -> list[Result]:
    """Restore the consents that these contacts had before a change of many contacts. Flushes, does not commit.

    For each contact that is restored it writes the state (no row where it was never asked), one event that names the
    undone and the restored one, one outbox event, and ``updated_at``. The opt-outs of destinations that the change
    recorded are removed, and those that it replaced put back.

    :param evidence: its ``bulk_job`` in the details names the job whose events are undone
    :return: ``restored`` or the reason why a contact was left alone, in the order of ``done``
    """
    session.flush()
    locked = locking.lock_set(session, [each.contact_id for each in done])
    undoing = _read(session, subscription_type, done, locked.rows, evidence.details["bulk_job"])
    decided = {each.contact_id: undoing.decide(each) for each in done}
    restored = [each for each in done if decided[each.contact_id] == Outcome.RESTORED]
    writes = [undoing.write(each, evidence, at) for each in restored]
    ids = reserve_ids(session, ConsentEvent, len(writes))
    events = set_writes.write(session, subscription_type.id, writes, ids)
    added = {each.contact_id: each.event_id for each in restored}
    replaced = [opt_out for each in restored for opt_out in undoing.replaced(each)]
    destination_opt_outs.put_back(session, subscription_type.id, added, replaced)
    return [Result(each.contact_id, decided[each.contact_id], events.get(each.contact_id)) for each in done]


@dataclass(frozen=True)
class _Undoing:
    """What an undo depends on, for all contacts of a set.

    :param hashes: of the destination that each contact has now
    :param changes: the event that is undone, and the one before it, by contact
    :param jobs_events: opt-outs that the same job recorded, for any contact
    :param suppressed_by: the newest event that suppressed a number, by its hash
    """

    subscription_type: SubscriptionType
    rows: Mapping[int, SetRow]
    hashes: Mapping[int, str]
    changes: Mapping[int, tuple[Change, Change | None]]
    facts: SetFacts
    jobs_events: Mapping[int, datetime]
    suppressed_by: Mapping[str, int]

    def decide(self, done: Done) -> Outcome:
        row = self.rows.get(done.contact_id)
        if row is None or row.erased_at is not None:
            return Outcome.ERASED
        if row.merged_into_id is not None:
            return Outcome.MERGED
        current = self.facts.currents.get(row.id)
        if current is None or current.event_id != done.event_id:
            return Outcome.CHANGED_SINCE
        if current.state == ConsentState.OPTED_IN:
            return Outcome.RESTORED
        return self._act_since(row, current) or Outcome.RESTORED

    def _act_since(self, row: SetRow, current: CurrentConsent) -> Outcome | None:
        """Why an opt-out stays, although it is still the newest change of this consent."""
        if closed := reach.closed_for(row):
            return Outcome(closed)
        if self.hashes.get(row.id) != current.destination_hash:
            return Outcome.NUMBER_CHANGED
        _, before = self.changes[row.id]
        hashes = {current.destination_hash, before.destination_hash if before else None} - {None}
        if any(self._is_suppressed(cast(str, each), current.event_id) for each in hashes):
            return Outcome.SUPPRESSED
        own = self.facts.of_contact(row.id)
        others = (opt_out for each in hashes for opt_out in self.facts.of_destination(each))
        if any(self._is_since(each, current) for each in (*own, *others)):
            return Outcome.OPTED_OUT
        if current.destination_hash is None and before is None and self._is_subscribed(None):
            # a repeated opt-out without a number leaves no trace, so there may have been one
            return Outcome.NO_PHONE if self.subscription_type.channel == Channel.SMS else Outcome.NO_EMAIL
        return None

    def _is_suppressed(self, destination_hash: str, event_id: int) -> bool:
        return destination_hash in self.facts.suppressed or self.suppressed_by.get(destination_hash, 0) > event_id

    def _is_since(self, opt_out: OptOut, current: CurrentConsent) -> bool:
        """Whether a contact opted out with a destination, or repeated that, after this consent changed."""
        if opt_out.event_id in self.jobs_events:
            return opt_out.created_at > self.jobs_events[opt_out.event_id]
        return opt_out.event_id > current.event_id or opt_out.created_at > current.changed_at

    def _is_subscribed(self, state: Change | None) -> bool:
        """Whether a contact with this state gets messages: by an opt-in, or by default where it was never asked."""
        if state is None:
            return self.subscription_type.consent_type == ConsentType.OPT_OUT
        return state.state == ConsentState.OPTED_IN

    def replaced(self, done: Done) -> Iterable[OptOut]:
        """The opt-outs of the contact's destinations that the change replaced."""
        undone, _ = self.changes[done.contact_id]
        return (OptOut(hashed, done.contact_id, since, by) for hashed, since, by in undone.replaced)

    def write(self, done: Done, evidence: Evidence, at: datetime) -> set_writes.Write:
        undone, before = self.changes[done.contact_id]
        facts = ledger_facts.of_undo(done.event_id, before.event_id if before else None)
        return set_writes.Write(
            done.contact_id,
            Action.OPT_IN if self._is_subscribed(before) else Action.OPT_OUT,
            undone.destination,
            undone.destination_hash,
            replace(evidence.with_details(**facts), has_persons_word=before is not None and before.is_persons_word),
            max(at, undone.occurred_at),
            set_writes.State(before.state, before.destination, before.destination_hash) if before else None,
            facts,
        )


def _read(
    session: Session,
    subscription_type: SubscriptionType,
    done: Sequence[Done],
    rows: Mapping[int, SetRow],
    job_id: object,
) -> _Undoing:
    hashes = locking.hashes_of(rows.values(), subscription_type.channel, keys_of(session))
    changes = earlier.find_all(session, subscription_type.id, {each.contact_id: each.event_id for each in done})
    about = {each.destination_hash for pair in changes.values() for each in pair if each and each.destination_hash}
    facts = set_facts.read(session, subscription_type.id, list(rows), {*hashes.values(), *about})
    jobs_events = {undone.event_id: undone.occurred_at for undone, _ in changes.values()}
    others = {each.event_id for each in facts.opt_outs} - set(jobs_events)
    jobs_events |= _events_of_job(session, others, job_id)
    return _Undoing(subscription_type, rows, hashes, changes, facts, jobs_events, _suppressed_by(session, about))


def _events_of_job(session: Session, event_ids: Collection[int], job_id: object) -> dict[int, datetime]:
    """Those of the events that a job wrote, and when. An event whose evidence was erased is left out."""
    query = (
        select(_EVENT.c.id, _EVENT.c.occurred_at, _EVIDENCE.c.details)
        .join(_EVIDENCE, _EVIDENCE.c.event_id == _EVENT.c.id)
        .where(_EVENT.c.id.in_(event_ids))
    )
    rows: Iterable[Any] = run(session, query) if event_ids else ()
    return {row.id: row.occurred_at for row in rows if (row.details or {}).get("bulk_job") == job_id}


def _suppressed_by(session: Session, destination_hashes: Collection[str]) -> dict[str, int]:
    """The newest event that suppressed each of these numbers, even if it was lifted since."""
    query = (
        select(_EVENT.c.destination_hash, func.max(_EVENT.c.id))
        .where(_EVENT.c.destination_hash.in_(destination_hashes), _EVENT.c.action == Action.SUPPRESS.value)
        .group_by(_EVENT.c.destination_hash)
    )
    rows: Iterable[Any] = run(session, query)
    return {row[0]: row[1] for row in rows}
