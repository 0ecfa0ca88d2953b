"""The one door: only this module changes a consent.

Each change writes the state, one ledger event with its evidence, and the outbox event, in the caller's transaction.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from sqlalchemy import Executable, Table, delete
from sqlalchemy.orm import Session

from app.core import outbox
from app.core.consent import current as current_consents
from app.core.consent import destination_opt_outs, precedence
from app.core.consent.current import CurrentConsent
from app.core.consent.destination_opt_outs import Place
from app.core.consent.locking import LockedContact
from app.core.ledger import events as ledger
from app.core.ledger.evidence import Evidence
from app.core.signing import keys_of
from app.db import CompiledStatement, insert_statement
from app.models import Action, Consent, ConsentState, Source

_CONSENT = cast(Table, Consent.__table__)


def _upsert(dialect: str) -> Executable:
    changed = ("state", "destination", "destination_hash", "changed_at", "event_id")
    statement = insert_statement(dialect, Consent, ("contact_id", "subscription_type_id", *changed))
    return statement.on_conflict_do_update(
        index_elements=[_CONSENT.c.contact_id, _CONSENT.c.subscription_type_id],
        set_={name: statement.excluded[name] for name in changed},
    )


_UPSERT = CompiledStatement(_upsert)


@dataclass(frozen=True)
class Change:
    """The result of a call. ``event_id`` is the event that the state rests on; ``is_new``: this call wrote it."""

    state: ConsentState
    event_id: int
    is_new: bool


def current(session: Session, contact: LockedContact, subscription_type_id: int) -> CurrentConsent | None:
    """The consent of a locked contact for one type; null when it was never asked. Read once for each lock."""
    if subscription_type_id not in contact.currents:
        is_new = "contact.created" in contact.topics
        found = None if is_new else current_consents.find(session, contact.id, subscription_type_id)
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
    time. An opt-in revokes the person's own opt-out with this destination.

    :param destination: E.164 or normalized email address, as it was shown or typed
    :param at: time of the statement; the person's own acts count when they arrive
    :raises InvalidState: ``suppressed``; or they opted out, and only they may reverse that; or they, or another contact
        with this destination, said something else later than ``at``
    :raises InvalidInput: an agent or an API client reverses an opt-out without a note; an API client needs none for an
        opt-out that only API clients recorded
    """
    destination_hash = keys_of(session).destination_hash(destination)
    before = current(session, contact, subscription_type_id)
    if before and before.state == ConsentState.OPTED_IN and before.destination_hash == destination_hash:
        return Change(ConsentState.OPTED_IN, before.event_id, is_new=False)
    place = Place(contact.id, subscription_type_id, destination_hash)
    if evidence.source not in precedence.ACTS_NOW:
        at = precedence.not_before(before, at)
    if evidence.source not in precedence.BY_THE_PERSON:
        precedence.refuse_against_opt_out(session, place, evidence, before, at=at)
    change = _write(session, contact, _NewState(place, ConsentState.OPTED_IN, destination), evidence, at=at)
    everyone = precedence.revokes_for_everyone(evidence)
    if before is not None or everyone:
        destination_opt_outs.take_back(session, place, of_everybody=everyone)
    return change


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
    destination that the contact has now and to the one that the consent was given for. Flushes, does not commit.

    A repeated withdrawal with the same destination writes nothing and returns the existing event. So does an API
    client's opt-out of a contact that is already opted out: the earlier one may be the person's own and must keep its
    evidence. It then applies to the destination that the contact has now.

    :raises InvalidState: an API client reports something that was overridden later
    Source: GDPR art. 7(3); 47 CFR 64.1200(a)(10)
    """
    destination_hash = keys_of(session).destination_hash(destination) if destination else None
    place = Place(contact.id, subscription_type_id, destination_hash)
    before = current(session, contact, subscription_type_id)
    if before and precedence.is_repeated_opt_out(session, place, before, evidence):
        if evidence.source == Source.API:
            destination_opt_outs.stick(session, [place], before.event_id, evidence.source, at=at)
        return Change(ConsentState.OPTED_OUT, before.event_id, is_new=False)
    if evidence.source not in precedence.ACTS_NOW:
        at = precedence.not_before(before, at)
    change = _write(session, contact, _NewState(place, ConsentState.OPTED_OUT, destination), evidence, at=at)
    earlier = replace(place, destination_hash=before.destination_hash if before else None)
    destination_opt_outs.stick(session, sorted({place, earlier}, key=repr), change.event_id, evidence.source, at=at)
    return change


def hand_over_destination_opt_outs(session: Session, from_contact_id: int, to_contact_id: int) -> dict[Place, int]:
    """Assign the opt-outs of one contact's destinations to another contact, who may then revoke them.

    Returns the event of each, by its new place.
    """
    return destination_opt_outs.hand_over(session, from_contact_id, to_contact_id)


def forget(session: Session, contact_id: int) -> None:
    """Delete the states of a contact that is erased: they name its number. Opt-outs of the hashed destination stay."""
    session.execute(delete(Consent).where(Consent.contact_id == contact_id))


@dataclass(frozen=True)
class _NewState:
    place: Place
    state: ConsentState
    destination: str | None


def _write(session: Session, contact: LockedContact, new: _NewState, evidence: Evidence, *, at: datetime) -> Change:
    place, is_in = new.place, new.state == ConsentState.OPTED_IN
    event_id = ledger.record(
        session,
        Action.OPT_IN if is_in else Action.OPT_OUT,
        ledger.Subject(contact.id, place.subscription_type_id, new.destination, place.destination_hash),
        evidence,
        at=at,
    )
    state = CurrentConsent(new.state, new.destination, place.destination_hash, at, event_id)
    _UPSERT.run(
        session,
        contact_id=contact.id,
        subscription_type_id=place.subscription_type_id,
        **vars(state) | {"state": new.state.value},
    )
    outbox.add(
        session,
        (*contact.topics, "granular.subscribe" if is_in else "granular.unsubscribe", *contact.later_topics),
        contact_id=contact.id,
        payload={
            "contact_id": contact.id,
            "subscription_type_id": place.subscription_type_id,
            "event_id": event_id,
            "inserted_form_id": evidence.inserted_form_id,
        },
        at=at,
    )
    contact.topics = contact.later_topics = ()
    contact.currents[place.subscription_type_id] = state
    return Change(new.state, event_id, is_new=True)
