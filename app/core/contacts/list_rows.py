"""The rows of a list of contacts: each with its tags and its status for some subscription types, in few statements."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.consent import current_destination, eligibility
from app.core.consent.eligibility import Reason
from app.core.contacts import records
from app.models import Consent, ConsentState, Contact, ContactTag, SubscriptionType, Suppression, Tag


@dataclass(frozen=True)
class RowStatus:
    """The part of ``eligibility.SubscriptionStatus`` that a list shows: of the reasons only a suppression."""

    state: ConsentState
    is_subscribed: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class ListRow:
    """A contact, the names of its tags, and its status by the id of each type."""

    contact: Contact
    tags: tuple[str, ...]
    statuses: Mapping[int, RowStatus]


def of_ids(session: Session, ids: Sequence[int], types: Sequence[SubscriptionType]) -> list[ListRow]:
    """The rows of these contacts, in the order of ``ids``. Ids without a contact are left out."""
    contacts = records.find_by_ids(session, ids)
    if not contacts:
        return []
    tags, consents = _tags(session, ids), _consents(session, ids, types)
    hashes = {each.phone_hash for each in contacts.values() if each.phone_hash}
    suppressed = set(session.scalars(select(Suppression.phone_hash).where(Suppression.phone_hash.in_(hashes))))
    rows = []
    for contact in (contacts[each] for each in ids if each in contacts):
        is_suppressed = contact.phone_hash in suppressed
        statuses = {
            each.id: _status(contact, each, consents.get((contact.id, each.id)), is_suppressed=is_suppressed)
            for each in types
        }
        rows.append(ListRow(contact, tuple(tags[contact.id]), statuses))
    return rows


def _status(
    contact: Contact, subscription_type: SubscriptionType, consent: Consent | None, *, is_suppressed: bool
) -> RowStatus:
    channel = subscription_type.channel
    state = eligibility.state_for(consent, current_destination.hash_of(contact, channel))
    is_listed = is_suppressed and eligibility.concerns(Reason.SUPPRESSED, channel)
    reasons = (Reason.SUPPRESSED,) if is_listed else ()
    return RowStatus(state, eligibility.is_subscribed(state, subscription_type), reasons)


def _tags(session: Session, ids: Sequence[int]) -> Mapping[int, list[str]]:
    found: defaultdict[int, list[str]] = defaultdict(list)
    query = select(ContactTag.contact_id, Tag.name).join(Tag, Tag.id == ContactTag.tag_id)
    for contact_id, name in session.execute(query.where(ContactTag.contact_id.in_(ids)).order_by(Tag.name_key)):
        found[contact_id].append(name)
    return found


def _consents(
    session: Session, ids: Sequence[int], types: Sequence[SubscriptionType]
) -> dict[tuple[int, int], Consent]:
    query = select(Consent).where(
        Consent.contact_id.in_(ids), Consent.subscription_type_id.in_([each.id for each in types])
    )
    return {(each.contact_id, each.subscription_type_id): each for each in session.scalars(query)}
