"""The only module that changes a consent.

Each change writes the state, one ledger event with its evidence, the contact's ``updated_at`` and the outbox event, in
the caller's transaction.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import bindparam, delete, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.core import clock, outbox
from app.core.consent import current as current_consent
from app.core.consent import destination_opt_outs, earlier, precedence, reach, recording
from app.core.consent.current import CurrentConsent
from app.core.consent.current_destination import is_opted_in
from app.core.consent.destination_opt_outs import DestinationKey
from app.core.consent.eligibility import Obstacles
from app.core.consent.locking import LockedContact
from app.core.errors import InvalidState
from app.core.ledger import events as ledger
from app.core.ledger import facts
from app.core.ledger.evidence import Evidence
from app.core.ledger.facts import Facts
from app.core.signing import keys_of
from app.db import JoinedChanges, insert_statement, run
from app.models import Action, Consent, ConsentState, ConsentType, Contact, SubscriptionType

_CONSENT = Consent.__table__
_CONTACT = Contact.__table__
_CHANGED = ("state", "destination", "destination_hash", "changed_at", "event_id")
_MARK = update(_CONTACT).where(_CONTACT.c.id == bindparam("contact_id")).values(updated_at=bindparam("at"))


def _upsert(dialect: str) -> postgresql.Insert:
    insert = insert_statement(dialect, Consent, ("contact_id", "subscription_type_id", *_CHANGED))
    changed = {name: insert.excluded[name] for name in _CHANGED}
    return insert.on_conflict_do_update(index_elements=_CONSENT.primary_key, set_=changed)


@lru_cache
def _statement(topics: int, *, marks: bool) -> JoinedChanges:
    """The state and the outbox events; with ``marks`` the contact's ``updated_at``, too."""
    marking = [lambda _dialect: _MARK] if marks else []
    return JoinedChanges(*marking, _upsert, partial(outbox.insert, topics=topics))


@dataclass(frozen=True)
class Change:
    """The result of a call. ``event_id`` is the event behind the state; ``is_new``: this call wrote it.

    ``is_claim``: the state did not change, and ``event_id`` is a claim.
    """

    state: ConsentState
    event_id: int
    is_new: bool
    is_claim: bool = False


def current(session: Session, contact: LockedContact, subscription_type_id: int) -> CurrentConsent | None:
    """The consent of a locked contact for one type; null when it was never asked. It is read once for each lock."""
    if subscription_type_id not in contact.currents:
        found = None if contact.is_new else current_consent.find(session, contact.id, subscription_type_id)
        contact.currents[subscription_type_id] = found
    return contact.currents[subscription_type_id]


def opt_in(
    session: Session,
    contact: LockedContact,
    subscription_type_id: int,
    destination: str,
    evidence: Evidence,
    *,
    at: datetime,
) -> Change:
    """Record an opt-in for this number or address.

    Writes the state, one event and one ``granular.subscribe`` outbox event, with the contact's topics. Flushes, does
    not commit. A repeated opt-in for the same destination writes nothing and returns the existing event, whatever its
    time. An opt-in revokes the person's own opt-out with this destination. One by an unverified person or a page is
    only a claim where an opt-out or a suppression applies: it is recorded, and the state does not change.

    :param destination: E.164 or normalized email address, as it was shown or typed
    :param at: now; ``evidence.occurred_at`` tells when they said so, if that was earlier
    :raises InvalidState: ``suppressed``, ``blocked``, ``gdpr_optout``; or the person opted out, and only they may
        reverse that; or this consent changed after the reported time, or another contact opted out with this
        destination after it
    :raises InvalidInput: an agent or an API client reverses an opt-out without a note; an API client needs none for an
        opt-out that only API clients recorded
    """
    key = DestinationKey(contact.id, subscription_type_id, keys_of(session).destination_hash(destination))
    before, obstacles = _before_opt_in(session, contact, key, evidence)
    if before and is_opted_in(before.state, before.destination_hash, key.destination_hash):
        return Change(ConsentState.OPTED_IN, before.event_id, is_new=False)
    if precedence.is_only_claim(session, contact, key, evidence, before):
        event_id = recording.claim(session, key, destination, evidence, at=at)
        return Change(before.state if before else ConsentState.NEVER_ASKED, event_id, is_new=False, is_claim=True)
    at = precedence.time_of(before, evidence, at)
    if not precedence.is_decided_before(evidence):
        reach.refuse_closed(contact)
        precedence.refuse_against_opt_out(session, key, evidence, before, obstacles)
    new = _NewState(key, ConsentState.OPTED_IN, destination)
    for_everyone = precedence.revokes_for_everyone(evidence)
    if before is not None or for_everyone:
        new = replace(new, facts=facts.of_opt_in(destination_opt_outs.revoke(session, key, for_everyone=for_everyone)))
    return _write(session, contact, new, evidence, at=at)


def is_only_claim(
    session: Session, contact: LockedContact, subscription_type_id: int, destination: str, evidence: Evidence
) -> bool:
    """Whether ``opt_in`` would only record a claim."""
    key = DestinationKey(contact.id, subscription_type_id, keys_of(session).destination_hash(destination))
    return precedence.is_only_claim(session, contact, key, evidence, current(session, contact, subscription_type_id))


def opt_out(
    session: Session,
    contact: LockedContact,
    subscription_type_id: int,
    destination: str | None,
    evidence: Evidence,
    *,
    at: datetime,
) -> Change:
    """Withdraw one consent. From this commit on, no message of this type may be sent.

    Writes the state, one event and one ``granular.unsubscribe`` outbox event. The opt-out also applies to the
    destination that the contact has now and to the one that the consent was given for, unless an unverified person made
    it. Flushes, does not commit.

    A repeated withdrawal with the same destination writes no event and returns the existing one. So does an API
    client's opt-out of a contact that is already opted out: the earlier one may be the person's own and must keep its
    evidence. It then applies to the destination that the contact has now. An opt-in that was made before the repetition
    and is reported later does not override it.

    An opt-out that is recorded as it is made is never refused.

    :raises InvalidState: this consent changed after the reported time
    Source: GDPR art. 7(3); 47 CFR 64.1200(a)(10)
    """
    destination_hash = keys_of(session).destination_hash(destination) if destination else None
    key = DestinationKey(contact.id, subscription_type_id, destination_hash)
    before = current(session, contact, subscription_type_id)
    if before and precedence.is_repeated_opt_out(session, key, before, evidence):
        if precedence.leaves_opt_outs(evidence):
            return Change(ConsentState.OPTED_OUT, before.event_id, is_new=False)
        said_at = evidence.occurred_at or at
        if not evidence.is_persons_word:
            destination_opt_outs.add(session, [key], before.event_id, replaces_event=False, at=said_at)
        destination_opt_outs.renew(session, contact.id, subscription_type_id, at=said_at)
        return Change(ConsentState.OPTED_OUT, before.event_id, is_new=False)
    at = precedence.time_of(before, evidence, at)
    new = _NewState(key, ConsentState.OPTED_OUT, destination)
    if precedence.is_only_own(evidence):
        return _write(session, contact, new, evidence, at=at)
    former = replace(key, destination_hash=before.given_hash if before else None)
    keys, replaces_event = sorted({key, former}, key=repr), evidence.is_persons_word
    if replaces_event and not contact.is_new:
        new = replace(new, facts=destination_opt_outs.facts_of_replaced(session, keys))
    change = _write(session, contact, new, evidence, at=at)
    destination_opt_outs.add(session, keys, change.event_id, replaces_event=replaces_event, at=at)
    return change


def opted_out_at(session: Session, contact: LockedContact, subscription_type_id: int) -> datetime | None:
    """When the contact last said that it opts out, repetitions included; null when it is not opted out."""
    found = current(session, contact, subscription_type_id)
    if found is None or found.state != ConsentState.OPTED_OUT:
        return None
    return max(found.changed_at, found.repeated_at or found.changed_at)


def undo(
    session: Session,
    contact: LockedContact,
    subscription_type: SubscriptionType,
    event_id: int,
    evidence: Evidence,
    *,
    at: datetime,
) -> None:
    """Restore the consent that the contact had before an opt-in or opt-out.

    Writes the state (no row where they were never asked), one event whose evidence names the undone one, and one outbox
    event. The contact's own opt-out that an opt-in revoked is recorded again for its destination. What an opt-out
    recorded for destinations is revoked, and what it replaced put back. Flushes, does not commit.

    :param event_id: of the opt-in or opt-out
    :raises InvalidState: ``changed_since``: the consent changed after this event, or the opt-out was repeated
    """
    undone = current(session, contact, subscription_type.id)
    is_repeated = undone is not None and undone.repeated_at is not None and undone.repeated_at > undone.changed_at
    if undone is None or undone.event_id != event_id or is_repeated:
        raise InvalidState("This consent changed since then.", code="changed_since")
    restored = earlier.find(session, contact.id, subscription_type.id, event_id)
    is_default = restored is None and subscription_type.consent_type == ConsentType.OPT_OUT
    is_subscribed = is_default or (restored is not None and restored.state == ConsentState.OPTED_IN)
    may_subscribe = subscription_type.consent_type == ConsentType.OPT_OUT or undone.state == ConsentState.OPTED_OUT
    at = max(at, undone.changed_at)
    key = DestinationKey(contact.id, subscription_type.id, undone.destination_hash)
    result = ConsentState.OPTED_IN if is_subscribed and may_subscribe else ConsentState.OPTED_OUT
    undone_facts = facts.of_undo(event_id, restored.event_id if restored else None)
    new = _NewState(key, result, undone.destination, undone_facts)
    recorded = _record(session, new, evidence.with_details(**undone_facts), at=at)
    undo_id = recorded["event_id"]
    state = replace(restored, changed_at=at, event_id=undo_id) if restored else None
    _store(session, contact, new, state, recorded, at=at)
    known = destination_opt_outs.take_back(session, key, event_id)
    if undone.state == ConsentState.OPTED_IN and not precedence.is_only_own(evidence):
        hashes = {restored.destination_hash} if restored and restored.state == ConsentState.OPTED_OUT else set()
        if known.has_revoked(contact.id):
            hashes.add(undone.destination_hash)
        again = [replace(key, destination_hash=each) for each in sorted(hashes, key=repr)]
        destination_opt_outs.add(session, again, undo_id, replaces_event=True, at=at)


def destination_opt_outs_of(session: Session, contact_id: int) -> list[tuple[DestinationKey, int]]:
    """The opt-outs of a contact's destinations, each with its event, in the order of the events."""
    return destination_opt_outs.of_contact(session, contact_id)


def reassign_destination_opt_outs(session: Session, from_contact_id: int, to_contact_id: int) -> None:
    """Assign the opt-outs of one contact's destinations to another contact, who may then revoke them."""
    destination_opt_outs.reassign(session, from_contact_id, to_contact_id)


def delete_for_contact(session: Session, contact_id: int) -> None:
    """Delete the consents of an erased contact, because they contain its number. Opt-outs of its destinations stay."""
    session.execute(delete(Consent).where(Consent.contact_id == contact_id))


@dataclass(frozen=True)
class _NewState:
    key: DestinationKey
    state: ConsentState
    destination: str | None
    facts: Facts | None = None


def _before_opt_in(
    session: Session, contact: LockedContact, key: DestinationKey, evidence: Evidence
) -> tuple[CurrentConsent | None, Obstacles | None]:
    """The current consent; with what speaks against the opt-in, where the rules ask for both and none was read yet."""
    if contact.is_new or key.subscription_type_id in contact.currents or precedence.is_decided_before(evidence):
        return current(session, contact, key.subscription_type_id), None
    both = current_consent.find_with_obstacles(session, key)
    contact.currents[key.subscription_type_id] = both[0]
    return both


def _write(session: Session, contact: LockedContact, new: _NewState, evidence: Evidence, *, at: datetime) -> Change:
    recorded = _record(session, new, evidence, at=at)
    state = CurrentConsent(new.state, new.destination, new.key.destination_hash, at, recorded["event_id"])
    _store(session, contact, new, state, recorded, at=at)
    return Change(new.state, state.event_id, is_new=True)


def _record(session: Session, new: _NewState, evidence: Evidence, *, at: datetime) -> dict[str, Any]:
    """Write the event. Returns the payload of the outbox event."""
    action = Action.OPT_IN if new.state == ConsentState.OPTED_IN else Action.OPT_OUT
    ids = {"contact_id": new.key.contact_id, "subscription_type_id": new.key.subscription_type_id}
    subject = ledger.Subject(**ids, destination=new.destination, destination_hash=new.key.destination_hash)
    event_id = ledger.record(session, action, subject, evidence, at=at, facts=new.facts)
    return ids | {"event_id": event_id, "inserted_form_id": evidence.inserted_form_id}


def _store(
    session: Session,
    contact: LockedContact,
    new: _NewState,
    state: CurrentConsent | None,
    payload: Any,
    *,
    at: datetime,
) -> None:
    """Write the state (null: never asked), the outbox event, and ``updated_at`` unless this transaction wrote it.

    That is the time of recording, not of the statement: clients that read by it have read past older times.
    """
    type_id, marks = new.key.subscription_type_id, not contact.topics
    topic = "granular.subscribe" if new.state == ConsentState.OPTED_IN else "granular.unsubscribe"
    topics = (*contact.topics, topic, *contact.later_topics)
    contact.currents[type_id] = state
    contact.topics = contact.later_topics = ()
    if state is None:
        session.execute(delete(Consent).filter_by(contact_id=contact.id, subscription_type_id=type_id))
        run(session, _MARK, {"contact_id": contact.id, "at": clock.now()})
        outbox.add(session, topics, contact_id=contact.id, payload=payload, at=at)
        return
    values = outbox.values_of(session, topics, contact_id=contact.id, payload=payload, at=at)
    values |= vars(state) | {"state": state.state.value, "subscription_type_id": type_id}
    _statement(len(topics), marks=marks).run(session, at=clock.now(), **values)
