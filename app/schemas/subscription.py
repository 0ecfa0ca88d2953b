"""Subscription types on the wire, and what is said of a contact's."""

from functools import lru_cache
from typing import Any

from marshmallow import Schema, fields, validate

from app.models import Channel
from app.schemas.fields import Id, Input, Moment, PagesSchema, Text, const

CONTENT_TYPES = {Channel.SMS.value: "sms_message", Channel.EMAIL.value: "email"}
CHANNELS = {content: channel for channel, content in CONTENT_TYPES.items()}


def tag(locale: str) -> str:
    """``pt_BR`` as the wire spells it: ``pt-BR``."""
    return locale.replace("_", "-")


def locale_of(tag: str) -> str:
    return tag.replace("-", "_")


def subscription_body(kind: Any) -> dict[str, Any]:
    """One subscription type, Intercom's ``subscription``.

    :param kind: a ``models.SubscriptionType``, or what is shown of one
    """
    own = {"name": kind.name, "description": kind.description, "locale": tag(kind.locale)}
    others = [
        {"name": each.name, "description": each.description, "locale": tag(each.locale)} for each in kind.translations
    ]
    return {
        "type": "subscription",
        "id": str(kind.id),
        "state": kind.state,
        "consent_type": kind.consent_type,
        "content_types": [CONTENT_TYPES[kind.channel]],
        "default_translation": own,
        "translations": [own, *others],
    }


@lru_cache(maxsize=256)
def reference(type_id: int) -> dict[str, str]:
    """A subscription type as contacts name it."""
    return {"type": "subscription", "id": str(type_id), "url": f"/subscription_types/{type_id}"}


class TranslationSchema(Schema):
    name = fields.String(required=True)
    description = fields.String(required=True)
    locale = fields.String(required=True)


class SubscriptionSchema(Schema):
    type = const("subscription")
    id = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["draft", "live", "archived"]))
    consent_type = fields.String(required=True, validate=validate.OneOf(["opt_in", "opt_out"]))
    content_types = fields.List(
        fields.String(validate=validate.OneOf(["sms_message", "email"])),
        required=True,
        metadata={"description": "exactly one: a type goes by one channel"},
    )
    default_translation = fields.Nested(TranslationSchema, required=True)
    translations = fields.List(fields.Nested(TranslationSchema), required=True)


class SubscriptionListSchema(Schema):
    type = const("list")
    data = fields.List(fields.Nested(SubscriptionSchema), required=True)


class AttachSchema(Input):
    """Intercom's body, with what is known about how the contact said so."""

    id = Id(required=True, metadata={"type": ["string", "integer"], "description": "of the subscription type"})
    consent_type = fields.String(
        required=True,
        validate=validate.OneOf(["opt_in", "opt_out"]),
        metadata={"description": "must be the type's own"},
    )
    source_note = Text(
        most=2000, load_default=None, allow_none=True, metadata={"description": "how they said so; part of the proof"}
    )
    occurred_at = Moment(
        load_default=None, allow_none=True, metadata={"type": "integer", "description": "when they said so"}
    )


class DetachSchema(Input):
    """What is known about how the contact said so."""

    source_note = Text(
        most=2000, load_default=None, allow_none=True, metadata={"description": "how they said so; part of the proof"}
    )


class TranslationInputSchema(Input):
    locale = Text(most=8, required=True)
    name = Text(most=1000, required=True)
    description = Text(most=4000, load_default="")


class NewTypeSchema(Input):
    name = Text(most=1000, required=True)
    description = Text(most=4000, load_default="")
    content_types = fields.List(
        fields.String(validate=validate.OneOf(["sms_message", "email"])),
        required=True,
        validate=validate.Length(equal=1),
        metadata={"description": "one of `sms_message` and `email`"},
    )
    consent_type = fields.String(required=True, validate=validate.OneOf(["opt_in", "opt_out"]))
    locale = Text(most=8, load_default="en")
    translations = fields.List(
        fields.Nested(TranslationInputSchema), load_default=list, validate=validate.Length(max=20)
    )


class ChangedTypeSchema(Input):
    """Only what is given changes. ``content_types`` and ``consent_type`` may be given, but not changed."""

    name = Text(most=1000, load_default=None)
    description = Text(most=4000, load_default=None)
    content_types = fields.List(fields.String(), load_default=None)
    consent_type = fields.String(load_default=None)
    translations = fields.List(
        fields.Nested(TranslationInputSchema), load_default=None, validate=validate.Length(max=20)
    )


class ConsentSchema(Schema):
    """How one contact stands with one subscription type, for the number or address that they have now."""

    type = const("consent")
    subscription_type_id = fields.String(required=True)
    name = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(["never_asked", "opted_in", "opted_out"]))
    subscribed = fields.Boolean(
        required=True, metadata={"description": "whether they get this type, by what they said"}
    )
    reachable = fields.Boolean(required=True, metadata={"description": "whether it could be sent to them right now"})
    reasons = fields.List(fields.String(), required=True, metadata={"description": "why they are not reached"})
    destination = fields.String(
        required=True, allow_none=True, metadata={"description": "the number or address that it was given for"}
    )
    changed_at = fields.Integer(required=True, allow_none=True)
    source = fields.String(required=True, allow_none=True)


class ConsentListSchema(Schema):
    type = const("list")
    data = fields.List(fields.Nested(ConsentSchema), required=True)
    preference_center_url = fields.String(required=True, allow_none=True)


class ConsentEventSchema(Schema):
    """One line of the ledger, with what proves it; ``evidence`` is null once the person was erased."""

    type = const("consent_event")
    id = fields.String(required=True)
    contact_id = fields.String(
        required=True, allow_none=True, metadata={"description": "who said it; they may be part of another by now"}
    )
    subscription_type_id = fields.String(required=True)
    action = fields.String(required=True, validate=validate.OneOf(["opt_in", "opt_out"]))
    source = fields.String(required=True)
    actor = fields.String(required=True)
    evidence_level = fields.String(required=True)
    occurred_at = fields.Integer(required=True)
    recorded_at = fields.Integer(required=True)
    inserted_form_id = fields.String(required=True, allow_none=True)
    evidence = fields.Dict(required=True, allow_none=True)


class ConsentEventListSchema(Schema):
    type = const("list")
    data = fields.List(fields.Nested(ConsentEventSchema), required=True)
    total_count = fields.Integer(required=True)
    total_count_is_minimum = fields.Boolean(required=True)
    pages = fields.Nested(PagesSchema, required=True)
