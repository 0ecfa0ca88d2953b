"""What another number would do to a contact, shown before it is saved. Nothing is written."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.consent import eligibility
from app.core.consent.eligibility import Reason, SubscriptionStatus
from app.core.contacts import records as contacts
from app.models import ConsentState, Contact, SubscriptionType, Suppression

HOLDERS_MAX = 5


class Effect(StrEnum):
    """What a new number does to the status of one subscription type.

    ``lost``: the opt-in was given for the old number, and this one has to be asked. ``revived``: they opted in with
    this number before. ``opt_out_stays``: their own opt-out follows them. ``opted_out_by_another``: another contact
    opted out with this number. ``opt_out_left``: only the old number was opted out, by another contact. ``same``:
    nothing changes.
    """

    LOST = "lost"
    REVIVED = "revived"
    OPT_OUT_STAYS = "opt_out_stays"
    OPTED_OUT_BY_ANOTHER = "opted_out_by_another"
    OPT_OUT_LEFT = "opt_out_left"
    SAME = "same"


@dataclass(frozen=True)
class TypeEffect:
    subscription_type: SubscriptionType
    before: SubscriptionStatus
    after: SubscriptionStatus
    effect: Effect


@dataclass(frozen=True)
class NumberChange:
    """What a change of number does.

    :param number: as it would be stored; null: the number is removed
    :param types: every live type
    :param suppression: of the new number
    :param holders: other contacts that have it, at most ``HOLDERS_MAX``: likely the same person
    """

    number: str | None
    types: tuple[TypeEffect, ...]
    suppression: Suppression | None
    holders: tuple[Contact, ...]


def preview(session: Session, contact: Contact, number: str | None) -> NumberChange:
    """What it does to give a contact this number, or none.

    The statuses are those of the gate, for a copy of the contact that has the number already.
    """
    changed = contacts.copy_of(contact)
    contacts.set_phone(session, changed, number)
    before = eligibility.live_statuses(session, contact)
    after = eligibility.live_statuses(session, changed)
    types = tuple(
        TypeEffect(old.subscription_type, old, new, _effect(old, new)) for old, new in zip(before, after, strict=True)
    )
    suppression = session.get(Suppression, changed.phone_hash) if changed.phone_hash else None
    return NumberChange(changed.phone, types, suppression, _holders(session, contact, changed.phone_hash))


def _effect(before: SubscriptionStatus, after: SubscriptionStatus) -> Effect:
    was_out, is_out = (Reason.OPTED_OUT in each.reasons for each in (before, after))
    if is_out:
        return Effect.OPT_OUT_STAYS if after.state == ConsentState.OPTED_OUT else Effect.OPTED_OUT_BY_ANOTHER
    if before.state == after.state:
        return Effect.OPT_OUT_LEFT if was_out else Effect.SAME
    return Effect.LOST if before.state == ConsentState.OPTED_IN else Effect.REVIVED


def _holders(session: Session, contact: Contact, phone_hash: str | None) -> tuple[Contact, ...]:
    if phone_hash is None:
        return ()
    others = select(Contact).where(
        Contact.phone_hash == phone_hash, Contact.id != contact.id, Contact.archived_at.is_(None)
    )
    return tuple(session.scalars(others.order_by(Contact.id).limit(HOLDERS_MAX)))
