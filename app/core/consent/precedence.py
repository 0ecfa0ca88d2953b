"""Which statement prevails: the person's own over others', the later over the earlier, an opt-out over an opt-in."""

from datetime import datetime
from typing import cast

from sqlalchemy.orm import Session

from app.core.consent import destination_opt_outs, eligibility
from app.core.consent.current import CurrentConsent
from app.core.consent.destination_opt_outs import Place
from app.core.errors import InvalidInput, InvalidState
from app.core.ledger.evidence import Evidence
from app.models import ConsentState, Source

# Acts of the person: nobody else lifts a suppression or, without a note, an opt-out.
BY_THE_PERSON = frozenset({Source.FORM, Source.PREFERENCE_CENTER, Source.KEYWORD, Source.VERIFICATION})
# Recorded as they happen. Other sources may report the past.
ACTS_NOW = BY_THE_PERSON | {Source.AGENT}
# Sources that prove who holds the number: they revoke every contact's opt-out with that number.
_PROVES_NUMBER = frozenset({Source.KEYWORD, Source.VERIFICATION})
_SINGLE_ACTS = frozenset({Source.AGENT, Source.API})


def not_before(current: CurrentConsent | None, at: datetime) -> datetime:
    """``at``, but not before the last change. Clients give times in seconds, so one second counts as one moment.

    :raises InvalidState: the consent changed after ``at``: an earlier statement does not override a later one
    """
    if current is None:
        return at
    _refuse_overtaken(current.changed_at, at)
    return max(at, current.changed_at)


def is_repeated_opt_out(session: Session, place: Place, current: CurrentConsent, evidence: Evidence) -> bool:
    """Whether an opt-out adds nothing to the current one.

    An API client's never does. The person's own adds that it is theirs to one that an API client recorded, and applies
    to this number where the current one was made with another number, or was revoked by another holder of the number.
    """
    if current.state != ConsentState.OPTED_OUT:
        return False
    if evidence.source == Source.API:
        return True
    if current.destination_hash != place.destination_hash:
        return False
    source, is_stuck = destination_opt_outs.source_of(session, current.event_id, place)
    return source != Source.API and (is_stuck or place.destination_hash is None)


def refuse_against_opt_out(
    session: Session, place: Place, evidence: Evidence, current: CurrentConsent | None, *, at: datetime
) -> None:
    """Refuse an opt-in by anyone but the person that would reverse what the person asked for.

    :raises InvalidState: ``suppressed``, or they opted out, or another contact with this number did after ``at``
    :raises InvalidInput: one explicit action may reverse it, but the note is missing
    """
    is_suppressed, opted_out_at = eligibility.in_the_way(
        session, place.subscription_type_id, cast(str, place.destination_hash)
    )
    if is_suppressed:
        raise InvalidState("This number asked not to be texted. Only its holder can lift that.", code="suppressed")
    if opted_out_at is not None and evidence.source not in ACTS_NOW:
        _refuse_overtaken(opted_out_at, at)
    own = current if current is not None and current.state == ConsentState.OPTED_OUT else None
    if own is None and opted_out_at is None:
        return
    if evidence.source not in _SINGLE_ACTS:
        raise InvalidState("They opted out. Only they, or one explicit action with a note, can reverse it.")
    if not evidence.note and _needs_note(session, place, evidence, own):
        field = "note" if evidence.source == Source.AGENT else "source_note"
        raise InvalidInput("They opted out. Say in a note how they asked to be signed up again.", field=field)


def revokes_for_everyone(evidence: Evidence) -> bool:
    """Whether an opt-in revokes the opt-outs of every contact with its number, not only the person's own."""
    return evidence.source in _PROVES_NUMBER or (evidence.source in _SINGLE_ACTS and bool(evidence.note))


def _needs_note(session: Session, place: Place, evidence: Evidence, own: CurrentConsent | None) -> bool:
    """Whether the opt-out was made by the person or on their behalf.

    An API client that detached a contact reported nothing that the person wanted, so it may attach it again.
    """
    return evidence.source != Source.API or destination_opt_outs.is_somebodys_own(
        session, place, own.event_id if own else None
    )


def _refuse_overtaken(changed_at: datetime, at: datetime) -> None:
    if at < changed_at.replace(microsecond=0):
        raise InvalidState("They said something else since then. Leave “occurred_at” out to record it as of now.")
