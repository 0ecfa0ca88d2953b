"""The state that follows from the events of one person: consents, opt-outs of destinations, and ``gdpr_optin``.

A person is one contact and those that were merged into it. The rules of ``core/consent`` decided what an event may do;
here only its effect is repeated, from what is sealed with it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from app.core.ledger import facts
from app.core.ledger.history import History, Revocation
from app.models import Action, ConsentState, EvidenceLevel

_STATES: dict[str, ConsentState] = {Action.OPT_IN: ConsentState.OPTED_IN, Action.OPT_OUT: ConsentState.OPTED_OUT}


class FoldedConsent(NamedTuple):
    """A row of ``consents``: the state, the destination, when it changed and by which event."""

    state: str
    destination_hash: str | None
    changed_at: datetime
    event_id: int


class OptOutKey(NamedTuple):
    """The key of a row of ``destination_opt_outs``."""

    subscription_type_id: int
    destination_hash: str
    contact_id: int


@dataclass
class PersonState:
    """What follows from the events of a person. Destinations are named by ``History.spelling``.

    :param opt_outs: each with its event
    :param opt_out_events: the events by which an opt-out of a destination can be explained, by id
    :param revoked: opt-outs that their own contact revoked, with the event of each: such a row cannot come back
    """

    consents: dict[tuple[int, int], FoldedConsent] = field(default_factory=dict)
    opt_outs: dict[OptOutKey, Any] = field(default_factory=dict)
    opt_out_events: dict[int, Any] = field(default_factory=dict)
    revoked: set[tuple[OptOutKey, int]] = field(default_factory=set)
    is_gdpr_off: dict[int, bool] = field(default_factory=dict)


def fold(history: History, events: Iterable[Any]) -> PersonState:
    """The state after these events of one person, in the order of their ids.

    :param events: rows with the columns of ``models.ConsentEvent``, evidence not needed
    """
    folding = _Folding(history)
    own = list(events)
    if history.revocations:
        of_these = {event.contact_id for event in own}
        foreign = [each for contact_id in of_these for each in history.revocations.get(contact_id, ())]
        own = sorted([*own, *foreign], key=_event_id)
    for event in own:
        folding.apply(event)
    return folding.state


def _event_id(event: Any) -> int:
    return int(event.event_id if isinstance(event, Revocation) else event.id)


class _Folding:
    """Applies one event after the other. Not all columns can be trusted: the events may have been altered."""

    def __init__(self, history: History) -> None:
        self.state = PersonState()
        self._history = history
        self._changes: dict[int, Any] = {}
        # the opt-outs that an event recorded, each with the event that it replaced
        self._recorded: dict[int, dict[OptOutKey, Any]] = defaultdict(dict)

    def apply(self, event: Any) -> None:
        if isinstance(event, Revocation):
            self._revoke(event.subscription_type_id, event.destination_hash, event.contact_id)
        elif event.action in _STATES:
            self._change_consent(event)
        elif event.action == Action.MERGE:
            self._merge(event)
        elif event.action in {Action.GDPR_OFF, Action.GDPR_ON}:
            self.state.is_gdpr_off[event.contact_id] = event.action == Action.GDPR_OFF
        elif event.action == Action.NUMBER_CHANGE and facts.of(event).is_reassigned:
            self._reassign(event)
        elif event.action == Action.ERASE and event.subscription_type_id is None:
            self._erase(event.contact_id)

    def _change_consent(self, event: Any) -> None:
        known, key = facts.of(event), (event.contact_id, event.subscription_type_id)
        self._changes[event.id] = event
        if known.undo_of is not None:
            self._undo(event, known)
            return
        before = self.state.consents.get(key)
        self.state.consents[key] = self._consent(event, event)
        if event.action == Action.OPT_OUT:
            given = before.destination_hash if before and before.state == ConsentState.OPTED_IN else None
            self._opt_out(event, {self._spelling(event.destination_hash), given})
        for contact_id, event_id in known.revoked:
            if contact_id == event.contact_id:
                self._revoke(event.subscription_type_id, event.destination_hash, contact_id, event_id)

    def _undo(self, event: Any, known: facts.Known) -> None:
        """The state of the restored event holds again, with the undo as its event, and what the undone one revoked.

        What an undone opt-out recorded for destinations is gone, and what it replaced is back.
        """
        undone, restored = self._changes.get(known.undo_of or 0), self._changes.get(known.restored_event or 0)
        key = (event.contact_id, event.subscription_type_id)
        if undone is not None and facts.of(undone).has_revoked(event.contact_id):
            self._opt_out(event, {self._spelling(undone.destination_hash)})
        is_opt_out = undone is not None and undone.action == Action.OPT_OUT
        if is_opt_out:
            self._take_back(undone)
        if restored is None:
            self.state.consents.pop(key, None)
            return
        self.state.consents[key] = self._consent(event, restored)
        if restored.action == Action.OPT_OUT and is_opt_out:
            self.state.opt_out_events[event.id] = event  # a repetition of the opt-out that holds again may name it
        elif restored.action == Action.OPT_OUT:
            self._opt_out(event, {self._spelling(restored.destination_hash)})

    def _take_back(self, undone: Any) -> None:
        """What was replaced may be a repetition, which wrote no event: then only the facts of the opt-out name it."""
        event_id = undone.id
        known = {self._spelling(each): self._changes.get(by) for each, _, by in facts.of(undone).replaced}
        for key, before in self._recorded[event_id].items():
            replaced = before or known.get(key.destination_hash)
            if self.state.opt_outs.get(key) is not undone:  # revoked since, or recorded again
                continue
            self.state.revoked.add((key, event_id))
            if replaced is None:
                del self.state.opt_outs[key]
            else:
                self.state.opt_outs[key] = replaced

    def _opt_out(self, event: Any, destination_hashes: set[str | None]) -> None:
        """Of someone who proved nothing it holds for their own contact alone; a client may repeat it for the number."""
        self.state.opt_out_events[event.id] = event
        if event.evidence_level != EvidenceLevel.WEB_UNVERIFIED:
            for each in destination_hashes:
                self._add(event.contact_id, each, event)

    def _merge(self, event: Any) -> None:
        """The opt-outs of the contact that ended belong to the other one. Its consents stay as they are."""
        ended = facts.of(event).merged
        moved = [(key, by) for key, by in self.state.opt_outs.items() if key.contact_id == ended]
        for key, by in sorted(moved, key=lambda each: int(each[1].id)):
            del self.state.opt_outs[key]
            self._add(event.contact_id, key.destination_hash, by)

    def _reassign(self, event: Any) -> None:
        """The contact's opt-ins for this number are for no number any more."""
        number = self._spelling(event.destination_hash)
        for key, consent in self.state.consents.items():
            is_for_number = consent.destination_hash == number and consent.state == ConsentState.OPTED_IN
            if key[0] == event.contact_id and is_for_number:
                self.state.consents[key] = consent._replace(destination_hash=None)

    def _erase(self, contact_id: int) -> None:
        self.state.is_gdpr_off.pop(contact_id, None)
        for key in [each for each in self.state.consents if each[0] == contact_id]:
            del self.state.consents[key]

    def _add(self, contact_id: int, destination_hash: str | None, event: Any) -> None:
        """An opt-out of a destination. The person's word replaces the event of an earlier one, no other does."""
        if destination_hash is None:
            return
        key = OptOutKey(event.subscription_type_id, destination_hash, contact_id)
        if key not in self.state.opt_outs or event.is_persons_word:
            self._recorded[event.id][key] = self.state.opt_outs.get(key)
            self.state.opt_outs[key] = event

    def _revoke(self, type_id: int, destination_hash: str, contact_id: int, event_id: int | None = None) -> None:
        key = OptOutKey(type_id, self._history.spelling(destination_hash), contact_id)
        self.state.opt_outs.pop(key, None)
        if event_id is not None:
            self.state.revoked.add((key, event_id))

    def _consent(self, event: Any, said: Any) -> FoldedConsent:
        return FoldedConsent(_STATES[said.action], self._spelling(said.destination_hash), event.occurred_at, event.id)

    def _spelling(self, destination_hash: str | None) -> str | None:
        return self._history.spelling(destination_hash) if destination_hash is not None else None
