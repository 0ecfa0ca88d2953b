"""Schemas of tags, and of notes about contacts."""

import html
from typing import Any

from marshmallow import fields, validate

from app.schemas.agent import AdminSchema
from app.schemas.fields import Constant, Id, Input, ListSchema, Output, Text, UnixTime
from app.schemas.message_text import MessageText
from app.schemas.paging import PagedListSchema, PagingSchema


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


class TagInputSchema(Input):
    """A name for a new tag; with an ``id``, the new name of that tag."""

    name = Text(most=1000, required=True)
    id = Id(metadata={"description": "of the tag to rename"})
    users = fields.List(fields.Dict(), metadata={"description": "not available: attach the tag to each contact"})
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
