"""Decides what becomes of the contacts of a set, by the rules of one change. Only ``set_changes.py`` calls it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy.orm import Session

from app.core.consent import locking, precedence, reach, recording, set_facts
from app.core.consent.current import CurrentConsent
from app.core.consent.current_destination import is_opted_in
from app.core.consent.destination_opt_outs import OptOut
from app.core.consent.locking import SetRow
from app.core.consent.set_facts import SetFacts
from app.core.ledger.evidence import Evidence
from app.core.signing import keys_of
from app.models import Channel, ConsentState, Source, SubscriptionType, TypeState

_SOURCES = frozenset({Source.BULK, Source.IMPORT})


class Outcome(StrEnum):
    """What became of one contact of a set: changed, unchanged, or the first reason why it was skipped.

    Of an undo: ``restored``, or the reason why the contact was left alone.
    """

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    TYPE_NOT_LIVE = "type_not_live"
    ERASED = "erased"
    MERGED = "merged"
    ARCHIVED = "archived"
    BLOCKED = "blocked"
    GDPR_OPTOUT = "gdpr_optout"
    NO_PHONE = "no_phone"
    NO_EMAIL = "no_email"
    SUPPRESSED = "suppressed"
    OPTED_OUT = "opted_out"
    NUMBER_CHANGED = "number_changed"
    CHANGED_SINCE = "changed_since"
    RESTORED = "restored"


@dataclass(frozen=True)
class SetChange:
    """What is recorded for each contact of a set.

    :param state: ``opted_in`` or ``opted_out``
    :param evidence: with the source ``bulk`` or ``import``; the same for every contact but for what its statement says
    """

    state: ConsentState
    subscription_type: SubscriptionType
    evidence: Evidence

    def __post_init__(self) -> None:
        if self.evidence.source not in _SOURCES or self.state == ConsentState.NEVER_ASKED:
            raise ValueError("a set is changed by a bulk job or an import, to a state")


class Statement(NamedTuple):
    """What differs for one contact of a set.

    :param occurred_at: when they said so, where a source reports the past; null: as it is recorded
    :param note: instead of the note that all have
    :param destination: the number or address that it is about, normalized; a contact that had another one at that time
        is skipped as ``number_changed``. Null: the contact's own
    """

    contact_id: int
    occurred_at: datetime | None = None
    note: str | None = None
    destination: str | None = None


class Decided(NamedTuple):
    """What becomes of one contact, and what it was decided from.

    :param named: the destination that the statement names
    :param opt_outs: those that the contact has with any destination
    """

    contact_id: int
    outcome: Outcome
    evidence: Evidence
    named: str | None = None
    destination: str | None = None
    destination_hash: str | None = None
    before: CurrentConsent | None = None
    opt_outs: tuple[OptOut, ...] = ()


def decide_all(
    session: Session,
    change: SetChange,
    statements: Sequence[Statement],
    rows: Mapping[int, SetRow],
    new: Collection[int] = (),
) -> list[Decided]:
    """What becomes of each contact, in the order of the statements.

    :param rows: the contacts; what is missing was erased
    :param new: those of them that have no consents, opt-outs and former numbers yet
    """
    known = [each for each in rows if each not in new]
    destinations, hashes = _destinations(session, change, statements, rows, known)
    facts = set_facts.read(session, change.subscription_type.id, known, hashes.values())
    decide = _decide_opt_in if change.state == ConsentState.OPTED_IN else _decide_opt_out
    decided, evidences = [], _Evidences(change)
    for each in statements:
        row, evidence = rows.get(each.contact_id), evidences.of(each)
        gone = _gone(row)
        if row is None or gone is not None:
            decided.append(Decided(each.contact_id, gone or Outcome.ERASED, evidence))
            continue
        found = Decided(
            row.id,
            Outcome.CHANGED,
            evidence,
            each.destination,
            destinations.get(row.id),
            hashes.get(row.id),
            facts.currents.get(row.id),
            tuple(facts.of_contact(row.id)),
        )
        outcome = decide(change, row, found, facts)
        decided.append(found if outcome is Outcome.CHANGED else found._replace(outcome=outcome))
    return decided


def _gone(row: SetRow | None) -> Outcome | None:
    """Why a contact is left alone whatever the change."""
    if row is None or row.erased_at is not None:
        return Outcome.ERASED
    if row.merged_into_id is not None:
        return Outcome.MERGED
    return Outcome.ARCHIVED if row.archived_at is not None else None


def _destinations(
    session: Session,
    change: SetChange,
    statements: Sequence[Statement],
    rows: Mapping[int, SetRow],
    known: Collection[int],
) -> tuple[dict[int, str | None], dict[int, str]]:
    """The destination that each statement is about, and its hash. An opt-in of the past is about the number then.

    :param known: the contacts that may have had another number
    """
    channel, keys = change.subscription_type.channel, keys_of(session)
    destinations = {contact_id: row.destination(channel) for contact_id, row in rows.items()}
    hashes = locking.hashes_of(rows.values(), channel, keys)
    if change.state == ConsentState.OPTED_IN and channel == Channel.SMS:
        said = {each.contact_id: each.occurred_at for each in statements if each.occurred_at is not None}
        times = {each: said[each] for each in known if each in said}
        for contact_id, number in recording.numbers_at(session, times).items():
            destinations[contact_id], hashes[contact_id] = number, keys.destination_hash(number)
    return destinations, hashes


def _decide_opt_in(change: SetChange, row: SetRow, found: Decided, facts: SetFacts) -> Outcome:
    """As ``changes.opt_in`` decides."""
    if change.subscription_type.state != TypeState.LIVE:
        return Outcome.TYPE_NOT_LIVE
    closed = reach.closed_for(row)
    if found.destination_hash is None:
        missing = Outcome.NO_PHONE if change.subscription_type.channel == Channel.SMS else Outcome.NO_EMAIL
        return Outcome(closed or missing)
    before, said_at = found.before, found.evidence.occurred_at
    if found.named is not None and found.named != found.destination:
        return Outcome(closed or Outcome.NUMBER_CHANGED)
    if before and is_opted_in(before.state, before.destination_hash, found.destination_hash):
        return Outcome.UNCHANGED
    if before and said_at is not None and precedence.is_outdated(before.changed_at, said_at):
        return Outcome.CHANGED_SINCE
    if closed:
        return Outcome(closed)
    objection = precedence.objection(
        found.evidence,
        before,
        is_suppressed=found.destination_hash in facts.suppressed,
        opted_out_at=facts.opted_out_at(found.destination_hash),
    )
    return Outcome(objection) if objection else Outcome.CHANGED


def _decide_opt_out(_change: SetChange, _row: SetRow, found: Decided, facts: SetFacts) -> Outcome:
    """As ``changes.opt_out`` decides. It is about the contact's own destination, whatever the statement names."""
    before, said_at = found.before, found.evidence.occurred_at
    if before is None:
        return Outcome.CHANGED

    def kind() -> tuple[bool, bool]:
        own = facts.own(found.contact_id, found.destination_hash)
        return before.event_id in facts.persons_words, own is not None

    if precedence.adds_nothing(before, found.destination_hash, found.evidence, kind):
        return Outcome.UNCHANGED
    is_outdated = said_at is not None and precedence.is_outdated(before.changed_at, said_at)
    return Outcome.CHANGED_SINCE if is_outdated else Outcome.CHANGED


class _Evidences:
    """The evidence of each statement. Statements that say the same share one: it is written as JSON and hashed once."""

    def __init__(self, change: SetChange) -> None:
        general = change.evidence
        self._general = general
        self._known: dict[tuple[str | None, datetime | None], Evidence] = {
            (None, None): general,
            (general.note, None): general,
        }

    def of(self, statement: Statement) -> Evidence:
        key = statement.note, statement.occurred_at
        if key not in self._known:
            note = self._general.note if statement.note is None else statement.note
            self._known[key] = replace(self._general, note=note, occurred_at=statement.occurred_at)
        return self._known[key]
