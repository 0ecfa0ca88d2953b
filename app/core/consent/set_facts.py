"""What decides about the consents of many contacts for one subscription type, read in a constant number of statements.

Only ``set_changes.py`` and ``set_undo.py`` import this module.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from app.core.consent.current import CurrentConsent
from app.core.consent.destination_opt_outs import OptOut
from app.db import run
from app.models import Consent, ConsentEvent, ConsentState, DestinationOptOut, Suppression

_CONSENT = cast(Table, Consent.__table__)
_EVENT = cast(Table, ConsentEvent.__table__)
_OPT_OUT = cast(Table, DestinationOptOut.__table__)
_SUPPRESSION = cast(Table, Suppression.__table__)


@dataclass
class SetFacts:
    """The rows about a set of contacts and their destinations.

    :param currents: the consents, by contact; missing: never asked
    :param persons_words: the events of these consents that are the person's word
    :param opt_outs: of these destinations by any contact, and of any destination by these contacts
    :param suppressed: the hashes of the suppressed numbers among these destinations
    """

    currents: dict[int, CurrentConsent] = field(default_factory=dict)
    persons_words: set[int] = field(default_factory=set)
    opt_outs: set[OptOut] = field(default_factory=set)
    suppressed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._by_contact: dict[int, list[OptOut]] = defaultdict(list)
        self._by_destination: dict[str, list[OptOut]] = defaultdict(list)
        for each in self.opt_outs:
            self._by_contact[each.contact_id].append(each)
            self._by_destination[each.destination_hash].append(each)

    def of_contact(self, contact_id: int) -> list[OptOut]:
        """The opt-outs of a contact, whatever the destination."""
        return self._by_contact.get(contact_id, [])

    def own(self, contact_id: int, destination_hash: str | None) -> OptOut | None:
        """The opt-out of a destination by this contact."""
        return next((each for each in self.of_contact(contact_id) if each.destination_hash == destination_hash), None)

    def of_destination(self, destination_hash: str | None) -> list[OptOut]:
        """The opt-outs of a destination, whoever has it."""
        return self._by_destination.get(destination_hash or "", [])

    def opted_out_at(self, destination_hash: str) -> datetime | None:
        """When any contact last opted out with this destination."""
        return max((each.created_at for each in self.of_destination(destination_hash)), default=None)


def read(
    session: Session,
    subscription_type_id: int,
    contact_ids: Collection[int],
    destination_hashes: Iterable[str | None],
) -> SetFacts:
    """The facts about these contacts and these destinations, in four statements."""
    hashes = {each for each in destination_hashes if each}
    currents, persons_words = _currents(session, subscription_type_id, contact_ids)
    opt_outs = _opt_outs(session, subscription_type_id, contact_ids, hashes)
    suppressed = run(session, select(_SUPPRESSION.c.phone_hash).where(_SUPPRESSION.c.phone_hash.in_(hashes))).scalars()
    return SetFacts(currents, persons_words, opt_outs, set(suppressed))


def _currents(
    session: Session, subscription_type_id: int, contact_ids: Collection[int]
) -> tuple[dict[int, CurrentConsent], set[int]]:
    query = (
        select(
            _CONSENT.c.contact_id,
            _CONSENT.c.state,
            _CONSENT.c.destination,
            _CONSENT.c.destination_hash,
            _CONSENT.c.changed_at,
            _CONSENT.c.event_id,
            _EVENT.c.is_persons_word,
        )
        .join(_EVENT, _EVENT.c.id == _CONSENT.c.event_id)
        .where(_CONSENT.c.subscription_type_id == subscription_type_id, _CONSENT.c.contact_id.in_(contact_ids))
    )
    currents, persons_words = {}, set()
    rows: Iterable[Any] = run(session, query)
    for contact_id, state, destination, destination_hash, changed_at, event_id, is_persons_word in rows:
        found = CurrentConsent(ConsentState(state), destination, destination_hash, changed_at, event_id)
        currents[contact_id] = found
        if is_persons_word:
            persons_words.add(event_id)
    return currents, persons_words


def _opt_outs(
    session: Session, subscription_type_id: int, contact_ids: Collection[int], hashes: Collection[str]
) -> set[OptOut]:
    of_type = select(*(_OPT_OUT.c[name] for name in OptOut._fields)).where(
        _OPT_OUT.c.subscription_type_id == subscription_type_id
    )
    found: set[OptOut] = set()
    for condition in (_OPT_OUT.c.contact_id.in_(contact_ids), _OPT_OUT.c.destination_hash.in_(hashes)):
        rows: Iterable[Any] = run(session, of_type.where(condition))
        found |= {OptOut(*row) for row in rows}
    return found
