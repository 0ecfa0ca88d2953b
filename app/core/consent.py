"""The one door: only this module changes a consent.

Each change writes the state, one ledger event with its evidence, and the outbox event, in the caller's transaction.
Callers hold the contact's row (``contacts.hold``, or because they have just written it), so that two changes of one
person come one after the other.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Executable, Table, bindparam, delete, select
from sqlalchemy.orm import Session

from app.core import eligibility, ledger, outbox
from app.core.errors import InvalidInput, InvalidState
from app.core.ledger import Evidence
from app.core.signing import keys_of
from app.db import Prepared, insert_or_ignore, inserting
from app.models import Action, Consent, ConsentEvent, ConsentState, NumberOptOut, Source

# Acts of the person: nobody else lifts a suppression or, without a note, an opt-out.
BY_THE_PERSON = frozenset({Source.FORM, Source.PREFERENCE_CENTER, Source.KEYWORD, Source.VERIFICATION})
# Sources that prove who holds the number: they take back what anybody else said with that number.
_PROVES_NUMBER = frozenset({Source.KEYWORD, Source.VERIFICATION})
_SINGLE_ACTS = frozenset({Source.AGENT, Source.API})

_CONSENT = cast(Table, Consent.__table__)
_FIND = Prepared(
    select(
        _CONSENT.c.state,
        _CONSENT.c.destination,
        _CONSENT.c.destination_hash,
        _CONSENT.c.changed_at,
        _CONSENT.c.event_id,
    ).where(
        _CONSENT.c.contact_id == bindparam("contact_id"),
        _CONSENT.c.subscription_type_id == bindparam("subscription_type_id"),
    )
)


def _upsert(dialect: str) -> Executable:
    changed = ("state", "destination", "destination_hash", "changed_at", "event_id")
    statement = inserting(dialect, Consent, ("contact_id", "subscription_type_id", *changed))
    return statement.on_conflict_do_update(
        index_elements=[_CONSENT.c.contact_id, _CONSENT.c.subscription_type_id],
        set_={name: statement.excluded[name] for name in changed},
    )


_UPSERT = Prepared(_upsert)


@dataclass(frozen=True)
class Held:
    """A consent as it stands: state, the destination it was given for, since when, by which event."""

    state: ConsentState
    destination: str | None
    destination_hash: str | None
    changed_at: datetime
    event_id: int


@dataclass(frozen=True)
class Change:
    """What a call did. ``event_id`` is the event that the state rests on; ``is_new`` whether this call wrote it."""

    state: ConsentState
    event_id: int
    is_new: bool


def held(session: Session, contact_id: int, subscription_type_id: int) -> Held | None:
    """The consent of one contact for one type; null when never asked."""
    row = _FIND.one(session, contact_id=contact_id, subscription_type_id=subscription_type_id)
    return Held(ConsentState(row[0]), *row[1:]) if row else None


def opt_in(
    session: Session,
    contact_id: int,
    subscription_type_id: int,
    destination: str,
    evidence: Evidence,
    *,
    standing: Held | None,
    at: datetime,
    told_before: tuple[str, ...] = (),
    also_told_as: tuple[str, ...] = (),
) -> Change:
    """Record a yes, for this number or address.

    Writes the state, one event and one ``granular.subscribe`` outbox event. Flushes, does not commit. A second yes for
    the same destination writes nothing and returns the standing event. The person's own opt-out with this destination
    is taken back by it.

    :param destination: E.164 or normalised e-mail address, as it was shown or typed
    :param standing: ``held(…)`` of this contact and type, read while holding the contact's row
    :param told_before: topics that a new event is told under first
    :param also_told_as: further topics, afterwards
    :raises InvalidState: ``suppressed`` or ``opted_out``: somebody other than the person may not reverse it
    :raises InvalidInput: an agent, or an API client, reverses an opt-out without a note; what only API clients recorded
        an API client reverses without one
    """
    destination_hash = keys_of(session).destination_hash(destination)
    if standing and standing.state == ConsentState.OPTED_IN and standing.destination_hash == destination_hash:
        return Change(ConsentState.OPTED_IN, standing.event_id, is_new=False)
    if evidence.source not in BY_THE_PERSON:
        _refuse_against_their_word(session, subscription_type_id, destination_hash, evidence, standing)
    change = _write(
        session,
        contact_id,
        subscription_type_id,
        ConsentState.OPTED_IN,
        destination,
        destination_hash,
        evidence,
        at=at,
        topics=(*told_before, "granular.subscribe", *also_told_as),
    )
    _take_back_number_opt_outs(session, contact_id, subscription_type_id, destination_hash, evidence, standing)
    return change


def opt_out(
    session: Session,
    contact_id: int,
    subscription_type_id: int,
    destination: str | None,
    evidence: Evidence,
    *,
    standing: Held | None,
    at: datetime,
) -> Change:
    """Withdraw one consent; from this commit on nothing of this type may be sent.

    Writes the state, one event and one ``granular.unsubscribe`` outbox event, and sticks to the destination that the
    contact has now and to the one that the consent was given for. Flushes, does not commit. A second withdrawal with
    the same destination writes nothing and returns the standing event.

    Source: GDPR art. 7(3); 47 CFR 64.1200(a)(10)
    """
    destination_hash = keys_of(session).destination_hash(destination) if destination else None
    if standing and standing.state == ConsentState.OPTED_OUT and standing.destination_hash == destination_hash:
        return Change(ConsentState.OPTED_OUT, standing.event_id, is_new=False)
    change = _write(
        session,
        contact_id,
        subscription_type_id,
        ConsentState.OPTED_OUT,
        destination,
        destination_hash,
        evidence,
        at=at,
        topics=("granular.unsubscribe",),
    )
    before = standing.destination_hash if standing else None
    for sticky in {destination_hash, before} - {None}:
        insert_or_ignore(
            session,
            NumberOptOut,
            {
                "subscription_type_id": subscription_type_id,
                "destination_hash": sticky,
                "contact_id": contact_id,
                "since": at,
                "event_id": change.event_id,
            },
        )
    return change


def forget(session: Session, contact_id: int) -> None:
    """Take away the states of a contact that is erased: they name its number. Its opt-outs stick to the hash."""
    session.execute(delete(Consent).where(Consent.contact_id == contact_id))


def _write(
    session: Session,
    contact_id: int,
    subscription_type_id: int,
    state: ConsentState,
    destination: str | None,
    destination_hash: str | None,
    evidence: Evidence,
    *,
    at: datetime,
    topics: tuple[str, ...],
) -> Change:
    event_id = ledger.record(
        session,
        contact_id=contact_id,
        subscription_type_id=subscription_type_id,
        action=Action.OPT_IN if state == ConsentState.OPTED_IN else Action.OPT_OUT,
        destination=destination,
        destination_hash=destination_hash,
        evidence=evidence,
        at=at,
    )
    _UPSERT.run(
        session,
        contact_id=contact_id,
        subscription_type_id=subscription_type_id,
        state=state.value,
        destination=destination,
        destination_hash=destination_hash,
        changed_at=at,
        event_id=event_id,
    )
    outbox.add(
        session,
        topics,
        contact_id=contact_id,
        payload={
            "contact_id": contact_id,
            "subscription_type_id": subscription_type_id,
            "event_id": event_id,
            "inserted_form_id": evidence.inserted_form_id,
        },
        at=at,
    )
    return Change(state, event_id, is_new=True)


def _refuse_against_their_word(
    session: Session,
    subscription_type_id: int,
    destination_hash: str,
    evidence: Evidence,
    standing: Held | None,
) -> None:
    is_suppressed, has_number_opt_out = eligibility.in_the_way(session, subscription_type_id, destination_hash)
    if is_suppressed:
        raise InvalidState("This number asked not to be texted. Only its holder can lift that.", code="suppressed")
    opted_out = (standing and standing.state == ConsentState.OPTED_OUT) or has_number_opt_out
    if opted_out and evidence.source not in _SINGLE_ACTS:
        raise InvalidState("They opted out. Only they, or one explicit action with a note, can reverse it.")
    if not opted_out or evidence.note:
        return
    if _is_their_own(session, subscription_type_id, destination_hash, evidence, standing):
        field = "note" if evidence.source == Source.AGENT else "source_note"
        raise InvalidInput("They opted out. Say in a note how they asked to be signed up again.", field=field)


def _is_their_own(
    session: Session, subscription_type_id: int, destination_hash: str, evidence: Evidence, standing: Held | None
) -> bool:
    """Whether an opt-out that stands in the way was made by the person, or by somebody on their behalf.

    An API client that detached a contact said nothing of what the person wanted, so it may attach it again.
    """
    if evidence.source != Source.API:
        return True
    sticky = select(NumberOptOut.event_id).where(
        NumberOptOut.subscription_type_id == subscription_type_id, NumberOptOut.destination_hash == destination_hash
    )
    theirs = standing.event_id if standing and standing.state == ConsentState.OPTED_OUT else 0
    in_the_way = ConsentEvent.id.in_(sticky) | (ConsentEvent.id == theirs)
    others = select(ConsentEvent.id).where(in_the_way, ConsentEvent.source != Source.API.value)
    return session.execute(others.limit(1)).first() is not None


def _take_back_number_opt_outs(
    session: Session,
    contact_id: int,
    subscription_type_id: int,
    destination_hash: str,
    evidence: Evidence,
    standing: Held | None,
) -> None:
    """A yes takes back the same person's no with this number; a proven one or an agent's single act everybody's."""
    of_everybody = evidence.source in _PROVES_NUMBER or (evidence.source in _SINGLE_ACTS and bool(evidence.note))
    if standing is None and not of_everybody:
        return
    taken_back = delete(NumberOptOut).where(
        NumberOptOut.subscription_type_id == subscription_type_id,
        NumberOptOut.destination_hash == destination_hash,
    )
    session.execute(taken_back if of_everybody else taken_back.where(NumberOptOut.contact_id == contact_id))
