"""The form of a contact's details: reads what was typed into the fields of a profile."""

from collections.abc import Mapping
from typing import Any

from flask import request
from wtforms import HiddenField, RadioField, SelectField, StringField
from wtforms.validators import Length

from app.core import email, phone
from app.core.contacts import attributes, profile
from app.core.errors import InvalidInput
from app.core.wording import translatable
from app.core.workspace import settings
from app.models import Contact, ContactRole
from app.schemas.contact_input import EXTERNAL_ID_MAX, NAME_MAX, PHONE_MAX
from app.web import ids
from app.web.formkit import Form, choices, rule, text
from app.web.i18n import lazy_gettext, sentence_of

VALUE_MAX = 2000
NEW_TYPES = {
    "string": translatable("Text"),
    "float": translatable("Number"),
    "boolean": translatable("Yes or no"),
}
_SAME_TYPE = {"integer": "float"}


class EditForm(Form):
    """The details of a contact. ``confirmed``: the new number whose effects the agent has seen."""

    role = RadioField(
        lazy_gettext("Kind"),
        choices=choices(
            [
                (ContactRole.USER.value, lazy_gettext("User: known by an email address or external id")),
                (ContactRole.LEAD.value, lazy_gettext("Visitor: known by a number or a visit only")),
            ]
        ),
        default=ContactRole.USER.value,
    )
    name = StringField(lazy_gettext("Name"), [Length(max=NAME_MAX)], filters=[text])
    country = SelectField(lazy_gettext("Country"), filters=[text], validate_choice=False)
    phone = StringField(lazy_gettext("Phone number"), [Length(max=PHONE_MAX)], filters=[text])
    email = StringField(
        lazy_gettext("Email address"), [rule(lambda typed: email.read(typed) if typed else None)], filters=[text]
    )
    external_id = StringField(lazy_gettext("External id"), [Length(max=EXTERNAL_ID_MAX)], filters=[text])
    locale = SelectField(lazy_gettext("Language"), filters=[text], validate_choice=False)
    time_zone = StringField(lazy_gettext("Time zone"), filters=[text])
    owner_id = SelectField(lazy_gettext("Owner"), filters=[text], validate_choice=False)
    new_name = StringField(lazy_gettext("Name of the attribute"), filters=[text])
    new_type = SelectField(
        lazy_gettext("Type"), choices=choices([(name, lazy_gettext(label)) for name, label in NEW_TYPES.items()])
    )
    new_value = StringField(lazy_gettext("Value"), [Length(max=VALUE_MAX)], filters=[text])
    confirmed = HiddenField(filters=[text])

    def __init__(self, contact: Contact | None, known: Mapping[str, str], countries: frozenset[str]) -> None:
        """A form for a contact (null: a new one), filled with its details where it was not sent.

        :param known: the data types of the custom attributes in use, by name
        :param countries: ISO codes of the allowed countries; empty: all
        """
        super().__init__(data=_details(contact) if contact else {})
        self.contact, self.known, self._countries = contact, known, countries
        self.attributes: dict[str, str] = {}
        self.attribute_errors: dict[str, str] = {}
        self.values: dict[str, Any] = {}
        for name, value in (contact.custom_attributes if contact else {}).items():
            shown = value_text(value)
            self.attributes[name] = request.form.get(f"attribute-{name}", shown)[:VALUE_MAX].replace("\0", "")

    @property
    def number(self) -> str | None:
        """The number as it is stored; null: none. Only of a valid form."""
        return self.values.get("phone", self.contact.phone if self.contact else None)

    @property
    def changed(self) -> dict[str, Any]:
        """The fields that differ from the contact's."""
        before = _fields_of(self.contact) if self.contact else {}
        return {name: value for name, value in self.values.items() if value != before.get(name)}

    def validate(self, extra_validators: Any = None) -> bool:
        """Read every field, so that all mistakes are reported together."""
        is_valid = super().validate(extra_validators)
        self.values = {
            "role": self.role.data,
            "name": self.name.data or None,
            "email": email.normalize(self.email.data) if self.email.data else None,
            "external_id": self.external_id.data or None,
            "language_override": self.locale.data or None,
            "time_zone": self.time_zone.data or None,
            "owner_id": self.owner_id.data or None,
        }
        for field, read in (
            ("phone", self._read_number),
            ("time_zone", self._read_zone),
            ("owner_id", self._read_owner),
            ("external_id", self._read_identity),
            ("new_value", self._read_attributes),
        ):
            try:
                read()
            except InvalidInput as refused:
                self[field].errors = [*self[field].errors, sentence_of(refused)]
        return is_valid and not self.errors

    def _read_number(self) -> None:
        typed, before = self.phone.data or "", self.contact.phone if self.contact else None
        if before and typed in {before, phone.formatted(before)}:
            return
        read = phone.read(typed, region=self.country.data or None, allowed_countries=self._countries) if typed else None
        self.values["phone"] = read.e164 if read else None

    def _read_zone(self) -> None:
        typed = self.values["time_zone"]
        if typed and typed.lower() not in settings.zones():
            raise InvalidInput("Choose a time zone such as Europe/Berlin.", field="time_zone")

    def _read_owner(self) -> None:
        if self.values["owner_id"] and ids.parse_id(self.values["owner_id"]) is None:
            raise InvalidInput("No teammate has this id.", field="owner_id")

    def _read_identity(self) -> None:
        role = self.role.data
        if role in set(ContactRole):
            external_id, address = self.values["external_id"], self.values["email"]
            profile.refuse_unidentified(ContactRole(role), external_id, address)

    def _read_attributes(self) -> None:
        """Values that were not changed stay as they are, whatever their type is."""
        before = self.contact.custom_attributes if self.contact else {}
        found: dict[str, Any] = {}
        for name, typed in self.attributes.items():
            if typed.strip() == value_text(before[name]):
                continue
            try:
                found[name] = attributes.read_value(typed, self.known.get(name, "string"))
            except InvalidInput as refused:
                self.attribute_errors[name] = sentence_of(refused)
                self.form_errors.append(f"{name}: {sentence_of(refused)}")
        if self.new_name.data or self.new_value.data:
            name = attributes.name_of(self.new_name.data or "")
            found[name] = attributes.read_value(self.new_value.data or "", self._type_of_new(name))
        if found:
            self.values["custom_attributes"] = found

    def _type_of_new(self, name: str) -> str:
        """The type of an attribute that is in use, else the chosen one."""
        chosen = self.new_type.data if self.new_type.data in NEW_TYPES else "string"
        known = self.known.get(name)
        if known is not None and _SAME_TYPE.get(known, known) != chosen:
            raise InvalidInput("This attribute is in use with another type. Choose that type.", field="new_type")
        return known or chosen


def value_text(value: Any) -> str:
    """The value of an attribute as the form shows it."""
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _details(contact: Contact) -> dict[str, Any]:
    return {
        "role": contact.role,
        "name": contact.name,
        "country": contact.phone_country,
        "phone": phone.formatted(contact.phone) if contact.phone else "",
        "email": contact.email,
        "external_id": contact.external_id,
        "locale": contact.locale,
        "time_zone": contact.time_zone,
        "owner_id": str(contact.owner_id or ""),
    }


def _fields_of(contact: Contact) -> dict[str, Any]:
    """The stored values, as ``EditForm.values`` names them."""
    return {
        "role": contact.role,
        "name": contact.name,
        "phone": contact.phone,
        "email": contact.email,
        "external_id": contact.external_id,
        "language_override": contact.locale,
        "time_zone": contact.time_zone,
        "owner_id": str(contact.owner_id) if contact.owner_id else None,
    }
