"""Schemas of opt-in forms and of inserted forms."""

from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from app.schemas.fields import (
    Change,
    ClearableText,
    Constant,
    Count,
    Id,
    Input,
    IsSet,
    ListSchema,
    LocaleTag,
    Output,
    Text,
    TextOrNumber,
    UnixTime,
    each_locale_once,
)

STATES = ["waiting", "seen", "confirming", "signed_up", "expired", "withdrawn", "unavailable"]
METHODS = ["off", "code", "reply", "sms_link"]
DEFAULT_BUTTON = "Sign Up Now"


class ButtonTextInput(ClearableText):
    """The text of a button. The default, which a response names, loads as empty: each language has its own."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        return super()._deserialize("" if value == DEFAULT_BUTTON else value, attr, data, **more)


class FormTextSchema(Input):
    locale = Text(most=8, required=True)
    title = Text(most=1000, required=True)
    button_text = ButtonTextInput(most=1000, load_default="")
    legal_text = Text(most=20_000, load_default="")
    success_text = Text(most=2000, load_default="")
    checkbox_text = Text(most=2000, load_default="", metadata={"description": "empty: the form's own"})


class ChangedFormSchema(Change):
    """Only the given fields change; changed texts become a new version."""

    name = ClearableText(most=1000)
    subscription_type_id = Id()
    title = Text(most=1000)
    button_text = ButtonTextInput(most=1000, metadata={"description": "empty: Sign Up Now"})
    legal_text = ClearableText(most=20_000, metadata={"description": "Markdown: links and emphasis"})
    success_text = ClearableText(most=2000)
    checkbox_text = ClearableText(
        most=2000, metadata={"description": "of a box that people must tick themselves; empty: there is no box"}
    )
    locale = Text(most=8, metadata={"description": "of these texts"})
    translations = fields.List(fields.Nested(FormTextSchema), validate=[validate.Length(max=20), each_locale_once])
    accent_color = ClearableText(most=40)
    verify_number = fields.String(
        validate=validate.OneOf(METHODS),
        metadata={
            "description": "how the holder of the number confirms: not at all, by a code, by replying YES, or by "
            "a text that the page opens in their own app; only for texts"
        },
    )
    default_country = Text(most=8, allow_none=True)
    allowed_origins = fields.List(Text(most=300), validate=validate.Length(max=100))


class NewFormSchema(ChangedFormSchema):
    """The texts of a form and where it may be shown."""

    ignores_null = True

    subscription_type_id = Id(required=True)
    title = Text(most=1000, required=True)


class PlacedFormSchema(ChangedFormSchema):
    """``form_id`` of a saved form, or the fields of one that is for this conversation only."""

    ignores_null = True

    form_id = Id()

    @validates_schema
    def refuse_both(self, data: Any, **_more: Any) -> None:
        if "form_id" in data and len(data) > 1:
            raise ValidationError("Give either form_id or the fields of a form.", "form_id")


class InsertSchema(Input):
    """For whom, by either id; without one, for the person who opens it first."""

    contact_id = TextOrNumber(most=100, load_default=None)
    external_id = TextOrNumber(most=255, load_default=None)
    origin = Text(most=300, load_default=None, metadata={"description": "of the page that will hold it"})
    expires_in = Count(least=60, most=31_622_400, load_default=2_592_000, metadata={"description": "seconds"})


@dataclass(frozen=True)
class FormValue:
    """A form in its newest version, with the address of its public page.

    :param form: a ``models.OptInForm``
    :param version: its newest ``models.OptInFormVersion``
    """

    form: Any
    version: Any
    embed_url: str

    @property
    def own_text(self) -> Any:
        """The text in the form's own locale."""
        return next(text for text in self.version.texts if text.locale == self.version.locale)

    @property
    def translations(self) -> list[Any]:
        return [text for text in self.version.texts if text.locale != self.version.locale]


class ButtonText(fields.String):
    """The text of a button. An empty one shows the default."""

    def __init__(self, **more: Any) -> None:
        super().__init__(required=True, metadata={"description": "“Sign Up Now” where none was given"}, **more)

    def _serialize(self, value: Any, *_arguments: Any, **_more: Any) -> Any:
        return value or DEFAULT_BUTTON


class FormTranslationSchema(Output):
    locale = LocaleTag(required=True)
    title = fields.String(required=True)
    button_text = ButtonText()
    legal_text = fields.String(required=True)
    success_text = fields.String(required=True)
    checkbox_text = fields.String(required=True)


class FormSchema(Output):
    """Dumps a ``FormValue``."""

    type = Constant("opt_in_form")
    id = fields.String(required=True, attribute="form.id")
    version = fields.Integer(required=True, attribute="form.version")
    name = fields.String(required=True, attribute="form.name")
    subscription_type_id = fields.String(required=True, attribute="version.subscription_type_id")
    title = fields.String(required=True, attribute="own_text.title")
    button_text = ButtonText(attribute="own_text.button_text")
    legal_text = fields.String(required=True, attribute="own_text.legal_text")
    success_text = fields.String(required=True, attribute="own_text.success_text")
    checkbox_text = fields.String(required=True, attribute="own_text.checkbox_text")
    locale = LocaleTag(required=True, attribute="version.locale")
    translations = fields.List(fields.Nested(FormTranslationSchema), required=True)
    accent_color = fields.String(required=True, attribute="version.accent_color")
    verify_number = fields.String(required=True, attribute="version.verify_number", validate=validate.OneOf(METHODS))
    default_country = fields.String(required=True, allow_none=True, attribute="version.default_country")
    allowed_origins = fields.List(fields.String(), required=True, attribute="form.allowed_origins")
    embed_url = fields.String(required=True, metadata={"description": "the public page of this form"})
    archived = IsSet(required=True, attribute="form.archived_at")
    created_at = UnixTime(required=True, attribute="form.created_at")
    updated_at = UnixTime(required=True, attribute="form.updated_at")


class FormListSchema(ListSchema):
    data = fields.List(fields.Nested(FormSchema), required=True)


class InsertedFormSchema(Output):
    """Dumps an ``api_views.Inserted``."""

    type = Constant("inserted_form")
    id = fields.String(required=True, attribute="form.id")
    form_id = fields.String(required=True, attribute="form.form_id")
    version = fields.Integer(required=True)
    contact_id = fields.String(required=True, allow_none=True)
    conversation_id = fields.String(required=True, allow_none=True, attribute="form.conversation_id")
    embed_url = fields.String(required=True, metadata={"description": "the page to show in an iframe"})
    state = fields.String(required=True, attribute="card.state", validate=validate.OneOf(STATES))
    origin = fields.String(required=True, allow_none=True, attribute="form.origin")
    created_at = UnixTime(required=True, attribute="form.created_at")
    expires_at = UnixTime(required=True, attribute="form.expires_at")
    seen_at = UnixTime(required=True, allow_none=True, attribute="form.seen_at")
    answered_at = UnixTime(required=True, allow_none=True, attribute="form.answered_at")
    withdrawn_at = UnixTime(required=True, allow_none=True, attribute="form.withdrawn_at")
    consent_event_id = fields.String(
        required=True,
        allow_none=True,
        attribute="event_id",
        metadata={"description": "the newest event that its answer wrote"},
    )
