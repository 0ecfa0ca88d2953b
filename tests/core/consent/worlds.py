"""A few people with any past, for the property tests of the set form, and everything that a change may write."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.consent import suppressions
from app.core.contacts import records as contacts
from app.core.errors import AssentError
from app.core.ledger import evidence as ledger_evidence
from app.models import (
    Channel,
    Consent,
    ConsentEvent,
    ConsentEvidence,
    ConsentType,
    Contact,
    DestinationOptOut,
    EvidenceLevel,
    OutboxEvent,
    Source,
    SubscriptionType,
    Suppression,
    SuppressionCause,
)
from tests import make

NUMBERS = (make.SAMS_NUMBER, make.EVES_NUMBER)
TYPES = (
    (Channel.SMS, ConsentType.OPT_IN),
    (Channel.SMS, ConsentType.OPT_OUT),
    (Channel.EMAIL, ConsentType.OPT_IN),
)
PEOPLE = 4
HOUR = timedelta(hours=1)
_NOTED = make.evidence(Source.AGENT, actor="agent:1", level=EvidenceLevel.REPORTED, note="asked by phone")
_API = make.evidence(Source.API, actor="api:1", level=EvidenceLevel.REPORTED)
_UNVERIFIED = make.evidence(level=EvidenceLevel.WEB_UNVERIFIED)
_PROVEN = make.evidence(Source.VERIFICATION, level=EvidenceLevel.OTP)
_PAGE = make.evidence(Source.SITE, level=EvidenceLevel.SIGNED_IDENTITY)
# What a person, an agent or a client may do.
ACTS = {
    "opt_in": lambda session, who, of: make.opt_in(session, who, of, at=_now(session)),
    "opt_in_unverified": lambda session, who, of: _said(session, who, of, make.opt_in, _UNVERIFIED),
    "opt_in_noted": lambda session, who, of: _said(session, who, of, make.opt_in, _NOTED),
    "opt_in_proven": lambda session, who, of: _said(session, who, of, make.opt_in, _PROVEN),
    "opt_out": lambda session, who, of: make.opt_out(session, who, of, at=_now(session)),
    "opt_out_unverified": lambda session, who, of: _said(session, who, of, make.opt_out, _UNVERIFIED),
    "opt_out_api": lambda session, who, of: _said(session, who, of, make.opt_out, _API),
    "opt_in_page": lambda session, who, of: _said(session, who, of, make.opt_in, _PAGE),
    "opt_out_page": lambda session, who, of: _said(session, who, of, make.opt_out, _PAGE),
    "stop": lambda session, who, _of: _stop(session, who),
    "other_number": lambda session, who, _of: _change_number(session, who),
    "no_number": lambda session, who, _of: contacts.change_phone(session, who, None, at=_now(session)),
    "block": lambda session, who, _of: contacts.block(session, who, at=_now(session)),
    "gdpr_off": lambda session, who, _of: contacts.change_gdpr_optin(session, who, gdpr_optin=False, at=_now(session)),
}
# An act of one of the people; most are about consents.
act = st.tuples(
    st.integers(0, PEOPLE - 1), st.sampled_from([*ACTS, *(each for each in ACTS if each.startswith("opt_"))])
)
person = st.tuples(
    st.sampled_from((*NUMBERS, *NUMBERS, None)), st.sampled_from(("sam@example.com", "no address", None))
)


@dataclass
class World:
    people: list[Contact]
    subscription_type: SubscriptionType


def build(session: Session, kind: tuple[Channel, ConsentType], people: Sequence[tuple[Any, Any]]) -> World:
    subscription_type = make.live_type(session, channel=kind[0], consent_type=kind[1])
    session.info["clock"] = make.NOON
    made = [make.contact(session, phone_number=number, email_address=email) for number, email in people]
    return World(made, subscription_type)


def live(session: Session, world: World, acts: Sequence[tuple[int, str]]) -> None:
    """Let people act, one hour after the other. What is refused does not happen."""
    for who, name in acts:
        session.info["clock"] += HOUR
        contact = world.people[who]
        try:
            ACTS[name](session, contact, world.subscription_type)
        except (AssentError, AssertionError):  # refused, or without a number
            continue
        session.flush()


def rows(session: Session, after_event: int = 0) -> dict[str, Any]:
    """The tables that a change of consents writes, without salts and times of recording.

    Ids of events after ``after_event`` are replaced by their places.
    """
    session.flush()
    places = {each: place for place, each in enumerate(new_events(session, after_event), -10_000)}

    def placed(event_id: int) -> int:
        return places.get(event_id, event_id)

    events = session.execute(
        select(ConsentEvent, ConsentEvidence)
        .join(ConsentEvidence, ConsentEvidence.event_id == ConsentEvent.id)
        .where(ConsentEvent.id > after_event)
        .order_by(ConsentEvent.id)
        .execution_options(populate_existing=True)
    )
    recorded = []
    for event, evidence in events:
        assert event.evidence_hash == ledger_evidence.hash_of(ledger_evidence.values_of(evidence), evidence.salt)
        columns = ("contact_id", "action", "source", "actor", "evidence_level", "destination_hash", "occurred_at")
        said = {name: getattr(event, name) for name in (*columns, "is_persons_word", "facts", "form_version_id")}
        recorded.append((placed(event.id), said, ledger_evidence.values_of(evidence)))
    consents = session.execute(select(*Consent.__table__.c).order_by(Consent.contact_id, Consent.subscription_type_id))
    opt_outs = session.execute(select(*DestinationOptOut.__table__.c))
    outbox = select(OutboxEvent.topic, OutboxEvent.contact_id, OutboxEvent.payload, OutboxEvent.created_at)
    published = [
        (topic, contact_id, json.dumps({**payload, "event_id": placed(payload.get("event_id"))}, sort_keys=True), at)
        for topic, contact_id, payload, at in session.execute(outbox.order_by(OutboxEvent.id))
    ]
    return {
        "events": recorded,
        "consents": [(*row[:-1], placed(row.event_id)) for row in consents],
        "opt_outs": sorted((*row[:-1], placed(row.event_id)) for row in opt_outs),
        "published": published,
        "suppressions": sorted(session.scalars(select(Suppression.phone_hash))),
    }


def new_events(session: Session, after_event: int) -> list[int]:
    return list(session.scalars(select(ConsentEvent.id).where(ConsentEvent.id > after_event).order_by(ConsentEvent.id)))


def last_event(session: Session) -> int:
    return session.scalar(select(func.max(ConsentEvent.id))) or 0


def now(session: Session) -> datetime:
    session.info["clock"] += HOUR
    return _now(session)


def _now(session: Session) -> datetime:
    at: datetime = session.info["clock"]
    return at


def _said(session: Session, who: Contact, of: SubscriptionType, how: Any, evidence: Any) -> None:
    how(session, who, of, evidence=evidence, at=_now(session))


def _stop(session: Session, who: Contact) -> None:
    assert who.phone
    suppressions.suppress(session, who.phone, SuppressionCause.KEYWORD, "", actor="contact", at=_now(session))


def _change_number(session: Session, who: Contact) -> None:
    number = NUMBERS[who.phone == NUMBERS[0]]
    contacts.change_phone(session, who, number, at=_now(session))
