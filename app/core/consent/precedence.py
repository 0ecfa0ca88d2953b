"""Which of two statements prevails.

The person's own prevails over others', the later over the earlier, an opt-out over an opt-in.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import cast

from sqlalchemy.orm import Session

from app.core.consent import destination_opt_outs, eligibility, pages, reach
from app.core.consent.current import CurrentConsent
from app.core.consent.destination_opt_outs import DestinationKey
from app.core.consent.eligibility import Obstacles
from app.core.consent.locking import LockedContact
from app.core.errors import InvalidInput, InvalidState
from app.core.ledger.evidence import Evidence
from app.models import ConsentEvent, ConsentState, EvidenceLevel, Source, SuppressionCause

# Acts of the person. Other sources cannot lift a suppression, or reverse an opt-out without a note.
BY_THE_PERSON = frozenset({Source.FORM, Source.PREFERENCE_CENTER, Source.KEYWORD, Source.VERIFICATION})
# Sources that prove who holds the number: they revoke every contact's opt-out with that number.
_PROVES_NUMBER = frozenset({Source.KEYWORD, Source.VERIFICATION})
_LIFTED_BY = {
    Source.PREFERENCE_CENTER: SuppressionCause.PREFERENCE_CENTER,
    Source.KEYWORD: SuppressionCause.KEYWORD,
    Source.CARRIER: SuppressionCause.CARRIER,
}
_SINGLE_ACTS = frozenset({Source.AGENT, Source.API})


class Objection(StrEnum):
    """Why an opt-in that the person did not make here may not be recorded."""

    SUPPRESSED = "suppressed"
    CHANGED_SINCE = "changed_since"
    OPTED_OUT = "opted_out"


def is_only_own(evidence: Evidence) -> bool:
    """Whether an act changes only its contact's own consents, because someone who proved nothing may have acted.

    It writes no opt-out for the number or address, stops no number, and learns nothing about other contacts.
    """
    return evidence.level == EvidenceLevel.WEB_UNVERIFIED


def may_lift(cause: str, evidence: Evidence) -> bool:
    """Whether the holder of a number lifts its suppression by this act: only one that was made the same way.

    STOP by text is lifted by START from the number alone, a carrier's by the START that the carrier itself read, and
    an agent's not by the person.
    """
    if is_only_own(evidence):
        return False
    return _LIFTED_BY.get(evidence.source) == cause


def is_decided_before(evidence: Evidence) -> bool:
    """Whether ``is_only_claim`` alone decides about an opt-in: one that the person made here, or that a page claims."""
    return evidence.source in BY_THE_PERSON or evidence.source == Source.SITE


def leaves_opt_outs(evidence: Evidence) -> bool:
    """Whether a repeated opt-out leaves the earlier one just as it is: its time, and the destinations it applies to.

    Otherwise a page that says so again would look like others who said so, and could not take it back.
    """
    return is_only_own(evidence) or evidence.source == Source.SITE


def time_of(current: CurrentConsent | None, evidence: Evidence, at: datetime) -> datetime:
    """The time of a statement: when it was made, or ``at`` when that was not reported. Never before the last change.

    A statement that is recorded as it is made always counts, even if the clock of this machine is behind. Clients give
    times in seconds, so one second counts as one moment.

    :raises InvalidState: the consent changed after the reported time: an earlier statement does not override a later
    """
    said_at = evidence.occurred_at or at
    if current is None:
        return said_at
    if evidence.occurred_at is not None and is_outdated(current.changed_at, said_at):
        _refuse_outdated()
    return max(said_at, current.changed_at)


def is_outdated(changed_at: datetime, said_at: datetime) -> bool:
    """Whether something changed after a reported time. Clients give times in seconds."""
    return said_at < changed_at.replace(microsecond=0)


def is_repeated_opt_out(session: Session, key: DestinationKey, current: CurrentConsent, evidence: Evidence) -> bool:
    """Whether an opt-out adds nothing to the current one (``adds_nothing``).

    The person's own, proven or not, always adds something to what a page said: a page must not take it back.
    """
    if evidence.source in BY_THE_PERSON and pages.is_said_by_page(session, current):
        return False
    return adds_nothing(
        current,
        key.destination_hash,
        evidence,
        lambda: destination_opt_outs.kind_of(session, current.event_id, key),
    )


def adds_nothing(
    current: CurrentConsent, destination_hash: str | None, evidence: Evidence, kind: Callable[[], tuple[bool, bool]]
) -> bool:
    """Whether an opt-out with this destination adds nothing to the current consent.

    An API client's own never does, nor does a page's or that of an unverified person. The person's word is recorded if
    the current one is an API client's own or a page's, was made with another destination, was revoked by another
    contact with this destination, or was unverified.

    :param kind: whether the current opt-out is the person's word, and whether it is recorded for the destination
    """
    if current.state != ConsentState.OPTED_OUT:
        return False
    if is_only_own(evidence) or not evidence.is_persons_word:
        return True
    if current.destination_hash != destination_hash:
        return False
    is_persons_word, is_recorded = kind()
    return is_persons_word and (is_recorded or destination_hash is None)


def is_only_claim(
    session: Session,
    contact: LockedContact,
    key: DestinationKey,
    evidence: Evidence,
    current: CurrentConsent | None,
) -> bool:
    """Whether an opt-in changes nothing, because it is not known whether the person made it.

    So it is where an opt-out of this contact or destination, or a suppression applies, or the contact is closed. What
    an unverified person took back themselves, they may give again. For what a page says, see ``pages.py``.
    """
    if evidence.source == Source.SITE:
        return not pages.may_opt_in(session, contact, key, evidence, current)
    if not is_only_own(evidence):
        return False
    if reach.is_closed(contact) or (current is not None and _is_opted_out_for_sure(session, current)):
        return True
    against = key.subscription_type_id, cast(str, key.destination_hash)
    return any(contact.obstacles.get(against) or eligibility.opt_in_obstacles(session, *against))


def _is_opted_out_for_sure(session: Session, current: CurrentConsent) -> bool:
    if current.state != ConsentState.OPTED_OUT:
        return False
    return session.get_one(ConsentEvent, current.event_id).evidence_level != EvidenceLevel.WEB_UNVERIFIED


def refuse_lifting_gdpr(evidence: Evidence) -> None:
    """Refuse to change ``gdpr_optin`` from false, unless the person or one explicit act with a note does.

    :raises InvalidState: this source cannot do that
    :raises InvalidInput: the note is missing
    """
    if evidence.source in BY_THE_PERSON:
        return
    if evidence.source not in _SINGLE_ACTS:
        raise InvalidState("Only the person can allow messages again, or you for this contact alone, with a note.")
    if not evidence.note:
        raise InvalidInput("Say in a note how they asked for messages again.", field=_note_field(evidence))


def refuse_against_opt_out(
    session: Session,
    key: DestinationKey,
    evidence: Evidence,
    current: CurrentConsent | None,
    obstacles: Obstacles | None,
) -> None:
    """Refuse an opt-in that would reverse an opt-out and that the person did not make.

    :param obstacles: null: they are read here
    :raises InvalidState: ``suppressed``; or the person opted out, and this source cannot reverse that; or a contact
        with this destination opted out after the reported time
    :raises InvalidInput: this source can reverse the opt-out, but the note is missing
    """
    is_suppressed, opted_out_at = obstacles or eligibility.opt_in_obstacles(
        session, key.subscription_type_id, cast(str, key.destination_hash)
    )
    found = objection(evidence, current, is_suppressed=is_suppressed, opted_out_at=opted_out_at)
    if found is None:
        return
    if found == Objection.SUPPRESSED:
        raise InvalidState("This number asked not to be texted. Only its holder can change that.", code="suppressed")
    if found == Objection.CHANGED_SINCE:
        _refuse_outdated()
    own = current if current is not None and current.state == ConsentState.OPTED_OUT else None
    if evidence.source not in _SINGLE_ACTS:
        raise InvalidState("They opted out. Only they can reverse it, or you for this contact alone, with a note.")
    if not evidence.note and _needs_note(session, key, evidence, own):
        raise InvalidInput(
            "They opted out. Say in a note how they asked to be signed up again.", field=_note_field(evidence)
        )


def objection(
    evidence: Evidence, current: CurrentConsent | None, *, is_suppressed: bool, opted_out_at: datetime | None
) -> Objection | None:
    """What speaks against an opt-in that the person did not make here; null: nothing.

    An agent or an API client may reverse what is ``OPTED_OUT``, for one contact; nothing else may.

    :param opted_out_at: when any contact last opted out with the destination
    """
    if is_suppressed:
        return Objection.SUPPRESSED
    if (
        opted_out_at is not None
        and evidence.occurred_at is not None
        and is_outdated(opted_out_at, evidence.occurred_at)
    ):
        return Objection.CHANGED_SINCE
    is_opted_out = current is not None and current.state == ConsentState.OPTED_OUT
    return Objection.OPTED_OUT if is_opted_out or opted_out_at is not None else None


def revokes_for_everyone(evidence: Evidence) -> bool:
    """Whether an opt-in revokes the opt-outs of every contact with its number, not only the person's own."""
    return evidence.source in _PROVES_NUMBER or (evidence.source in _SINGLE_ACTS and bool(evidence.note))


def _needs_note(session: Session, key: DestinationKey, evidence: Evidence, own: CurrentConsent | None) -> bool:
    """Whether an opt-in needs a note to reverse this opt-out.

    An API client needs none for an opt-out that only API clients recorded on their own account, without a note: it may
    attach a contact that it detached.
    """
    return evidence.source != Source.API or destination_opt_outs.is_by_person(
        session, key, own.event_id if own else None
    )


def _note_field(evidence: Evidence) -> str:
    return "note" if evidence.source == Source.AGENT else "source_note"


def _refuse_outdated() -> None:
    raise InvalidState("They said something else since then. Leave “occurred_at” out to record it as of now.")
