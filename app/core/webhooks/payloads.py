"""The bodies of webhooks: Intercom's notification, with items in the shapes of the API."""

import hmac
import json
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import contact_lists
from app.core.consent import attached, current_destination
from app.core.outbox import OF_NUMBERS
from app.core.signing import Keys
from app.models import (
    Consent,
    ConsentEvent,
    ConsentEvidence,
    Contact,
    InsertedForm,
    OptInFormVersion,
    OutboxEvent,
    SmsMessage,
    SubscriptionType,
    Suppression,
)
from app.schemas.contact import ContactValue, WebhookContactSchema
from app.schemas.sms_message import ShownText
from app.schemas.webhook_body import (
    CampaignItemSchema,
    ConsentItem,
    ConsentItemSchema,
    EventConsent,
    FormItem,
    FormItemSchema,
    GoneItemSchema,
    MissingFormItemSchema,
    NotificationSchema,
    SuppressionItemSchema,
    TestItemSchema,
    TextItemSchema,
)

_CONSENT_TOPICS = {
    "granular.subscribe": ("granular_subscribe", "opted_in"),
    "granular.unsubscribe": ("granular_unsubscribe", "opted_out"),
}
_FORM_STATES = {"form.inserted": "waiting", "form.submitted": "signed_up"}
_REMOVED_TOPICS = {"contact.deleted": "deleted", "contact.erased": "erased"}
_TEXT_TOPICS = {"sms.delivered", "sms.failed", "sms.received"}
_CAMPAIGN_FIELDS = ("campaign_id", "name", "subscription_type_id", "counts")
_SUPPRESSION_FIELDS = ("phone", "cause", "note", "since")
_CONSENT_ITEM, _FORM_ITEM, _MISSING_FORM_ITEM = ConsentItemSchema(), FormItemSchema(), MissingFormItemSchema()
_CONTACT, _REMOVED, _SUPPRESSION = WebhookContactSchema(), GoneItemSchema(), SuppressionItemSchema()
_CAMPAIGN, _TEXT = CampaignItemSchema(), TextItemSchema()
_TEST_ITEM, _NOTIFICATION = TestItemSchema(), NotificationSchema()


@dataclass
class _Records:
    """All rows that the items of one batch need, by id."""

    workspace_id: str
    contacts: dict[int, ContactValue] = field(default_factory=dict)
    types: dict[int, SubscriptionType] = field(default_factory=dict)
    events: dict[int, tuple[ConsentEvent, str | None]] = field(default_factory=dict)
    forms: dict[int, tuple[InsertedForm, OptInFormVersion]] = field(default_factory=dict)
    texts: dict[int, SmsMessage] = field(default_factory=dict)


def new_id() -> str:
    """The id of a message without an event, in the envelope and in the ``webhook-id`` header."""
    return f"notif_{secrets.token_hex(16)}"


def id_of(keys: Keys, event: OutboxEvent) -> str:
    """The id of an event's message, computed from the event's whole content.

    It is the same when the event is published again after a restore. Another event that then gets the same row id has
    another message id.
    """
    content = [event.id, event.topic, event.contact_id, event.payload, event.created_at.astimezone(UTC).isoformat()]
    packed = json.dumps(content, sort_keys=True).encode()
    return "notif_" + hmac.digest(keys.derive("webhook ids"), packed, "sha256").hex()[:32]


def envelope(message_id: str, topic: str, item: dict[str, Any], *, app_id: str, at: datetime) -> dict[str, Any]:
    """The body around an item. ``of_attempt`` adds the fields that depend on the attempt.

    :param app_id: the public key of the workspace
    """
    values = {"app_id": app_id, "id": message_id, "topic": topic, "created_at": at, "data": {"item": item}}
    return cast(dict[str, Any], _NOTIFICATION.dump(values))


def of_attempt(body: dict[str, Any], attempt: int, *, first_at: datetime) -> dict[str, Any]:
    """The body of one attempt, counted from 1."""
    status = "pending" if attempt == 1 else "retry"
    sent = {
        "first_sent_at": int(first_at.timestamp()),
        "delivery_attempts": attempt,
        "delivery_status": status,
    }
    return body | sent


def items(session: Session, events: Sequence[OutboxEvent], *, workspace_id: str) -> dict[int, dict[str, Any]]:
    """The item of each event, by the event's id.

    Contacts and forms are dumped in their current state; a consent as the event recorded it.
    """
    records = _read(session, events, workspace_id)
    return {event.id: _item(event, records) for event in events}


def test_item(*, at: datetime) -> dict[str, Any]:
    """The item of a test message."""
    return cast(dict[str, Any], _TEST_ITEM.dump({"created_at": at}))


def _item(event: OutboxEvent, records: _Records) -> dict[str, Any]:
    item: dict[str, Any]
    if event.topic in _CONSENT_TOPICS:
        item = _CONSENT_ITEM.dump(_consent_item(event, records))
    elif event.topic in _FORM_STATES:
        form = _form_item(event, records)
        item = (_FORM_ITEM if form.form is not None else _MISSING_FORM_ITEM).dump(form)
    elif event.topic in _REMOVED_TOPICS:
        ids = {"id": event.payload.get("public_id"), "external_id": event.payload.get("external_id")}
        merged_into = event.payload.get("merged_into")
        item = _REMOVED.dump(ids | {_REMOVED_TOPICS[event.topic]: True, "merged_into": merged_into})
    elif event.topic in OF_NUMBERS:
        item = _SUPPRESSION.dump({name: event.payload.get(name) for name in _SUPPRESSION_FIELDS})
    elif event.topic in _TEXT_TOPICS and event.payload.get("sms_message_id") in records.texts:
        contact = records.contacts.get(event.contact_id or 0)
        text = ShownText(records.texts[event.payload["sms_message_id"]], contact.row.public_id if contact else None)
        item = _TEXT.dump(text)
    elif event.topic == "campaign.sent":
        item = _CAMPAIGN.dump({name: event.payload.get(name) for name in _CAMPAIGN_FIELDS})
    else:
        item = _other_item(event, records)
    return item


def _other_item(event: OutboxEvent, records: _Records) -> dict[str, Any]:
    contact = records.contacts.get(event.contact_id or 0)
    dumped = _CONTACT.dump(contact) if contact is not None else None
    if event.topic.startswith("contact."):
        return dumped or {"type": "contact", "id": None}
    payload = {name: value for name, value in event.payload.items() if name != "contact_id"}
    created_at = int(event.created_at.timestamp())
    return {"type": event.topic.replace(".", "_"), **payload, "contact": dumped, "created_at": created_at}


def _consent_item(event: OutboxEvent, records: _Records) -> ConsentItem:
    name, status = _CONSENT_TOPICS[event.topic]
    return ConsentItem(
        name,
        records.contacts.get(event.contact_id or 0),
        _types(event.payload.get("subscription_type_id"), records),
        _consent(event.payload.get("event_id"), status, records),
        event.created_at,
    )


def _form_item(event: OutboxEvent, records: _Records) -> FormItem:
    form, version = records.forms.get(event.payload.get("inserted_form_id") or 0, (None, None))
    return FormItem(
        _FORM_STATES[event.topic],
        records.contacts.get(event.contact_id or 0),
        _types(version.subscription_type_id, records) if version is not None else None,
        _consent(event.payload.get("event_id"), "opted_in", records),
        event.created_at,
        form,
        version,
    )


def _consent(event_id: int | None, status: str, records: _Records) -> EventConsent | None:
    if event_id not in records.events:
        return None
    event, destination = records.events[event_id]
    return EventConsent(status, destination, event)


def _types(type_id: int | None, records: _Records) -> list[SubscriptionType]:
    return [records.types[type_id]] if type_id in records.types else []


def _read(session: Session, events: Sequence[OutboxEvent], workspace_id: str) -> _Records:
    contact_ids = {event.contact_id for event in events if event.contact_id is not None}
    inserted = (
        select(InsertedForm, OptInFormVersion)
        .join(OptInFormVersion, OptInFormVersion.id == InsertedForm.version_id)
        .where(InsertedForm.id.in_(_ids_in(events, "inserted_form_id")))
    )
    recorded = (
        select(ConsentEvent, ConsentEvidence.destination)
        .outerjoin(ConsentEvidence, ConsentEvidence.event_id == ConsentEvent.id)
        .where(ConsentEvent.id.in_(_ids_in(events, "event_id")))
    )
    return _Records(
        workspace_id,
        _contacts(session, contact_ids, workspace_id),
        # There are few types, so all are read.
        {each.id: each for each in session.scalars(select(SubscriptionType))},
        {row[0].id: (row[0], row[1]) for row in session.execute(recorded)},
        {row[0].id: (row[0], row[1]) for row in session.execute(inserted)},
        _texts(session, _ids_in(events, "sms_message_id")),
    )


def _texts(session: Session, ids: Collection[int]) -> dict[int, SmsMessage]:
    if not ids:
        return {}
    return {each.id: each for each in session.scalars(select(SmsMessage).where(SmsMessage.id.in_(ids)))}


def _contacts(session: Session, ids: Collection[int], workspace_id: str) -> dict[int, ContactValue]:
    """The contacts with these ids, as REST shows them."""
    rows = session.execute(
        select(Contact, contact_lists.TAG_IDS, contact_lists.NOTE_IDS).where(Contact.id.in_(ids))
    ).all()
    contacts = [row[0] for row in rows]
    consents: dict[int, list[Any]] = defaultdict(list)
    query = select(*attached.COLUMNS).select_from(attached.SOURCE).where(Consent.contact_id.in_(ids))
    for row in session.execute(query.order_by(Consent.subscription_type_id)):
        consents[row[0]].append(row)
    hashes = [contact.phone_hash for contact in contacts if contact.phone_hash]
    suppressed = set(session.scalars(select(Suppression.phone_hash).where(Suppression.phone_hash.in_(hashes))))
    values = {}
    for contact, tags, notes in rows:
        found = attached.attached(consents[contact.id], partial(current_destination.hash_of, contact))
        values[contact.id] = ContactValue(
            contact,
            workspace_id,
            *found,
            is_suppressed=contact.phone_hash in suppressed,
            tags=contact_lists.ids_in(tags),
            notes=contact_lists.ids_in(notes),
        )
    return values


def _ids_in(events: Iterable[OutboxEvent], name: str) -> set[int]:
    return {event.payload[name] for event in events if isinstance(event.payload.get(name), int)}
