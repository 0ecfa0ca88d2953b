"""Opt-in forms and inserted forms on the wire."""

from typing import Any

from marshmallow import Schema, fields, validate

from app.schemas.fields import Count, Id, Input, Text, TextOrNumber, YesOrNo, const, seconds
from app.schemas.subscription import tag

STATES = ["waiting", "seen", "confirming", "signed_up", "expired", "unavailable"]


def form_body(form: Any, version: Any, *, default_button: str, home: str) -> dict[str, Any]:
    """A form in its newest version.

    :param form: a ``models.OptInForm``; ``version``: its newest ``OptInFormVersion``
    :param default_button: what an empty button text says
    """
    texts = {text.locale: _texts(text, default_button) for text in version.texts}
    return {
        "type": "opt_in_form",
        "id": str(form.id),
        "version": form.version,
        "name": form.name,
        "subscription_type_id": str(version.subscription_type_id),
        **texts[version.locale],
        "locale": tag(version.locale),
        "translations": [{"locale": tag(name), **each} for name, each in texts.items() if name != version.locale],
        "accent_color": version.accent_color,
        "verify_number": False,
        "default_country": version.default_country,
        "allowed_origins": list(form.allowed_origins),
        "embed_url": f"{home}/f/form/{form.key}",
        "archived": form.archived_at is not None,
        "created_at": seconds(form.created_at),
        "updated_at": seconds(form.updated_at),
    }


def inserted_body(inserted: Any, *, home: str) -> dict[str, Any]:
    """:param inserted: a ``conversation_records.Inserted``"""
    form, card = inserted.form, inserted.card
    conversation_id, event_id = form.conversation_id, inserted.event_id
    return {
        "type": "inserted_form",
        "id": str(form.id),
        "form_id": str(form.form_id),
        "version": inserted.version,
        "contact_id": inserted.contact_id,
        "conversation_id": str(conversation_id) if conversation_id is not None else None,
        "embed_url": f"{home}/f/{form.token}",
        "state": card.state.value,
        "origin": form.origin,
        "created_at": seconds(form.created_at),
        "expires_at": seconds(form.expires_at),
        "seen_at": seconds(form.seen_at),
        "answered_at": seconds(form.answered_at),
        "consent_event_id": str(event_id) if event_id is not None else None,
    }


def _texts(text: Any, default_button: str) -> dict[str, str]:
    return {
        "title": text.title,
        "button_text": text.button_text or default_button,
        "legal_text": text.legal_text,
        "success_text": text.success_text,
    }


class FormTextSchema(Input):
    locale = Text(most=8, required=True)
    title = Text(most=1000, required=True)
    button_text = Text(most=1000, load_default="")
    legal_text = Text(most=20_000, load_default="")
    success_text = Text(most=2000, load_default="")


class ChangedFormSchema(Input):
    """Only what is given changes; changed words become a new version."""

    name = Text(most=1000)
    subscription_type_id = Id(metadata={"type": ["string", "integer"]})
    title = Text(most=1000)
    button_text = Text(most=1000, metadata={"description": "empty: Sign Up Now"})
    legal_text = Text(most=20_000, metadata={"description": "Markdown: links and emphasis"})
    success_text = Text(most=2000)
    locale = Text(most=8, metadata={"description": "of these texts"})
    translations = fields.List(fields.Nested(FormTextSchema), validate=validate.Length(max=20))
    accent_color = Text(most=40)
    verify_number = YesOrNo(metadata={"description": "true is not available yet"})
    default_country = Text(most=8, allow_none=True)
    allowed_origins = fields.List(Text(most=300), validate=validate.Length(max=100))


class NewFormSchema(ChangedFormSchema):
    """The words of a form and where it may be shown."""

    subscription_type_id = Id(required=True, metadata={"type": ["string", "integer"]})
    title = Text(most=1000, required=True)


class PlacedFormSchema(ChangedFormSchema):
    """``form_id`` of a saved form, or the fields of one that is for this conversation only."""

    form_id = Id(metadata={"type": ["string", "integer"]})


class InsertSchema(Input):
    """For whom, by either id; without one, for whoever opens it first."""

    contact_id = TextOrNumber(most=100, load_default=None, metadata={"type": ["string", "integer"]})
    external_id = TextOrNumber(most=255, load_default=None, metadata={"type": ["string", "integer"]})
    origin = Text(most=300, load_default=None, metadata={"description": "of the page that will hold it"})
    expires_in = Count(least=60, most=31_622_400, load_default=2_592_000, metadata={"description": "seconds"})


class FormSchema(Schema):
    type = const("opt_in_form")
    id = fields.String(required=True)
    version = fields.Integer(required=True)
    name = fields.String(required=True)
    subscription_type_id = fields.String(required=True)
    title = fields.String(required=True)
    button_text = fields.String(required=True, metadata={"description": "“Sign Up Now” where none was given"})
    legal_text = fields.String(required=True)
    success_text = fields.String(required=True)
    locale = fields.String(required=True)
    translations = fields.List(fields.Dict(), required=True)
    accent_color = fields.String(required=True)
    verify_number = fields.Boolean(required=True)
    default_country = fields.String(required=True, allow_none=True)
    allowed_origins = fields.List(fields.String(), required=True)
    embed_url = fields.String(required=True, metadata={"description": "the public page of this form"})
    archived = fields.Boolean(required=True)
    created_at = fields.Integer(required=True)
    updated_at = fields.Integer(required=True)


class FormListSchema(Schema):
    type = const("list")
    data = fields.List(fields.Nested(FormSchema), required=True)


class InsertedFormSchema(Schema):
    type = const("inserted_form")
    id = fields.String(required=True)
    form_id = fields.String(required=True)
    version = fields.Integer(required=True)
    contact_id = fields.String(required=True, allow_none=True)
    conversation_id = fields.String(required=True, allow_none=True)
    embed_url = fields.String(required=True, metadata={"description": "the page to show in an iframe"})
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    origin = fields.String(required=True, allow_none=True)
    created_at = fields.Integer(required=True)
    expires_at = fields.Integer(required=True)
    seen_at = fields.Integer(required=True, allow_none=True)
    answered_at = fields.Integer(required=True, allow_none=True)
    consent_event_id = fields.String(
        required=True, allow_none=True, metadata={"description": "the newest event that its answer wrote"}
    )
