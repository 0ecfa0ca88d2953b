"""What a record says about messages. It is reported: no opt-out, suppression or ``gdpr_optin`` false is lifted by it.

What does not count is one event ``claim`` of the ledger, and is named in the answer.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.connectors.insider.record import Record, Refusal
from app.core.consent import all_texts, locking
from app.core.consent import changes as consent
from app.core.contacts import leads
from app.core.contacts import records as contacts
from app.core.destinations import Destination
from app.core.errors import InvalidState
from app.core.ledger import events as ledger
from app.core.ledger.evidence import Evidence
from app.models import (
    Action,
    Channel,
    ConsentEvent,
    ConsentState,
    ConsentType,
    Contact,
    Source,
    SubscriptionType,
    TypeState,
    Workspace,
)

# The reason of an opt-in that does not count, by the code of its error.
_OPTED_OUT = "opted_out"
_REASONS = {"invalid_state": _OPTED_OUT}
_NO_TYPE = "attributes.sms_optin.no_subscription_type"


class _Offered(NamedTuple):
    id: int
    name: str
    consent_type: str


_OFFERED = select(*(getattr(SubscriptionType, name) for name in _Offered._fields)).where(
    SubscriptionType.id == select(Workspace.site_subscription_type_id).scalar_subquery(),
    SubscriptionType.state == TypeState.LIVE.value,
)


def record(session: Session, contact: Contact, said: Record, evidence: Evidence, *, at: datetime) -> dict[str, str]:
    """Record ``gdpr_optin`` and ``sms_optin`` of a locked contact. Returns why something does not count, by attribute.

    :raises Refusal: an opt-in that can be for nothing: no type, no number
    """
    doubts = {}
    if said.gdpr_optin is not None and (reason := _gdpr(session, contact, said.gdpr_optin, evidence, at)):
        doubts["gdpr_optin"] = reason
    if said.sms_optin is False:
        all_texts.opt_out(session, locking.lock(session, contact.id), evidence, at=at)
    elif said.sms_optin and (reason := opt_in(session, contact, evidence, at=at)):
        doubts["sms_optin"] = reason
    return doubts


def opt_in(session: Session, contact: Contact, evidence: Evidence, *, at: datetime) -> str | None:
    """Opt a locked contact in to the type of websites. Returns why it does not count, null when it does.

    :raises Refusal: there is no such type, or the contact has no number
    """
    subscription_type = _offered(session)
    if not contact.phone:
        raise Refusal("attributes.sms_optin.no_phone_number", "there is no phone_number to send messages to")
    evidence = evidence.with_details(subscription_type=subscription_type.name)
    locked = locking.lock(session, contact.id)
    before = consent.current(session, locked, subscription_type.id)
    if subscription_type.consent_type == ConsentType.OPT_OUT and (
        before is None or before.state != ConsentState.OPTED_OUT
    ):
        return None  # who never left is subscribed already
    reason = _gdpr_refusal(session, contact)
    if reason is None:
        try:
            consent.opt_in(session, locked, subscription_type.id, contact.phone, evidence, at=at)
        except InvalidState as problem:
            reason = _REASONS.get(problem.code, problem.code)
    if reason is not None:
        _claim(session, contact, subscription_type.id, evidence.with_details(reason=reason), at=at)
    return reason


def _offered(session: Session) -> _Offered:
    """The live type that an opt-in is for.

    :raises Refusal: none is chosen, or it is not live any more
    """
    found = session.execute(_OFFERED).one_or_none()
    if found is None:
        raise Refusal(_NO_TYPE, "no live subscription type is chosen for websites in the settings of Assent")
    return _Offered(*found)


def _gdpr(
    session: Session,
    contact: Contact,
    gdpr_optin: bool,  # noqa: FBT001 - a value of the contract
    evidence: Evidence,
    at: datetime,
) -> str | None:
    if gdpr_optin and contact.gdpr_optin is False:
        _claim(session, contact, None, evidence.with_details(gdpr_optin=True), at=at)
        return "gdpr_optout"
    contacts.change_gdpr_optin(session, contact, gdpr_optin=gdpr_optin, evidence=evidence, at=at)
    return None


def _gdpr_refusal(session: Session, contact: Contact) -> str | None:
    """A lead's number may be that of a person who refused all messages as another contact."""
    destination = Destination(contact.phone or "", contact.phone_hash or "", contact.phone_country)
    return "gdpr_optout" if leads.is_gdpr_refused(session, Channel.SMS, destination) else None


def _claim(
    session: Session, contact: Contact, subscription_type_id: int | None, evidence: Evidence, *, at: datetime
) -> None:
    """Record what does not count, once: the same again, with nothing else in between, writes nothing."""
    last = (
        select(ConsentEvent.action, ConsentEvent.source, ConsentEvent.destination_hash)
        .where(
            ConsentEvent.contact_id == contact.id,
            ConsentEvent.subscription_type_id.is_not_distinct_from(subscription_type_id),
        )
        .order_by(ConsentEvent.id.desc())
        .limit(1)
    )
    phone_hash = contact.phone_hash if subscription_type_id is not None else None
    if session.execute(last).one_or_none() == (Action.CLAIM.value, Source.CONNECTOR.value, phone_hash):
        return
    destination = contact.phone if subscription_type_id is not None else None
    subject = ledger.Subject(contact.id, subscription_type_id, destination, phone_hash)
    ledger.record(session, Action.CLAIM, subject, evidence, at=at)
