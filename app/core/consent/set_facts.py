"""What decides about the consents of many contacts for one subscription type, read in a constant number of statements.

Only ``set_decisions.py`` and ``set_undo.py`` import this module.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, select
from sqlalchemy.orm import Session

from app.core.consent.current import CurrentConsent
from app.core.consent.destination_opt_outs import OptOut
from app.db import CompiledStatement, is_in
from app.models import Consent, ConsentEvent, ConsentState, DestinationOptOut, Suppression

_CONSENT = Consent.__table__
_EVENT = ConsentEvent.__table__
_OPT_OUT = DestinationOptOut.__table__
_SUPPRESSION = Suppression.__table__


def _currents(dialect: str) -> Select[Any]:
    columns: Any = [_CONSENT.c[name] for name in ("contact_id", "state", *_CURRENT)]
    return (
        select(*columns, _EVENT.c.is_persons_word)
        .join(_EVENT, _EVENT.c.id == _CONSENT.c.event_id)
        .where(
            is_in(dialect, _CONSENT.c.contact_id, "contact_ids"),
            _CONSENT.c.subscription_type_id == bindparam("subscription_type_id"),
        )
    )


def _opt_outs(is_wanted: ColumnElement[bool], type_id: ColumnElement[int]) -> Select[Any]:
    columns: Any = [_OPT_OUT.c[name] for name in OptOut._fields]
    return select(*columns).where(is_wanted, type_id == bindparam("subscription_type_id"))


_CURRENT = ("destination", "destination_hash", "changed_at", "event_id")
_CURRENTS = CompiledStatement(_currents)
# ``+ 0`` keeps SQLite from the index by type, along which it would read every opt-out of the type.
_OPT_OUTS_OF_CONTACTS = CompiledStatement(
    lambda dialect: _opt_outs(is_in(dialect, _OPT_OUT.c.contact_id, "contact_ids"), _OPT_OUT.c.subscription_type_id + 0)
)
_OPT_OUTS_OF_HASHES = CompiledStatement(
    lambda dialect: _opt_outs(is_in(dialect, _OPT_OUT.c.destination_hash, "hashes"), _OPT_OUT.c.subscription_type_id)
)
_SUPPRESSED = CompiledStatement(
    lambda dialect: select(_SUPPRESSION.c.phone_hash).where(is_in(dialect, _SUPPRESSION.c.phone_hash, "hashes"))
)


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
    by_contact: dict[int, list[OptOut]] = field(default_factory=lambda: defaultdict(list))
    by_destination: dict[str, list[OptOut]] = field(default_factory=lambda: defaultdict(list))

    def of_contact(self, contact_id: int) -> list[OptOut]:
        """The opt-outs of a contact, whatever the destination."""
        return self.by_contact.get(contact_id, [])

    def own(self, contact_id: int, destination_hash: str | None) -> OptOut | None:
        """The opt-out of a destination by this contact."""
        return next((each for each in self.of_contact(contact_id) if each.destination_hash == destination_hash), None)

    def of_destination(self, destination_hash: str | None) -> list[OptOut]:
        """The opt-outs of a destination, by any contact."""
        return self.by_destination.get(destination_hash or "", [])

    def opted_out_at(self, destination_hash: str) -> datetime | None:
        """When any contact last opted out with this destination."""
        opt_outs = self.of_destination(destination_hash)
        return max(each.created_at for each in opt_outs) if opt_outs else None


def read(
    session: Session,
    subscription_type_id: int,
    contact_ids: Collection[int],
    destination_hashes: Iterable[str | None],
) -> SetFacts:
    """The facts about these contacts and these destinations, in four statements, or in two without contacts."""
    named: dict[str, Any] = {"subscription_type_id": subscription_type_id}
    contacts, hashes = list(contact_ids), list({each for each in destination_hashes if each})
    facts = SetFacts()
    facts.suppressed.update(row[0] for row in _SUPPRESSED.all(session, hashes=hashes))
    facts.opt_outs.update(OptOut(*row) for row in _OPT_OUTS_OF_HASHES.all(session, hashes=hashes, **named))
    if contacts:
        _read_of_contacts(session, facts, contact_ids=contacts, **named)
    for each in facts.opt_outs:
        facts.by_contact[each.contact_id].append(each)
        facts.by_destination[each.destination_hash].append(each)
    return facts


def _read_of_contacts(session: Session, facts: SetFacts, **of_contacts: Any) -> None:
    for contact_id, state, *consent, is_persons_word in _CURRENTS.all(session, **of_contacts):
        facts.currents[contact_id] = found = CurrentConsent(ConsentState(state), *consent)
        if is_persons_word:
            facts.persons_words.add(found.event_id)
    facts.opt_outs.update(OptOut(*row) for row in _OPT_OUTS_OF_CONTACTS.all(session, **of_contacts))
