"""What a page may change by what it says about a person. A page speaks on its own account: anyone may write one.

It opts in where nothing speaks against it, and takes back only what a page itself said about the same contact.
"""

from typing import cast

from sqlalchemy.orm import Session

from app.core.consent import eligibility, reach
from app.core.consent.current import CurrentConsent
from app.core.consent.destination_opt_outs import DestinationKey
from app.core.consent.locking import LockedContact
from app.core.ledger.evidence import Evidence
from app.models import ConsentEvent, ConsentState, EvidenceLevel, Source

_LEVELS = list(EvidenceLevel)


def may_opt_in(
    session: Session,
    contact: LockedContact,
    key: DestinationKey,
    evidence: Evidence,
    current: CurrentConsent | None,
) -> bool:
    """Whether the opt-in that a page claims counts.

    Not while the contact is closed or the number is suppressed. An opt-out of the contact, or of the number or
    address, must come from a page itself, about this contact, and not be proven better than this claim.
    """
    destination_hash = cast(str, key.destination_hash)
    if reach.is_closed(contact) or eligibility.is_suppressed(session, destination_hash):
        return False
    if current is not None and not _may_take_back(session, current, evidence):
        return False
    is_signed = evidence.level == EvidenceLevel.SIGNED_IDENTITY
    authors = eligibility.opt_out_authors(session, key.subscription_type_id, destination_hash)
    # An unsigned page records no opt-out of a number: where one names its event, another client repeated it.
    own = (key.contact_id, Source.SITE, EvidenceLevel.SIGNED_IDENTITY)
    return all(is_signed and author == own for author in authors)


def is_said_by_page(session: Session, current: CurrentConsent) -> bool:
    """Whether the current consent is an opt-out that a page claimed."""
    is_out = current.state == ConsentState.OPTED_OUT
    return is_out and session.get_one(ConsentEvent, current.event_id).source == Source.SITE


def _may_take_back(session: Session, current: CurrentConsent, evidence: Evidence) -> bool:
    if current.state != ConsentState.OPTED_OUT:
        return True
    if current.repeated_at is not None and current.repeated_at > current.changed_at:
        return False
    said = session.get_one(ConsentEvent, current.event_id)
    is_weaker = _LEVELS.index(evidence.level) < _LEVELS.index(EvidenceLevel(said.evidence_level))
    return said.source == Source.SITE and not is_weaker
