"""Schemas of tags, and of notes about contacts."""

import html
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from app.schemas.agent import AdminSchema
from app.schemas.fields import Constant, Id, Input, ListSchema, Output, Text, TextOrNumber, UnixTime
from app.schemas.message_text import MessageText
from app.schemas.paging import PagedListSchema, PagingSchema

USERS_MAX = 1000


class TagSchema(Output):
    """Dumps a ``models.Tag``."""

    type = Constant("tag")
    id = fields.String(required=True)
    name = fields.String(required=True)
    applied_at = UnixTime(required=True, attribute="created_at", metadata={"description": "when the tag was made"})


class TagListSchema(ListSchema):
    data = fields.List(fields.Nested(TagSchema), required=True)


class TagDeletedSchema(Output):
    type = Constant("tag")
    id = fields.String(required=True)
    deleted = Constant(value=True)


class TaggedUserSchema(Input):
    """A contact, by one of these."""

    id = Text(most=100, load_default=None)
    external_id = TextOrNumber(most=255, load_default=None)
    user_id = TextOrNumber(most=255, load_default=None, metadata={"description": "the external id"})
    email = Text(most=254, load_default=None)
    untag = fields.Boolean(
        truthy={True, "true"},
        falsy={False, "false"},
        load_default=False,
        metadata={"description": "true: the tag is detached"},
    )

    @validates_schema
    def require_one(self, data: dict[str, Any], **_more: Any) -> None:
        if all(data[name] is None for name in ("id", "external_id", "user_id", "email")):
            raise ValidationError("Say which contact, by id, external_id or email.")


class TagInputSchema(Input):
    """A name for a new tag; with an ``id``, the new name of that tag."""

    name = Text(most=1000, required=True)
    id = Id(metadata={"description": "of the tag to rename"})
    users = fields.List(
        fields.Nested(TaggedUserSchema),
        load_default=list,
        validate=validate.Length(max=USERS_MAX),
        metadata={"description": f"contacts to tag or untag, at most {USERS_MAX:,}"},
    )
    companies = fields.List(fields.Dict(), metadata={"description": "not available"})


class TagReferenceSchema(Input):
    id = Id(required=True)


class NoteBody(fields.String):
    """A note as HTML, the text escaped."""

    def _serialize(self, value: Any, *_arguments: Any, **_more: Any) -> Any:
        return f"<p>{html.escape(value, quote=False)}</p>".replace("\n", "<br>")


class NoteContactSchema(Output):
    type = Constant("contact")
    id = fields.String(required=True, attribute="public_id")


class NoteSchema(Output):
    """Dumps a ``contacts.notes.SignedNote``."""

    type = Constant("note")
    id = fields.String(required=True, attribute="note.id")
    created_at = UnixTime(required=True, attribute="note.created_at")
    contact = fields.Nested(NoteContactSchema, required=True)
    author = fields.Nested(AdminSchema, metadata={"description": "left out where no admin wrote it"})
    body = NoteBody(required=True, attribute="note.body")


class NoteListSchema(PagedListSchema):
    data = fields.List(fields.Nested(NoteSchema), required=True)


class NotePagingSchema(PagingSchema):
    page = fields.Integer(load_default=1, validate=validate.Range(min=1, max=10_000))


class NoteInputSchema(Input):
    body = MessageText(required=True)
    admin_id = Id(metadata={"description": "its author; without it the admin in whose name the token acts"})
