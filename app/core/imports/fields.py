"""What a column of an imported file can be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.core.errors import InvalidInput
from app.core.wording import translatable
from app.schemas.contact_input import CUSTOM_NAME_MAX


class Field(StrEnum):
    IGNORE = "ignore"
    CONTACT_ID = "contact_id"
    EXTERNAL_ID = "external_id"
    ROLE = "role"
    NAME = "name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    EMAIL = "email"
    PHONE = "phone"
    COUNTRY = "country"
    LANGUAGE = "language"
    TIME_ZONE = "time_zone"
    SIGNED_UP_AT = "signed_up_at"
    TAGS = "tags"
    CONSENT = "consent"
    CONSENT_AT = "consent_at"
    CONSENT_NOTE = "consent_note"
    GDPR_OPTIN = "gdpr_optin"
    ATTRIBUTE = "attribute"


class AttributeType(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    YES_NO = "yes_no"
    AS_EXPORTED = "as_exported"


FIELD_NAMES: Mapping[Field, str] = {
    Field.IGNORE: translatable("Do not import"),
    Field.CONTACT_ID: translatable("Contact id of Assent"),
    Field.EXTERNAL_ID: translatable("External id"),
    Field.ROLE: translatable("Role (user or lead)"),
    Field.NAME: translatable("Name"),
    Field.FIRST_NAME: translatable("First name"),
    Field.LAST_NAME: translatable("Last name"),
    Field.EMAIL: translatable("Email"),
    Field.PHONE: translatable("Phone number"),
    Field.COUNTRY: translatable("Country of the number"),
    Field.LANGUAGE: translatable("Language"),
    Field.TIME_ZONE: translatable("Time zone"),
    Field.SIGNED_UP_AT: translatable("Signed up on"),
    Field.TAGS: translatable("Tags"),
    Field.CONSENT: translatable("Consent: yes or no"),
    Field.CONSENT_AT: translatable("Date of the consent"),
    Field.CONSENT_NOTE: translatable("Source of the consent"),
    Field.GDPR_OPTIN: translatable("Wants messages: yes or no"),
}
ATTRIBUTE_TYPES: Mapping[AttributeType, str] = {
    AttributeType.TEXT: translatable("Custom attribute, text"),
    AttributeType.NUMBER: translatable("Custom attribute, number"),
    AttributeType.YES_NO: translatable("Custom attribute, yes or no"),
    AttributeType.AS_EXPORTED: translatable("Custom attribute, as Assent exported it"),
}
# By one of these a row is recognized; without any of them it could be anyone's.
IDENTIFYING = (Field.CONTACT_ID, Field.EXTERNAL_ID, Field.EMAIL, Field.PHONE)


@dataclass(frozen=True)
class Column:
    """What one column is. ``attribute`` and ``attribute_type`` belong to the field ``attribute``."""

    field: Field
    attribute: str = ""
    attribute_type: AttributeType = AttributeType.TEXT

    @property
    def code(self) -> str:
        """The column as one text, such as ``phone`` or ``attribute:number:Visits``."""
        return f"{self.field}:{self.attribute_type}:{self.attribute}" if self.field == Field.ATTRIBUTE else self.field


def column_of(code: str) -> Column:
    """The column of a ``Column.code``. ``attribute:Plan`` is a text.

    :raises InvalidInput: there is no such field, or the name of the attribute is refused
    """
    name, _, rest = code.partition(":")
    if name not in set(Field):
        raise InvalidInput("There is no field “%(field_name)s”.", field="columns", field_name=name)
    if name != Field.ATTRIBUTE:
        return Column(Field(name))
    kind, separator, attribute = rest.partition(":")
    if not separator or kind not in set(AttributeType):
        kind, attribute = AttributeType.TEXT, rest
    attribute = attribute.strip()
    is_name = 0 < len(attribute) <= CUSTOM_NAME_MAX and attribute.isprintable() and '"' not in attribute
    if not is_name:
        raise InvalidInput(
            "The name of a custom attribute is 1 to %(most)s visible characters without quotation marks.",
            field="columns",
            most=CUSTOM_NAME_MAX,
        )
    return Column(Field.ATTRIBUTE, attribute, AttributeType(kind))


def refuse_mistakes(columns: Sequence[Column]) -> None:
    """:raises InvalidInput: two columns are one field, or no column tells whom a row is about"""
    seen: set[Column] = set()
    for column in columns:
        if column in seen and column.field not in {Field.IGNORE, Field.TAGS}:
            name = column.attribute or FIELD_NAMES[column.field]
            raise InvalidInput("Two columns are “%(field_name)s”. Choose one.", field="columns", field_name=name)
        seen.add(column)
    if not any(column.field in IDENTIFYING for column in columns):
        raise InvalidInput(
            "Choose which column holds the phone number, the email address or the external id.", field="columns"
        )
