"""Records what a page claims about a person. Anyone can write a page, so a claim may do little.

- Unsigned, it changes only the lead of its number, never a known user, and writes no opt-out for the number.
- Signed, it changes the contact whose id the page proves.
- It opts in where nothing speaks against it, and takes back only what a page said about the same contact
  (``core/consent/pages.py``). Otherwise it is one ``claim`` event. ``gdpr_optin`` false stays false.
- The same claim again writes nothing. Values that are absent change nothing.
"""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.core import rate_limits
from app.core.consent import all_texts, locking, reach, recording
from app.core.consent import changes as consent
from app.core.consent.destination_opt_outs import DestinationKey
from app.core.consent.locking import LockedContact
from app.core.contacts import leads, records, users
from app.core.signing import keys_of
from app.core.site.claim import Claim, ClaimedNumber, Word
from app.core.site.claimed import Claimed, Recorded, digest, read, recorded
from app.core.workspace import settings
from app.db import insert_into
from app.models import Channel, ConsentState, ConsentType, Contact, SiteClaim, SubscriptionType

UNSIGNED_A_MINUTE = 600
_HOUR_S, _MINUTE_S = 60 * 60, 60


def record(session: Session, claim: Claim, *, at: datetime) -> Recorded:
    """Record a claim, in one transaction. The caller commits in any case: attempts are counted.

    A contact whose ``gdpr_optin`` is false is left alone; of a blocked one only what it withdraws is recorded.
    """
    if wait_s := _over_limit(session, claim, at=at):
        return Recorded(retry_after_s=wait_s)
    claimed = read(session, claim, at=at)
    is_theirs = _of_user(session, claimed) if claim.signed else _of_lead(session, claimed)
    return recorded(session, claimed, is_theirs=is_theirs)


def _over_limit(session: Session, claim: Claim, *, at: datetime) -> int | None:
    """Count the claim, and return the seconds to wait if there were too many.

    A signed one counts for its user. An unsigned one counts for its IP address, its number and the public key.
    """
    keys, workspace = keys_of(session), settings.get(session)
    if claim.signed is not None:
        of_user = {keys.bucket("site-user", claim.signed.user_id): workspace.submissions_per_number}
        return rate_limits.hit(session, of_user, window_s=_HOUR_S, at=at)
    by_hour = {}
    if claim.evidence.ip_address:
        address = rate_limits.address_bucket(claim.evidence.ip_address)
        by_hour[keys.bucket("site-address", address)] = workspace.submissions_per_address
    if claim.number:
        by_hour[keys.bucket("site-number", claim.number)] = workspace.submissions_per_number
    if by_hour and (wait_s := rate_limits.hit(session, by_hour, window_s=_HOUR_S, at=at)):
        return wait_s
    of_key = {keys.bucket("site-key", workspace.messenger_key): UNSIGNED_A_MINUTE}
    return rate_limits.hit(session, of_key, window_s=_MINUTE_S, at=at)


def _of_lead(session: Session, claimed: Claimed) -> bool:
    """Record the claim of an unsigned page. Returns true: the number is the lead's own."""
    number = claimed.number
    if number is None or leads.is_gdpr_refused(session, Channel.SMS, number.destination):
        return True
    lead = _lead(session, claimed, number)
    if lead is None or not _is_news(session, lead.id, lead, claimed, is_theirs=True):
        return True
    if claimed.claim.word == Word.STOP:
        _stop(session, locking.lock_contact(session, lead.id), claimed)
    else:
        _record_word(session, lead, claimed, is_theirs=True)
        for topic in lead.topics:
            records.publish(session, topic, lead.id, at=claimed.at)
    return True


def _lead(session: Session, claimed: Claimed, number: ClaimedNumber) -> LockedContact | None:
    """The lead of the number, locked. Only an opt-in creates one: an unknown one has nothing to withdraw."""
    word, offered = claimed.claim.word, claimed.offered
    if word is None or (word == Word.OPT_IN and offered is None):
        return None
    if word == Word.OPT_IN and offered is not None and offered.consent_type == ConsentType.OPT_IN:
        block = number.block
        return leads.lead_for(session, Channel.SMS, number.destination, locale=None, sms_block=block, at=claimed.at)
    return leads.existing_lead(session, Channel.SMS, number.destination)


def _of_user(session: Session, claimed: Claimed) -> bool:
    """Record the claim of a page that proves who its visitor is.

    Returns false when their contact has another number than the one that the page said.
    """
    signed, word = claimed.claim.signed, claimed.claim.word
    known = users.find(session, signed.user_id) if signed else None
    has_word = word is not None and (word != Word.OPT_IN or claimed.offered is not None)
    if signed is None or (known is None and not has_word):  # no contact is created for a visit
        return True
    known = known or users.find_or_create(session, signed.user_id, at=claimed.at)
    contact = locking.lock_contact(session, known.id)
    if contact.external_id != signed.user_id:  # it was merged or erased while this transaction waited
        return True
    _record_about(session, contact, claimed)
    return claimed.number is None or _is_theirs(contact, claimed)


def _record_about(session: Session, contact: Contact, claimed: Claimed) -> None:
    if claimed.claim.word != Word.STOP and not reach.is_closed(contact):
        _save_number(session, contact, claimed)
    is_theirs = _is_theirs(contact, claimed)
    if claimed.claim.word is None or not _is_news(session, contact.id, contact, claimed, is_theirs=is_theirs):
        return
    if claimed.claim.word == Word.STOP:
        _stop(session, contact, claimed)
    else:
        _record_word(session, locking.lock(session, contact.id), claimed, is_theirs=is_theirs)


def _is_theirs(contact: Contact, claimed: Claimed) -> bool:
    return claimed.number is not None and contact.phone_hash == claimed.number.destination.hash


def _save_number(session: Session, contact: Contact, claimed: Claimed) -> None:
    """Save a number that was signed itself, or any where the contact has none."""
    signed = claimed.claim.signed.phone if claimed.claim.signed else None
    said = claimed.number.destination.value if claimed.number else None
    number = signed or (said if not contact.phone else None)
    if number:
        records.change_phone(session, contact, number, evidence=claimed.claim.evidence, at=claimed.at)


def _stop(session: Session, contact: Contact, claimed: Claimed) -> None:
    """No message on any channel. Consents stay as they are, and nothing else of the claim is stored."""
    records.change_gdpr_optin(session, contact, gdpr_optin=False, evidence=claimed.claim.evidence, at=claimed.at)


def _is_news(session: Session, contact_id: int, contact: reach.Closable, claimed: Claimed, *, is_theirs: bool) -> bool:
    """Whether the claim is to be recorded: it differs from the last one about the contact, whose row is locked.

    It is the last one from now on. About a closed contact nothing is kept; but what was said before is not the last
    claim any more.
    """
    last, new = session.get(SiteClaim, contact_id), digest(session, claimed, is_theirs=is_theirs)
    if last is not None and last.digest == new:
        return False
    if not _may_be_recorded(contact, claimed):
        session.execute(delete(SiteClaim).where(SiteClaim.contact_id == contact_id))
        return False
    row = {"contact_id": contact_id, "digest": new, "claimed_at": claimed.at}
    changed = {name: row[name] for name in ("digest", "claimed_at")}
    insert = insert_into(session, SiteClaim).values(row)
    session.execute(insert.on_conflict_do_update(index_elements=[SiteClaim.contact_id], set_=changed))
    return True


def _may_be_recorded(contact: reach.Closable, claimed: Claimed) -> bool:
    """Whether something may be recorded about this contact: of a blocked one only what it withdraws."""
    closed = reach.closed_for(contact)
    return closed is None or (closed == "blocked" and claimed.claim.word != Word.OPT_IN)


def _record_word(session: Session, contact: LockedContact, claimed: Claimed, *, is_theirs: bool) -> None:
    """Record ``sms_optin``.

    :param is_theirs: the number is the contact's own; an opt-in for another one is a claim that changes nothing
    """
    number, offered = claimed.number, claimed.offered
    if claimed.claim.word == Word.OPT_OUT:
        all_texts.opt_out(session, contact, claimed.claim.evidence, at=claimed.at)
    elif offered is not None and number is not None:
        if offered.consent_type == ConsentType.OPT_OUT and not _is_opted_out(session, contact, offered):
            return  # who never left is subscribed already
        evidence = claimed.claim.evidence.with_details(subscription_type=offered.name)
        destination = number.destination
        if is_theirs and number.is_usable:
            consent.opt_in(session, contact, offered.id, destination.value, evidence, at=claimed.at)
        else:
            key = DestinationKey(contact.id, offered.id, destination.hash)
            recording.claim(session, key, destination.value, evidence, at=claimed.at)


def _is_opted_out(session: Session, contact: LockedContact, offered: SubscriptionType) -> bool:
    before = consent.current(session, contact, offered.id)
    return before is not None and before.state == ConsentState.OPTED_OUT
