"""What a message says: Intercom's notification where it has the topic, and all that a receiver needs to act on it."""

import hmac
import json
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.outbox import OF_NUMBERS
from app.core.signing import Keys
from app.models import (
    Channel,
    Consent,
    ConsentEvent,
    ConsentEvidence,
    ConsentState,
    ConsentType,
    Contact,
    InsertedForm,
    OptInFormVersion,
    OutboxEvent,
    SubscriptionType,
)

_CONSENT_TOPICS = {
    "granular.subscribe": ("granular_subscribe", "opted_in"),
    "granular.unsubscribe": ("granular_unsubscribe", "opted_out"),
}
_FORM_STATES = {"form.inserted": "waiting", "form.submitted": "signed_up"}
_GONE_TOPICS = {"contact.deleted": "deleted", "contact.erased": "erased"}
_OF_A_SUPPRESSION = ("phone", "cause", "note", "since")
_CONTENT_TYPES = {Channel.SMS.value: "sms_message", Channel.EMAIL.value: "email"}


@dataclass
class _Known:
    """Everything that the items of one batch speak of, by id."""

    contacts: dict[int, Contact] = field(default_factory=dict)
    types: dict[int, SubscriptionType] = field(default_factory=dict)
    consents: dict[int, list[Consent]] = field(default_factory=dict)
    events: dict[int, tuple[ConsentEvent, str | None]] = field(default_factory=dict)
    forms: dict[int, tuple[InsertedForm, OptInFormVersion]] = field(default_factory=dict)


def new_id() -> str:
    """The id of a message without an event, in the envelope and in the ``webhook-id`` header."""
    return f"notif_{secrets.token_hex(16)}"


def id_of(keys: Keys, event: OutboxEvent) -> str:
    """The id of an event's message: the same when the event is told anew after a restore.

    Another event that gets the same number then has another id, for all that is in it counts.
    """
    told = [event.id, event.topic, event.contact_id, event.payload, event.created_at.astimezone(UTC).isoformat()]
    written = json.dumps(told, sort_keys=True).encode()
    return "notif_" + hmac.digest(keys.derive("webhook ids"), written, "sha256").hex()[:32]


def envelope(message_id: str, topic: str, item: dict[str, Any], *, at: datetime) -> dict[str, Any]:
    """Around an item; what depends on the attempt is filled in when it is sent (``of_attempt``)."""
    return {
        "type": "notification_event",
        "app_id": "assent",
        "id": message_id,
        "topic": topic,
        "created_at": int(at.timestamp()),
        "first_sent_at": None,
        "delivery_attempts": 0,
        "delivery_status": "pending",
        "delivered_at": 0,
        "self": None,
        "links": {},
        "data": {"type": "notification_event_data", "item": item},
    }


def of_attempt(body: dict[str, Any], attempt: int, *, first_at: datetime) -> dict[str, Any]:
    """The body of one attempt, counted from 1."""
    status = "pending" if attempt == 1 else "retry"
    sent = {"first_sent_at": int(first_at.timestamp()), "delivery_attempts": attempt, "delivery_status": status}
    return body | sent


def items(session: Session, events: Sequence[OutboxEvent]) -> dict[int, dict[str, Any]]:
    """What each event says, by its id. People and forms are told as they are now; a consent as the event made it."""
    known = _look_up(session, events)
    return {event.id: _item(event, known) for event in events}


def test_item(*, at: datetime) -> dict[str, Any]:
    """What a test says."""
    return {"type": "test", "message": "This is a test. Nothing happened.", "created_at": int(at.timestamp())}


def _item(event: OutboxEvent, known: _Known) -> dict[str, Any]:
    payload, created_at = event.payload, int(event.created_at.timestamp())
    contact = _contact(event.contact_id, known)
    if event.topic in _CONSENT_TOPICS:
        kind, status = _CONSENT_TOPICS[event.topic]
        return {
            "type": kind,
            "contact": contact,
            "subscription_types": _list(_types([payload.get("subscription_type_id")], known)),
            "consent": _consent(payload.get("event_id"), status, known),
            "created_at": created_at,
        }
    if event.topic in _FORM_STATES:
        return _form(event, contact, known) | {"created_at": created_at}
    if event.topic in _GONE_TOPICS:
        gone = {"id": payload.get("public_id"), "external_id": payload.get("external_id")}
        merged = {name: payload[name] for name in ("merged_into",) if name in payload}
        return {"type": "contact"} | gone | {_GONE_TOPICS[event.topic]: True} | merged
    if event.topic.startswith("contact."):
        return contact or {"type": "contact", "id": None}
    if event.topic in OF_NUMBERS:
        return {"type": "suppression"} | {name: payload.get(name) for name in _OF_A_SUPPRESSION}
    told = {name: value for name, value in payload.items() if name != "contact_id"}
    return {"type": event.topic.replace(".", "_"), **told, "contact": contact, "created_at": created_at}


def _contact(contact_id: int | None, known: _Known) -> dict[str, Any] | None:
    contact = known.contacts.get(contact_id or 0)
    if contact is None:
        return None
    consents = known.consents.get(contact.id, [])
    opted_in = [each for each in consents if _holds(each, contact, known)]
    opted_out = [
        each
        for each in consents
        if each.state == ConsentState.OPTED_OUT
        and known.types[each.subscription_type_id].consent_type == ConsentType.OPT_OUT
    ]
    by_sms = [each for each in opted_in if known.types[each.subscription_type_id].channel == Channel.SMS]
    return {
        "type": "contact",
        "id": contact.public_id,
        "external_id": contact.external_id,
        "role": contact.role,
        "name": contact.name,
        "email": contact.email,
        "phone": contact.phone,
        "language_override": contact.locale,
        "location": {"type": "location", "country_code": contact.phone_country},
        "custom_attributes": contact.custom_attributes,
        "created_at": _written(contact.created_at),
        "updated_at": _written(contact.updated_at),
        "opted_in_subscription_types": _addressable(opted_in),
        "opted_out_subscription_types": _addressable(opted_out),
        "sms_consent": bool(by_sms),
        "unsubscribed_from_sms": contact.sms_block == "suppressed",
        "archived": contact.archived_at is not None,
        "blocked": contact.blocked_at is not None,
    }


def _holds(consent: Consent, contact: Contact, known: _Known) -> bool:
    """A yes holds for the number or address that it was given for."""
    is_sms = known.types[consent.subscription_type_id].channel == Channel.SMS
    now = contact.phone if is_sms else contact.email
    return consent.state == ConsentState.OPTED_IN and now is not None and consent.destination == now


def _consent(event_id: int | None, status: str, known: _Known) -> dict[str, Any] | None:
    if event_id not in known.events:
        return None
    event, destination = known.events[event_id]
    return {
        "status": status,
        "destination": destination,
        "source": event.source,
        "evidence_level": event.evidence_level,
        "changed_at": int(event.occurred_at.timestamp()),
        "event_id": str(event.id),
    }


def _form(event: OutboxEvent, contact: dict[str, Any] | None, known: _Known) -> dict[str, Any]:
    """The address of the form is left out: whoever has it can answer in the person's place."""
    found = known.forms.get(event.payload.get("inserted_form_id") or 0)
    item: dict[str, Any] = {"type": "inserted_form", "state": _FORM_STATES[event.topic]}
    if found is not None:
        inserted, version = found
        item |= {
            "id": str(inserted.id),
            "form_id": str(inserted.form_id),
            "form_version": version.number,
            "conversation_id": str(inserted.conversation_id) if inserted.conversation_id else None,
            "answered_at": int(inserted.answered_at.timestamp()) if inserted.answered_at else None,
            "expires_at": int(inserted.expires_at.timestamp()),
            "subscription_types": _list(_types([version.subscription_type_id], known)),
        }
    return item | {"contact": contact, "consent": _consent(event.payload.get("event_id"), "opted_in", known)}


def _types(ids: Iterable[int | None], known: _Known) -> list[dict[str, Any]]:
    return [_type(known.types[each]) for each in ids if each in known.types]


def _type(found: SubscriptionType) -> dict[str, Any]:
    own = {"name": found.name, "description": found.description, "locale": found.locale}
    further = [
        {"name": each.name, "description": each.description, "locale": each.locale} for each in found.translations
    ]
    return {
        "type": "subscription",
        "id": str(found.id),
        "state": found.state,
        "consent_type": found.consent_type,
        "content_types": [_CONTENT_TYPES[found.channel]],
        "default_translation": own,
        "translations": [own, *further],
    }


def _addressable(consents: Iterable[Consent]) -> dict[str, Any]:
    data = [
        {
            "type": "subscription",
            "id": str(each.subscription_type_id),
            "url": f"/subscriptions/{each.subscription_type_id}",
        }
        for each in consents
    ]
    return _list(data) | {"total_count": len(data), "has_more": False}


def _list(data: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "list", "data": data}


def _written(at: datetime) -> str:
    """As Intercom writes times inside the contacts of its notifications: ``2026-11-02T12:00:00.000+00:00``."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _look_up(session: Session, events: Sequence[OutboxEvent]) -> _Known:
    known = _Known()
    contact_ids = {event.contact_id for event in events} - {None}
    known.contacts = {each.id: each for each in session.scalars(_among(Contact, Contact.id, contact_ids))}
    by_contact: dict[int, list[Consent]] = defaultdict(list)
    query = _among(Consent, Consent.contact_id, contact_ids).order_by(Consent.subscription_type_id)
    for consent in session.scalars(query):
        by_contact[consent.contact_id].append(consent)
    known.consents = dict(by_contact)
    inserted = (
        select(InsertedForm, OptInFormVersion)
        .join(OptInFormVersion, OptInFormVersion.id == InsertedForm.version_id)
        .where(InsertedForm.id.in_(_named(events, "inserted_form_id")))
    )
    known.forms = {row[0].id: (row[0], row[1]) for row in session.execute(inserted)}
    recorded = (
        select(ConsentEvent, ConsentEvidence.destination)
        .outerjoin(ConsentEvidence, ConsentEvidence.event_id == ConsentEvent.id)
        .where(ConsentEvent.id.in_(_named(events, "event_id")))
    )
    known.events = {row[0].id: (row[0], row[1]) for row in session.execute(recorded)}
    # There are few of them, so all are known: consents name any.
    known.types = {each.id: each for each in session.scalars(select(SubscriptionType))}
    return known


def _named(events: Iterable[OutboxEvent], name: str) -> set[int]:
    return {event.payload[name] for event in events if isinstance(event.payload.get(name), int)}


def _among(model: Any, column: Any, ids: Collection[Any]) -> Any:
    return select(model).where(column.in_(ids))
