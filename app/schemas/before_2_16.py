"""Responses as Intercom's versions up to 2.15 have them, where the type of a field was another."""

from collections.abc import Mapping

from marshmallow import Schema, fields

from app.schemas.contact import ContactListSchema, ContactSchema
from app.schemas.conversation import ConversationListSchema, ConversationSchema
from app.schemas.fields import Constant


class OlderContactSchema(ContactSchema):
    owner_id = fields.Integer(required=True, allow_none=True, attribute="row.owner_id")


class OlderContactListSchema(ContactListSchema):
    data = fields.List(fields.Nested(OlderContactSchema), required=True)


class OlderConversationSchema(ConversationSchema):
    priority = Constant("not_priority")


class OlderConversationListSchema(ConversationListSchema):
    conversations = fields.List(fields.Nested(OlderConversationSchema), required=True, attribute="data")


# By the schema of the newest version.
BEFORE_2_16: Mapping[type[Schema], type[Schema]] = {
    ContactSchema: OlderContactSchema,
    ContactListSchema: OlderContactListSchema,
    ConversationSchema: OlderConversationSchema,
    ConversationListSchema: OlderConversationListSchema,
}
