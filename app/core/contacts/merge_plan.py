"""Decide what a merge of two contacts does: the stricter consent wins, and no opt-in moves to another number.

``merge.py`` applies it, and pages show it before. Nothing is written here.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.consent import changes as consent
from app.core.consent import current_destination, eligibility, reach
from app.core.consent.destination_opt_outs import DestinationKey
from app.core.consent.eligibility import SubscriptionStatus
from app.core.contacts import profile
from app.core.contacts import records as contacts
from app.core.errors import InvalidInput
from app.core.signing import keys_of
from app.models import Consent, ConsentState, Contact, ContactRole, SubscriptionType

CLAIMED = "claimed"  # the custom attribute of a lead with what an unproven page said about its visitor
# Values that the target takes over where it has none.
MOVED_FIELDS = ("external_id", "name", "avatar", "owner_id", "locale", "time_zone", "signed_up_at")


@dataclass(frozen=True)
class Step:
    """One consent to be recorded for the target, with the evidence of an event of the source."""

    subscription_type: SubscriptionType
    state: ConsentState
    destination: str | None
    event_id: int


@dataclass(frozen=True)
class MergePlan:
    """What a merge does.

    :param merged: a copy of the target with the values that it will have
    :param after: the status of the target for each live type and each type with a consent, once it is merged
    """

    source: Contact
    target: Contact
    merged: Contact
    steps: tuple[Step, ...]
    after: tuple[SubscriptionStatus, ...]


def decide(session: Session, source: Contact, target: Contact, *, skip_duplicate_validation: bool = False) -> MergePlan:
    """What it does to merge ``source`` into ``target``.

    :raises InvalidInput, Conflict: as ``merge.merge``
    """
    _check_pair(source, target, skip_duplicate_validation=skip_duplicate_validation)
    merged = _merged(session, source, target)
    if merged.email != target.email:
        profile.refuse_duplicate(session, [source.id, target.id], ContactRole(target.role), None, merged.email)
    deciding = _Deciding(session, merged, _consents_of(session, target.id))
    for source_consent in _consents_of(session, source.id).values():
        deciding.take_over(source_consent)
    for key, event_id in consent.destination_opt_outs_of(session, source.id):
        deciding.take_over_opt_out(key, event_id)
    return MergePlan(source, target, merged, tuple(deciding.steps), deciding.statuses())


def ends_and_stays(one: Contact, other: Contact) -> tuple[Contact, Contact]:
    """The order in which two contacts are merged where no one chose it: first the one that ends.

    Archived contacts end, then leads, then the younger one.
    """
    ends, stays = sorted(
        (one, other), key=lambda each: (each.archived_at is None, each.role == ContactRole.USER, -each.id)
    )
    return ends, stays


def _check_pair(source: Contact, target: Contact, *, skip_duplicate_validation: bool) -> None:
    if source.id == target.id:
        raise InvalidInput("A contact cannot be merged into itself.", field="into", code="invalid_merge")
    if source.role == ContactRole.USER and target.role == ContactRole.LEAD:
        raise InvalidInput(
            "A user cannot become part of a lead; merge the lead into the user.", field="into", code="invalid_merge"
        )
    if target.archived_at is not None:
        raise InvalidInput(
            "The contact that would stay is archived. Restore it first.", field="into", code="invalid_merge"
        )
    if source.role == ContactRole.LEAD or skip_duplicate_validation:
        return
    is_same = (source.email and source.email == target.email) or (
        source.phone_hash and source.phone_hash == target.phone_hash
    )
    if not is_same:
        raise InvalidInput(
            "These users share neither address nor number, so they may be two people.",
            field="from",
            code="invalid_merge",
        )


def _merged(session: Session, source: Contact, target: Contact) -> Contact:
    """The target with the values that it lacks, and with what is stricter."""
    merged = contacts.copy_of(target)
    for name in MOVED_FIELDS:
        if getattr(merged, name) is None:
            setattr(merged, name, getattr(source, name))
    merged.custom_attributes = {**_attributes_for(target, source), **target.custom_attributes}
    merged.last_seen_at = max(filter(None, (source.last_seen_at, target.last_seen_at)), default=None)
    merged.unsubscribed_from_emails = target.unsubscribed_from_emails or source.unsubscribed_from_emails
    merged.blocked_at = target.blocked_at or source.blocked_at
    if source.gdpr_optin is False:
        merged.gdpr_optin = False
    if not merged.email:
        contacts.set_email(session, merged, source.email)
    if not merged.phone:
        contacts.set_phone(session, merged, source.phone)
    merged.sms_block = eligibility.sms_block_of(merged)
    return merged


def _attributes_for(target: Contact, source: Contact) -> dict[str, Any]:
    """The source's custom attributes. What an unproven page said about a lead is not said about a user."""
    attributes = dict(source.custom_attributes)
    if target.role == ContactRole.USER:
        attributes.pop(CLAIMED, None)
    return attributes


def _consents_of(session: Session, contact_id: int) -> dict[int, Consent]:
    query = select(Consent).where(Consent.contact_id == contact_id).order_by(Consent.subscription_type_id)
    return {each.subscription_type_id: each for each in session.scalars(query)}


class _Deciding:
    """The steps so far, and the consents that the target has after them."""

    def __init__(self, session: Session, merged: Contact, consents: dict[int, Consent]) -> None:
        self.steps: list[Step] = []
        self._session, self._merged, self._consents = session, merged, consents

    def take_over(self, source: Consent) -> None:
        """An opt-out of the source applies. An opt-in does where the target was never asked, for the same destination.

        Not if the target is closed, or any contact with this number or address opted out.
        """
        subscription_type = self._session.get_one(SubscriptionType, source.subscription_type_id)
        destination = eligibility.destination_of(self._merged, subscription_type)
        if source.state == ConsentState.OPTED_OUT:
            self._add(subscription_type, ConsentState.OPTED_OUT, destination, source.event_id)
        elif subscription_type.id not in self._consents and destination and destination == source.destination:
            destination_hash = keys_of(self._session).destination_hash(destination)
            obstacles = eligibility.opt_in_obstacles(self._session, subscription_type.id, destination_hash)
            if not reach.is_closed(self._merged) and not any(obstacles):
                self._add(subscription_type, ConsentState.OPTED_IN, destination, source.event_id)

    def take_over_opt_out(self, key: DestinationKey, event_id: int) -> None:
        """An opt-out recorded for the target's current number or address overrides its opt-in.

        For any other it applies only if the target has no consent yet. The target's state then agrees with
        eligibility, and a later opt-in revokes the opt-out.
        """
        subscription_type = self._session.get_one(SubscriptionType, key.subscription_type_id)
        destination = eligibility.destination_of(self._merged, subscription_type)
        is_current = destination is not None and keys_of(self._session).destination_hash(destination) == (
            key.destination_hash
        )
        if is_current or subscription_type.id not in self._consents:
            self._add(subscription_type, ConsentState.OPTED_OUT, destination, event_id)

    def statuses(self) -> tuple[SubscriptionStatus, ...]:
        """The status of the target for each live type and each type with a consent, by name."""
        types = {each.subscription_type.id: each.subscription_type for each in self.steps}
        types |= {
            each.subscription_type.id: each.subscription_type
            for each in eligibility.statuses(self._session, self._merged)
        }
        return tuple(
            eligibility.status_with(self._session, self._merged, each, self._consents.get(each.id))
            for each in sorted(types.values(), key=lambda each: (each.name, each.id))
        )

    def _add(
        self, subscription_type: SubscriptionType, state: ConsentState, destination: str | None, event_id: int
    ) -> None:
        self.steps.append(Step(subscription_type, state, destination, event_id))
        given_for = current_destination.hash_of(self._merged, subscription_type.channel) if destination else None
        # never added to the session
        self._consents[subscription_type.id] = Consent(
            contact_id=self._merged.id,
            subscription_type_id=subscription_type.id,
            state=state.value,
            destination=destination,
            destination_hash=given_for,
        )
