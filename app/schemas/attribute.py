"""Schemas of the attributes of contacts, Intercom's ``data_attribute``."""

from marshmallow import fields, validate

from app.schemas.fields import Constant, Input, ListSchema, Output


class AttributeSchema(Output):
    """Dumps a ``contacts.attributes.Attribute``."""

    type = Constant("data_attribute")
    name = fields.String(required=True)
    full_name = fields.String(required=True)
    label = fields.String(required=True, attribute="name", dump_only=True)
    description = Constant("")
    data_type = fields.String(required=True, validate=validate.OneOf(["string", "integer", "float", "boolean", "date"]))
    model = Constant("contact")
    api_writable = fields.Boolean(required=True)
    messenger_writable = Constant(value=False)
    ui_writable = Constant(value=True)
    custom = fields.Boolean(required=True)
    archived = Constant(value=False)


class AttributeListSchema(ListSchema):
    data = fields.List(fields.Nested(AttributeSchema), required=True)


class AttributeQuerySchema(Input):
    model = fields.String(load_default="contact", validate=validate.OneOf(["contact", "company", "conversation"]))
    include_archived = fields.Boolean(load_default=False)
