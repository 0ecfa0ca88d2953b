"""Records what a page claims about a person. Anyone can write a page, so a claim may do little.

- Unsigned, it changes only the lead of its number, never a known user, and writes no opt-out for the number.
- Signed, it changes the contact whose id the page proves.
- It opts in where nothing speaks against it, and takes back only what a page said about the same contact
  (``core/consent/pages.py``). Otherwise it is one ``claim`` event. ``gdpr_optin`` false stays false.
- The same claim again writes nothing. Values that are absent change nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from app.core import rate_limits
from app.core.consent import changes as consent
from app.core.consent import locking, reach, recording
from app.core.consent.destination_opt_outs import DestinationKey
from app.core.consent.locking import LockedContact
from app.core.contacts import leads, records, users
from app.core.signing import keys_of
from app.core.site.claim import Claim, ClaimedNumber, Doubt, Word, digest_of, read_number
from app.core.workspace import settings
from app.db import insert_into
from app.models import (
    Channel,
    Consent,
    ConsentState,
    ConsentType,
    Contact,
    SiteClaim,
    SubscriptionType,
    TypeState,
    Workspace,
)

UNSIGNED_A_MINUTE = 600
_HOUR_S, _MINUTE_S = 60 * 60, 60


class Recorded(NamedTuple):
    """What was doubtful, or in how many seconds to try again: then nothing was recorded.

    :param about: names the contact that the claim is about (``name_of``), whether there is one or not
    :param digest: of the claim
    """

    doubts: frozenset[str] = frozenset()
    retry_after_s: int | None = None
    about: str = ""
    digest: str = ""


@dataclass(frozen=True)
class _Claimed:
    """A claim with what the workspace makes of it. ``offered``: the live type that an opt-in is for; null: none."""

    claim: Claim
    number: ClaimedNumber | None
    offered: SubscriptionType | None
    at: datetime


def record(session: Session, claim: Claim, *, at: datetime) -> Recorded:
    """Record a claim, in one transaction. The caller commits in any case: attempts are counted.

    A contact whose ``gdpr_optin`` is false is left alone; of a blocked one only what it withdraws is recorded.
    """
    workspace = settings.get(session)
    if wait_s := _over_limit(session, claim, workspace, at=at):
        return Recorded(retry_after_s=wait_s)
    claimed = _read(session, claim, workspace, at=at)
    doubts = _of_user(session, claimed) if claim.signed else _of_lead(session, claimed)
    if claimed.number is not None:
        doubts |= claimed.number.doubts
    if claim.user.sms_optin and claimed.offered is None:
        doubts |= {Doubt.NO_TYPE}
    digest = _digest(session, claimed, is_theirs=Doubt.OTHER_NUMBER not in doubts)
    return Recorded(frozenset(doubts), about=_about(claimed), digest=digest)


def made_since(session: Session, since: datetime) -> list[tuple[str, str]]:
    """The last claims that are not older: whom each is about, as ``Recorded`` names them, and its digest."""
    query = (
        select(Contact.external_id, Contact.lead_key, SiteClaim.digest)
        .join(Contact, Contact.id == SiteClaim.contact_id)
        .where(SiteClaim.claimed_at >= since)
    )
    return [(name_of(row.external_id, row.lead_key), row.digest) for row in session.execute(query)]


def name_of(external_id: str | None, lead_key: str | None) -> str:
    """Names a contact by what a page knows of it: a user by the id, a lead by its key."""
    return f"user:{external_id}" if external_id is not None else lead_key or ""


def _live_type(session: Session, workspace: Workspace) -> SubscriptionType | None:
    """The type that ``sms_optin`` opts in to; null when none is set, or when that one is not live."""
    type_id = workspace.site_subscription_type_id
    found = session.get(SubscriptionType, type_id) if type_id is not None else None
    return found if found is not None and found.state == TypeState.LIVE else None


def _read(session: Session, claim: Claim, workspace: Workspace, *, at: datetime) -> _Claimed:
    keys, offered = keys_of(session), _live_type(session, workspace)
    number = read_number(keys, claim.number, workspace.allowed_countries) if claim.number else None
    return _Claimed(claim, number, offered, at)


def _digest(session: Session, claimed: _Claimed, *, is_theirs: bool) -> str:
    type_id = claimed.offered.id if claimed.offered else None
    return digest_of(keys_of(session), claimed.claim, subscription_type_id=type_id, is_theirs=is_theirs)


def _about(claimed: _Claimed) -> str:
    if claimed.claim.signed is not None:
        return name_of(claimed.claim.signed.user_id, None)
    return leads.lead_key_of(Channel.SMS, claimed.number.destination.hash) if claimed.number else ""


def _over_limit(session: Session, claim: Claim, workspace: Workspace, *, at: datetime) -> int | None:
    """Count the claim, and return the seconds to wait if there were too many.

    A signed one counts for its user. An unsigned one counts for its IP address, its number and the public key.
    """
    keys = keys_of(session)
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


def _of_lead(session: Session, claimed: _Claimed) -> set[str]:
    """Record the claim of an unsigned page."""
    user, number = claimed.claim.user, claimed.number
    doubts: set[str] = set()
    if user.uuid is not None and users.find(session, user.uuid) is None:
        doubts.add(Doubt.UNKNOWN_ID)
    if number is None or leads.is_gdpr_refused(session, Channel.SMS, number.destination):
        return doubts
    lead = _lead(session, claimed, number)
    if lead is None or not _is_news(session, lead.id, lead, claimed, is_theirs=True):
        return doubts
    if claimed.claim.word == Word.STOP:
        _stop(session, locking.lock_contact(session, lead.id), claimed)
    else:
        _record_word(session, lead, claimed, is_theirs=True)
        for topic in lead.topics:
            records.publish(session, topic, lead.id, at=claimed.at)
    return doubts


def _lead(session: Session, claimed: _Claimed, number: ClaimedNumber) -> LockedContact | None:
    """The lead of the number, locked. Only an opt-in creates one: an unknown one has nothing to withdraw."""
    word, offered = claimed.claim.word, claimed.offered
    if word is None or (word == Word.OPT_IN and offered is None):
        return None
    if word == Word.OPT_IN and offered is not None and offered.consent_type == ConsentType.OPT_IN:
        block = number.block
        return leads.lead_for(session, Channel.SMS, number.destination, locale=None, sms_block=block, at=claimed.at)
    return leads.existing_lead(session, Channel.SMS, number.destination)


def _of_user(session: Session, claimed: _Claimed) -> set[str]:
    """Record the claim of a page that proves who its visitor is."""
    signed, word = claimed.claim.signed, claimed.claim.word
    known = users.find(session, signed.user_id) if signed else None
    has_word = word is not None and (word != Word.OPT_IN or claimed.offered is not None)
    if signed is None or (known is None and not has_word):  # no contact is created for a visit
        return set()
    known = known or users.find_or_create(session, signed.user_id, at=claimed.at)
    contact = locking.lock_contact(session, known.id)
    if contact.external_id != signed.user_id:  # it was merged or erased while this transaction waited
        return set()
    _record_about(session, contact, claimed)
    return set() if claimed.number is None or _is_theirs(contact, claimed) else {Doubt.OTHER_NUMBER}


def _record_about(session: Session, contact: Contact, claimed: _Claimed) -> None:
    if claimed.claim.word != Word.STOP and not reach.is_closed(contact):
        _save_number(session, contact, claimed)
    is_theirs = _is_theirs(contact, claimed)
    if claimed.claim.word is None or not _is_news(session, contact.id, contact, claimed, is_theirs=is_theirs):
        return
    if claimed.claim.word == Word.STOP:
        _stop(session, contact, claimed)
    else:
        _record_word(session, locking.lock(session, contact.id), claimed, is_theirs=is_theirs)


def _is_theirs(contact: Contact, claimed: _Claimed) -> bool:
    return claimed.number is not None and contact.phone_hash == claimed.number.destination.hash


def _save_number(session: Session, contact: Contact, claimed: _Claimed) -> None:
    """Save a number that was signed itself, or any where the contact has none."""
    signed = claimed.claim.signed.phone if claimed.claim.signed else None
    said = claimed.number.destination.value if claimed.number else None
    number = signed or (said if not contact.phone else None)
    if number:
        records.change_phone(session, contact, number, evidence=claimed.claim.evidence, at=claimed.at)


def _stop(session: Session, contact: Contact, claimed: _Claimed) -> None:
    """No message on any channel. Consents stay as they are, and nothing else of the claim is stored."""
    records.change_gdpr_optin(session, contact, gdpr_optin=False, evidence=claimed.claim.evidence, at=claimed.at)


def _is_news(session: Session, contact_id: int, contact: reach.Closable, claimed: _Claimed, *, is_theirs: bool) -> bool:
    """Whether the claim is to be recorded: it differs from the last one about the contact, whose row is locked.

    It is the last one from now on. About a closed contact nothing is kept; but what was said before is not the last
    claim any more.
    """
    last, digest = session.get(SiteClaim, contact_id), _digest(session, claimed, is_theirs=is_theirs)
    if last is not None and last.digest == digest:
        return False
    if not _may_be_recorded(contact, claimed):
        session.execute(delete(SiteClaim).where(SiteClaim.contact_id == contact_id))
        return False
    row = {"contact_id": contact_id, "digest": digest, "claimed_at": claimed.at}
    changed = {name: row[name] for name in ("digest", "claimed_at")}
    insert = insert_into(session, SiteClaim).values(row)
    session.execute(insert.on_conflict_do_update(index_elements=[SiteClaim.contact_id], set_=changed))
    return True


def _may_be_recorded(contact: reach.Closable, claimed: _Claimed) -> bool:
    """Whether something may be recorded about this contact: of a blocked one only what it withdraws."""
    closed = reach.closed_for(contact)
    return closed is None or (closed == "blocked" and claimed.claim.word != Word.OPT_IN)


def _record_word(session: Session, contact: LockedContact, claimed: _Claimed, *, is_theirs: bool) -> None:
    """Record ``sms_optin``.

    :param is_theirs: the number is the contact's own; an opt-in for another one is a claim that changes nothing
    """
    number, offered = claimed.number, claimed.offered
    if claimed.claim.word == Word.OPT_OUT:
        _opt_out(session, contact, claimed)
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


def _opt_out(session: Session, contact: LockedContact, claimed: _Claimed) -> None:
    """Opt out of every SMS type that is live, that the contact gave a consent for, or that it got by default."""
    with_consent = select(Consent.subscription_type_id).where(Consent.contact_id == contact.id)
    query = select(SubscriptionType).where(
        SubscriptionType.channel == Channel.SMS.value,
        or_(
            SubscriptionType.state == TypeState.LIVE.value,
            SubscriptionType.id.in_(with_consent),
            (SubscriptionType.consent_type == ConsentType.OPT_OUT.value) & SubscriptionType.live_at.is_not(None),
        ),
    )
    for each in session.scalars(query.order_by(SubscriptionType.id)).all():
        evidence = claimed.claim.evidence.with_details(subscription_type=each.name)
        consent.opt_out(session, contact, each.id, contact.phone, evidence, at=claimed.at)
