"""The one door: only this module changes a consent.

Each change writes the state, one ledger event with its evidence, and the outbox event, in the caller's transaction.
Callers hold the contact's row (``contacts.hold``, or because they have just written it), so that two changes of one
person come one after the other.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from sqlalchemy import Executable, Table, bindparam, delete, select
from sqlalchemy.orm import Session

from app.core import outbox
from app.core.consent import destination_opt_outs as destination_opt_outs
from app.core.consent import eligibility
from app.core.consent.destination_opt_outs import Place
from app.core.errors import InvalidInput, InvalidState
from app.core.ledger import events as ledger
from app.core.ledger.evidence import Evidence
from app.core.signing import keys_of
from app.db import CompiledStatement, inserting
from app.models import Action, Consent, ConsentState, Source

# Acts of the person: nobody else lifts a suppression or, without a note, an opt-out.
BY_THE_PERSON = frozenset({Source.FORM, Source.PREFERENCE_CENTER, Source.KEYWORD, Source.VERIFICATION})
# Sources that prove who holds the number: they take back what anybody else said with that number.
_PROVES_NUMBER = frozenset({Source.KEYWORD, Source.VERIFICATION})
_SINGLE_ACTS = frozenset({Source.AGENT, Source.API})
# What is recorded while it is said; everybody else may tell of the past.
_ACTS_NOW = BY_THE_PERSON | {Source.AGENT}

_CONSENT = cast(Table, Consent.__table__)
_FIND = CompiledStatement(
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


_UPSERT = CompiledStatement(_upsert)


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
    the same destination writes nothing and returns the standing event, whenever it was said. The person's own opt-out
    with this destination is taken back by it.

    :param destination: E.164 or normalised e-mail address, as it was shown or typed
    :param standing: ``held(…)`` of this contact and type, read while holding the contact's row
    :param told_before: topics that a new event is told under first
    :param also_told_as: further topics, afterwards
    :param at: when it was said; the person's own word counts when it comes in
    :raises InvalidState: ``suppressed``, or they opted out: somebody other than the person may not reverse it; or
        something else was said since, by them or by whoever opted out with this destination
    :raises InvalidInput: an agent, or an API client, reverses an opt-out without a note; what only API clients recorded
        an API client reverses without one
    """
    destination_hash = keys_of(session).destination_hash(destination)
    if standing and standing.state == ConsentState.OPTED_IN and standing.destination_hash == destination_hash:
        return Change(ConsentState.OPTED_IN, standing.event_id, is_new=False)
    place = Place(contact_id, subscription_type_id, destination_hash)
    if evidence.source not in _ACTS_NOW:
        at = _not_before(standing, at)
    if evidence.source not in BY_THE_PERSON:
        _refuse_against_their_word(session, place, evidence, standing, at=at)
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
    _take_back_destination_opt_outs(session, place, evidence, standing)
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
    contact has now and to the one that the consent was given for. Flushes, does not commit.

    A second withdrawal with the same destination writes nothing and returns the standing event. So does whatever an API
    client says of somebody who is out already: the first no is kept, for theirs may be the person's own. It sticks to
    the destination that the contact has now.

    :raises InvalidState: an API client tells what something else was said since
    Source: GDPR art. 7(3); 47 CFR 64.1200(a)(10)
    """
    destination_hash = keys_of(session).destination_hash(destination) if destination else None
    place = Place(contact_id, subscription_type_id, destination_hash)
    if standing and standing.state == ConsentState.OPTED_OUT and _is_repeated(session, place, standing, evidence):
        if evidence.source == Source.API:
            destination_opt_outs.stick(session, [place], standing.event_id, evidence.source, at=at)
        return Change(ConsentState.OPTED_OUT, standing.event_id, is_new=False)
    if evidence.source not in _ACTS_NOW:
        at = _not_before(standing, at)
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
    before = replace(place, destination_hash=standing.destination_hash if standing else None)
    destination_opt_outs.stick(session, sorted({place, before}, key=repr), change.event_id, evidence.source, at=at)
    return change


def hand_over_destination_opt_outs(session: Session, from_contact_id: int, to_contact_id: int) -> dict[Place, int]:
    """What one contact opted out of with a number is the other's from now on, who may take it back, too.

    Each comes back, by where it sticks, with the event that it rests on.
    """
    return destination_opt_outs.hand_over(session, from_contact_id, to_contact_id)


def forget(session: Session, contact_id: int) -> None:
    """Take away the states of a contact that is erased: they name its number. Its opt-outs stick to the hash."""
    session.execute(delete(Consent).where(Consent.contact_id == contact_id))


def _not_before(standing: Held | None, at: datetime) -> datetime:
    """``at``, in the order in which things were said. Clients tell times by the second, so one second is one moment.

    :raises InvalidState: something else was said since: what was said earlier does not override it
    """
    if standing is None:
        return at
    _refuse_overtaken(standing.changed_at, at)
    return max(at, standing.changed_at)


def _refuse_overtaken(said_at: datetime, at: datetime) -> None:
    if at < said_at.replace(microsecond=0):
        raise InvalidState("They said something else since then. Leave “occurred_at” out to record it as of now.")


def _is_repeated(session: Session, place: Place, standing: Held, evidence: Evidence) -> bool:
    """Whether a no adds nothing to the one that stands.

    The person's own adds that it is theirs to one that an API client recorded, and that it holds for this number to one
    that was made with another, or was taken back by another holder of the number.
    """
    if evidence.source == Source.API:
        return True
    if standing.destination_hash != place.destination_hash:
        return False
    source, is_stuck = destination_opt_outs.source_of(session, standing.event_id, place)
    return source != Source.API and (is_stuck or place.destination_hash is None)


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
        Action.OPT_IN if state == ConsentState.OPTED_IN else Action.OPT_OUT,
        ledger.Subject(contact_id, subscription_type_id, destination, destination_hash),
        evidence,
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
    session: Session, place: Place, evidence: Evidence, standing: Held | None, *, at: datetime
) -> None:
    is_suppressed, opted_out_since = eligibility.in_the_way(
        session, place.subscription_type_id, cast(str, place.destination_hash)
    )
    if is_suppressed:
        raise InvalidState("This number asked not to be texted. Only its holder can lift that.", code="suppressed")
    if opted_out_since is not None and evidence.source not in _ACTS_NOW:
        _refuse_overtaken(opted_out_since, at)
    is_out = standing is not None and standing.state == ConsentState.OPTED_OUT
    if not is_out and opted_out_since is None:
        return
    if evidence.source not in _SINGLE_ACTS:
        raise InvalidState("They opted out. Only they, or one explicit action with a note, can reverse it.")
    if not evidence.note and _is_their_own(session, place, evidence, standing if is_out else None):
        field = "note" if evidence.source == Source.AGENT else "source_note"
        raise InvalidInput("They opted out. Say in a note how they asked to be signed up again.", field=field)


def _is_their_own(session: Session, place: Place, evidence: Evidence, no: Held | None) -> bool:
    """Whether an opt-out that stands in the way was made by the person, or by somebody on their behalf.

    An API client that detached a contact said nothing of what the person wanted, so it may attach it again.
    """
    return evidence.source != Source.API or destination_opt_outs.is_somebodys_own(
        session, place, no.event_id if no else None
    )


def _take_back_destination_opt_outs(session: Session, place: Place, evidence: Evidence, standing: Held | None) -> None:
    """A yes takes back the same person's no with this number; a proven one or an agent's single act everybody's."""
    of_everybody = evidence.source in _PROVES_NUMBER or (evidence.source in _SINGLE_ACTS and bool(evidence.note))
    if standing is not None or of_everybody:
        destination_opt_outs.take_back(session, place, of_everybody=of_everybody)
