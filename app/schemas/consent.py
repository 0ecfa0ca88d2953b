"""Schemas of consents and of the ledger's events, and of attaching a contact to a subscription type."""

from typing import Any

from marshmallow import fields, validate

from app.models import Action
from app.schemas.fields import Constant, Id, Input, Itself, ListSchema, Moment, Output, Text, UnixTime
from app.schemas.paging import PagedListSchema

_NOTE = {"description": "how they said so; part of the proof"}


class DetachSchema(Input):
    """What is known about how the contact said so."""

    source_note = Text(most=2000, load_default=None, allow_none=True, metadata=_NOTE)
    occurred_at = Moment(
        load_default=None, allow_none=True, metadata={"type": "integer", "description": "when they said so"}
    )


class AttachSchema(DetachSchema):
    """Intercom's body, with what is known about how the contact said so."""

    id = Id(required=True, metadata={"description": "of the subscription type"})
    consent_type = fields.String(
        required=True,
        validate=validate.OneOf(["opt_in", "opt_out"]),
        metadata={"description": "must be the type's own"},
    )


class ConsentSchema(Output):
    """The current state of one contact for one subscription type, for the number or address that they have now.

    Dumps an ``eligibility.SubscriptionStatus`` with the source of its newest event.
    """

    type = Constant("consent")
    subscription_type_id = fields.String(required=True, attribute="status.subscription_type.id")
    name = fields.String(required=True, attribute="status.subscription_type.name")
    status = fields.String(
        required=True,
        attribute="status.state",
        validate=validate.OneOf(["never_asked", "opted_in", "opted_out"]),
    )
    subscribed = fields.Boolean(
        required=True,
        attribute="status.is_subscribed",
        metadata={"description": "whether they get this type, by what they said"},
    )
    reachable = fields.Boolean(
        required=True,
        attribute="status.is_reachable",
        metadata={"description": "whether it could be sent to them right now"},
    )
    reasons = fields.List(
        fields.String(),
        required=True,
        attribute="status.reasons",
        metadata={"description": "why they are not reached"},
    )
    destination = fields.String(
        required=True, allow_none=True, metadata={"description": "the number or address that it was given for"}
    )
    changed_at = UnixTime(required=True, allow_none=True)
    source = fields.String(required=True, allow_none=True)


class ConsentListSchema(ListSchema):
    data = fields.List(fields.Nested(ConsentSchema), required=True)
    preference_center_url = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "the page where the contact leaves; null for tokens without the scope `write`"},
    )


class EvidenceSchema(Output):
    destination = fields.String(required=True, allow_none=True, attribute="evidence.destination")
    ip_address = fields.String(required=True, allow_none=True, attribute="evidence.ip_address")
    user_agent = fields.String(required=True, allow_none=True, attribute="evidence.user_agent")
    origin = fields.String(required=True, allow_none=True, attribute="evidence.origin")
    page = fields.String(required=True, allow_none=True, attribute="evidence.page")
    locale = fields.String(required=True, allow_none=True, attribute="evidence.locale")
    words = fields.String(required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True, attribute="evidence.note")
    details = fields.Dict(required=True, allow_none=True, attribute="evidence.details")


class EvidenceField(Itself):
    """The evidence of a ledger line; null once it was erased."""

    def _serialize(self, *arguments: Any, **more: Any) -> Any:
        return super()._serialize(*arguments, **more) if arguments[-1].evidence is not None else None


class ConsentEventSchema(Output):
    """One line of the ledger (``ledger.LedgerLine``); ``evidence`` is null once it was erased."""

    type = Constant("consent_event")
    id = fields.String(required=True, attribute="event.id")
    contact_id = fields.String(
        required=True,
        allow_none=True,
        attribute="contact",
        metadata={"description": "who said it; they may be part of another by now"},
    )
    subscription_type_id = fields.String(
        required=True,
        allow_none=True,
        attribute="event.subscription_type_id",
        metadata={"description": "null where the event is about the person or the number, whatever the type"},
    )
    action = fields.String(
        required=True, attribute="event.action", validate=validate.OneOf([action.value for action in Action])
    )
    source = fields.String(required=True, attribute="event.source")
    actor = fields.String(required=True, attribute="event.actor")
    evidence_level = fields.String(required=True, attribute="event.evidence_level")
    occurred_at = UnixTime(required=True, attribute="event.occurred_at")
    recorded_at = UnixTime(required=True, attribute="event.recorded_at")
    inserted_form_id = fields.String(required=True, allow_none=True, attribute="event.inserted_form_id")
    evidence = EvidenceField(EvidenceSchema, required=True, allow_none=True)


class ConsentEventListSchema(PagedListSchema):
    data = fields.List(fields.Nested(ConsentEventSchema), required=True)
