"""Schemas of subscription types, Intercom's ``subscription``."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates

from app.models import Channel
from app.schemas.fields import (
    Change,
    ClearableText,
    Constant,
    Id,
    Input,
    Itself,
    ListSchema,
    LocaleTag,
    Output,
    Text,
    YesOrNo,
    each_locale_once,
)

CONTENT_TYPES = {Channel.SMS.value: "sms_message", Channel.EMAIL.value: "email"}
CHANNELS = {content_type: channel for channel, content_type in CONTENT_TYPES.items()}
_CONSENT_TYPE = validate.OneOf(["opt_in", "opt_out"])
_CONTENT_TYPE = validate.OneOf(["sms_message", "email"])


class TranslationSchema(Output):
    name = fields.String(required=True)
    description = fields.String(required=True)
    locale = LocaleTag(required=True)


class ContentTypes(fields.List[Any]):
    """The channel of a type as a list with one content type."""

    def _serialize(self, value: Any, *_arguments: Any, **_more: Any) -> Any:
        return [CONTENT_TYPES[value]]


class Translations(fields.List[Any]):
    """A type's own texts first, then its translations."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **more: Any) -> Any:
        return super()._serialize([obj, *value], attr, obj, **more)


class SubscriptionSchema(Output):
    """Dumps a ``models.SubscriptionType``, or a value with the same attributes."""

    type = Constant("subscription")
    id = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["draft", "live", "archived"]))
    consent_type = fields.String(required=True, validate=_CONSENT_TYPE)
    content_types = ContentTypes(
        fields.String(validate=_CONTENT_TYPE),
        required=True,
        attribute="channel",
        metadata={"description": "exactly one: a type goes by one channel"},
    )
    preference_form_id = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "the form by which people opt in on their preference page; null: they cannot there"},
    )
    welcome = fields.Boolean(
        required=True, metadata={"description": "whether the first text after an opt-in confirms it"}
    )
    welcome_text = fields.String(
        required=True,
        metadata={"description": "with {brand} and {type}; empty: a default in the person's language"},
    )
    default_translation = Itself(TranslationSchema, required=True)
    translations = Translations(fields.Nested(TranslationSchema), required=True)


class SubscriptionListSchema(ListSchema):
    data = fields.List(fields.Nested(SubscriptionSchema), required=True)


class TranslationInputSchema(Input):
    locale = Text(most=8, required=True)
    name = Text(most=1000, required=True)
    description = Text(most=4000, load_default="")

    @validates("name")
    def refuse_blank(self, name: str, **_more: Any) -> None:
        if not name.strip():
            raise ValidationError("Give it a name.")


class NewTypeSchema(Input):
    name = Text(most=1000, required=True)
    description = Text(most=4000, load_default="")
    content_types = fields.List(
        fields.String(validate=_CONTENT_TYPE),
        required=True,
        validate=validate.Length(equal=1),
        metadata={"description": "one of `sms_message` and `email`"},
    )
    consent_type = fields.String(required=True, validate=_CONSENT_TYPE)
    locale = Text(most=8, load_default="en")
    translations = fields.List(
        fields.Nested(TranslationInputSchema), load_default=list, validate=[validate.Length(max=20), each_locale_once]
    )


class ChangedTypeSchema(Change):
    """Only the given fields change. Channel, consent type and first locale may be given, but not changed."""

    name = Text(most=1000, load_default=None, allow_none=False)
    description = ClearableText(most=4000, load_default=None)
    content_types = fields.List(fields.String(), load_default=None, allow_none=False)
    consent_type = fields.String(load_default=None, allow_none=False)
    locale = Text(most=8, load_default=None, allow_none=False)
    welcome = YesOrNo(metadata={"description": "only for texts"})
    welcome_text = ClearableText(most=1000)
    preference_form_id = Id(
        allow_none=True, metadata={"description": "a form in use that asks for this type; null removes it"}
    )
    translations = fields.List(
        fields.Nested(TranslationInputSchema),
        load_default=None,
        allow_none=False,
        validate=[validate.Length(max=20), each_locale_once],
    )
