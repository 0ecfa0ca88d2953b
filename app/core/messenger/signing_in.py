"""A visitor signs in: the lead that they were until then becomes part of the user's contact."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.consent import locking, reach
from app.core.contacts import merge, merge_plan
from app.core.conversations import lifecycle
from app.core.errors import Conflict, InvalidInput
from app.core.messenger import tokens as messenger_tokens
from app.core.messenger import visitors
from app.core.messenger.identity import SignedUser
from app.core.messenger.visitors import Limit
from app.models import Channel, Consent, ConsentState, Contact, ContactRole, SubscriptionType

SIGN_INS_A_MINUTE = 20
_SIGN_INS = Limit("chat-in", SIGN_INS_A_MINUTE)
_ACTOR = "contact"


def sign_in(session: Session, user: SignedUser, token: str | None, *, address: str | None, at: datetime) -> int | None:
    """Sign the visitor in as this user. The lead that they were is merged into the user's contact (``merge.merge``).

    So its conversations and opt-outs become the user's, and its opt-ins with their number where the user has no other.
    An opt-in for another number than the user's is not lost: the lead then stays, and only its conversations in the
    messenger move. Nothing moves if one of the two is closed. The signed values are stored if the user has a contact;
    no contact is created for them alone. The token ends. Returns null, or in how many seconds to try again. The caller
    commits either way.
    """
    if wait_s := visitors.over_limit(session, _SIGN_INS, user.user_id, address, at=at):
        return wait_s
    lead = _lead_of(session, token)
    contact = visitors.find_user(session, user.user_id)
    if contact is None and lead is not None:
        contact = visitors.user_for(session, user, at=at)
    if contact is not None:
        _join(session, lead, contact, user, at=at)
    if token:
        messenger_tokens.end(session, token, at=at)
    return None


def _lead_of(session: Session, token: str | None) -> Contact | None:
    """The lead of this token, if it can become part of a user.

    A lead that is found by its number or address may be several people.
    """
    lead_id = messenger_tokens.lead_of(session, token) if token else None
    lead = session.get(Contact, lead_id) if lead_id is not None else None
    return lead if lead is not None and _may_join(lead) else None


def _may_join(lead: Contact) -> bool:
    is_shared = lead.lead_key is not None and not messenger_tokens.is_lead_key(lead.lead_key)
    is_gone = lead.merged_into_id is not None or lead.erased_at is not None
    return lead.role == ContactRole.LEAD and not is_shared and not is_gone and not reach.is_closed(lead)


def _join(session: Session, lead: Contact | None, contact: Contact, user: SignedUser, *, at: datetime) -> None:
    """Store the signed values with the contact, and make the lead part of it."""
    for contact_id in sorted({contact.id, *([lead.id] if lead else [])}):
        locking.lock_contact(session, contact_id)
    if reach.is_closed(contact):
        return
    visitors.store_changes(session, contact, user, at=at)
    if lead is None or not _may_join(lead):  # another tab was faster
        return
    if _may_merge(session, lead, contact):
        merge.merge(session, lead.public_id, contact.public_id, actor=_ACTOR, at=at)
    else:
        lifecycle.reassign_to_contact(session, lead.id, contact.id, at=at)


def _may_merge(session: Session, lead: Contact, contact: Contact) -> bool:
    """Whether a merge is possible and loses no opt-in.

    It is not where the user is archived, or the lead has the address of a third user.
    """
    if _would_lose_an_opt_in(session, lead, contact):
        return False
    try:
        merge_plan.decide(session, lead, contact)
    except (InvalidInput, Conflict):
        return False
    return True


def _would_lose_an_opt_in(session: Session, lead: Contact, contact: Contact) -> bool:
    """Whether the lead opted in with a number or address, and the user has another one."""
    channels = [
        channel
        for channel, own, users in (
            (Channel.SMS, lead.phone, contact.phone),
            (Channel.EMAIL, lead.email, contact.email),
        )
        if own and users and own != users
    ]
    opted_in = (
        select(Consent.contact_id)
        .join(SubscriptionType, SubscriptionType.id == Consent.subscription_type_id)
        .where(
            Consent.contact_id == lead.id,
            Consent.state == ConsentState.OPTED_IN.value,
            SubscriptionType.channel.in_(channels),
        )
    )
    return bool(channels) and session.execute(opted_in.limit(1)).first() is not None
