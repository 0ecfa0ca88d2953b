"""Schemas of the bodies of webhooks: Intercom's notification around one item for each topic."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import fields

from app.schemas.campaign import CampaignCountsSchema
from app.schemas.contact import ContactValue, WebhookContactSchema
from app.schemas.fields import Constant, Output, UnixTime
from app.schemas.sms_message import SmsMessageSchema
from app.schemas.subscription_type import SubscriptionSchema


@dataclass(frozen=True)
class EventConsent:
    """The consent that an event recorded: ``event`` is a ``models.ConsentEvent``."""

    status: str
    destination: str | None
    event: Any


@dataclass(frozen=True)
class ConsentItem:
    """An opt-in or opt-out."""

    type: str
    contact: ContactValue | None
    subscription_types: list[Any]
    consent: EventConsent | None
    created_at: datetime


@dataclass(frozen=True)
class FormItem:
    """An inserted form; ``form`` and ``version`` are null once it is gone."""

    state: str
    contact: ContactValue | None
    subscription_types: list[Any] | None
    consent: EventConsent | None
    created_at: datetime
    form: Any
    version: Any

    @property
    def answered_at(self) -> datetime | None:
        """Null while it waits, also where the form was answered before the message was built."""
        return None if self.state == "waiting" else self.form.answered_at


class EventConsentSchema(Output):
    """Dumps an ``EventConsent``."""

    status = fields.String(required=True)
    destination = fields.String(required=True, allow_none=True)
    source = fields.String(required=True, attribute="event.source")
    evidence_level = fields.String(required=True, attribute="event.evidence_level")
    changed_at = UnixTime(required=True, attribute="event.occurred_at")
    event_id = fields.String(required=True, attribute="event.id")


class TypesField(fields.Field[Any]):
    """Subscription types as a list; left out where there is none."""

    _SCHEMA = SubscriptionSchema(many=True)

    def _serialize(self, value: Any, *_arguments: Any, **_more: Any) -> Any:
        return {"type": "list", "data": self._SCHEMA.dump(value)}


class ConsentItemSchema(Output):
    """Dumps a ``ConsentItem``."""

    type = fields.String(required=True)
    contact = fields.Nested(WebhookContactSchema, required=True, allow_none=True)
    subscription_types = TypesField(required=True)
    consent = fields.Nested(EventConsentSchema, required=True, allow_none=True)
    created_at = UnixTime(required=True)


class FormItemSchema(Output):
    """Dumps a ``FormItem``. It has no address: a person who knows it can answer in the person's place."""

    type = Constant("inserted_form")
    state = fields.String(required=True)
    id = fields.String(attribute="form.id")
    form_id = fields.String(attribute="form.form_id")
    form_version = fields.Integer(attribute="version.number")
    conversation_id = fields.String(attribute="form.conversation_id", allow_none=True)
    answered_at = UnixTime(allow_none=True)
    expires_at = UnixTime(attribute="form.expires_at")
    subscription_types = TypesField()
    contact = fields.Nested(WebhookContactSchema, required=True, allow_none=True)
    consent = fields.Nested(EventConsentSchema, required=True, allow_none=True)
    created_at = UnixTime(required=True)


class MissingFormItemSchema(FormItemSchema):
    """Dumps a ``FormItem`` whose form is gone."""

    class Meta:
        exclude = ("conversation_id", "answered_at")


class GoneItemSchema(Output):
    """A contact that was deleted, erased or merged into another."""

    type = Constant("contact")
    id = fields.String(required=True, allow_none=True)
    external_id = fields.String(required=True, allow_none=True)
    deleted = fields.Boolean()
    erased = fields.Boolean()
    merged_into = fields.String()


class SuppressionItemSchema(Output):
    """A suppression that was added or lifted. It has no id: that is a hash of the number."""

    type = Constant("suppression")
    phone = fields.String(required=True, allow_none=True)
    cause = fields.String(required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)
    since = fields.Integer(required=True, allow_none=True)


class TextItemSchema(SmsMessageSchema):
    """Dumps a ``ShownText``, without the words: they stay with the text itself, where an erasure finds them."""

    class Meta:
        exclude = ("body",)


class CampaignItemSchema(Output):
    """A campaign that has ended. ``counts`` as in the API."""

    type = Constant("campaign")
    id = fields.String(required=True, allow_none=True, attribute="campaign_id")
    name = fields.String(required=True, allow_none=True)
    state = Constant("sent")
    subscription_type_id = fields.String(required=True, allow_none=True)
    counts = fields.Nested(CampaignCountsSchema, required=True, allow_none=True)


class TestItemSchema(Output):
    type = Constant("test")
    message = Constant("This is a test. Nothing happened.")
    created_at = UnixTime(required=True)


class NotificationDataSchema(Output):
    type = Constant("notification_event_data")
    item = fields.Dict(required=True)


class NotificationSchema(Output):
    """Around an item. The fields about attempts change with each one."""

    type = Constant("notification_event")
    app_id = fields.String(required=True)
    id = fields.String(required=True)
    topic = fields.String(required=True)
    created_at = UnixTime(required=True)
    first_sent_at = Constant(None)
    delivery_attempts = Constant(0)
    delivery_status = Constant("pending")
    delivered_at = Constant(0)
    self = Constant(None)
    links = Constant({})
    data = fields.Nested(NotificationDataSchema, required=True)
