"""Schemas of Insider's contract: users to store, identities to change, numbers to opt in or out, and its errors.

A mistake has a rule and a sentence: ``{"uuid": {"junk": ["…"]}}``. ``paths_of`` writes it as Insider does.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from marshmallow import EXCLUDE, INCLUDE, Schema, ValidationError, fields, validates_schema

from app.schemas.entry import JUNK_IDS, is_storable

USERS_MAX, NUMBERS_MAX, ATTRIBUTES_MAX, LIST_MAX = 1000, 500, 100, 100
IDENTIFIERS = ("uuid", "email", "phone_number")
PHONE, EMAIL, EVENT_NAME = r"^\+[1-9]\d{6,14}$", r"^.+@.+\..+$", r"^[a-z0-9][a-zA-Z0-9._-]*$"
_NUMBER_MAX = 2**53


def _refusal(rule: str, sentence: str) -> ValidationError:
    return ValidationError({rule: [sentence]})


def _messages(kind: str) -> dict[str, Any]:
    return {
        "required": {"required": ["must be defined"]},
        "null": {"type": [f"must be {kind}: null; leave out what has no value"]},
        "invalid": {"type": [f"must be {kind}"]},
        "type": {"type": [f"must be {kind}"]},
    }


class _Words(fields.String):
    """Text of at most ``most`` characters."""

    def __init__(self, *, most: int = 500, pattern: str = "", is_id: bool = False, **more: Any) -> None:
        if pattern:
            more["metadata"] = {"pattern": pattern, **more.get("metadata", {})}
        super().__init__(error_messages=_messages("string"), **more)
        self.most, self.pattern, self.is_id = most, re.compile(pattern) if pattern else None, is_id

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        text = super()._deserialize(value, attr, data, **more)
        if not text.strip():
            raise _refusal("empty", "must not be empty; leave out what has no value")
        if len(text) > self.most or not is_storable(text):
            raise _refusal("length", f"must be text of at most {self.most} characters")
        if self.pattern is not None and not self.pattern.fullmatch(text):
            raise _refusal("format", f"does not match {self.pattern.pattern}")
        if self.is_id and text.strip().lower() in JUNK_IDS:
            raise _refusal("junk", "is no id of one person")
        return text


class _YesOrNo(fields.Boolean):
    truthy = {True}  # noqa: RUF012 - marshmallow reads it from the class
    falsy = {False}  # noqa: RUF012

    def __init__(self, **more: Any) -> None:
        super().__init__(error_messages=_messages("boolean"), **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return bool(super()._deserialize(value, attr, data, **more))


class _Object(fields.Dict):
    """An object of attributes: texts, numbers, true or false, and lists of these."""

    def __init__(self, **more: Any) -> None:
        super().__init__(error_messages=_messages("object"), **more)

    def _deserialize(self, value: Any, *_more: Any, **_options: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.make_error("invalid", input=value)
        _check_attributes(value)
        return value


class _Time(fields.String):
    def __init__(self, **more: Any) -> None:
        super().__init__(error_messages=_messages("string"), **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **more)
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise _refusal("format", "must be a time as in RFC 3339") from None
        if at.tzinfo is None:
            raise _refusal("format", "must be a time as in RFC 3339, with its offset")
        return text


class InsiderIdentifiersSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    uuid = _Words(most=255, is_id=True, metadata={"description": "the `external_id` of a contact"})
    email = _Words(most=254, pattern=EMAIL)
    phone_number = _Words(pattern=PHONE, metadata={"description": "in E.164; one that no plan has is kept as said"})
    custom = _Object(metadata={"description": "identifies no one here: kept as custom attributes"})


class InsiderAttributesSchema(Schema):
    """Unknown attributes are custom ones."""

    class Meta:
        unknown = INCLUDE

    sms_optin = _YesOrNo(metadata={"description": "true opts in to `site_subscription_type_id`; false opts out"})
    gdpr_optin = _YesOrNo(metadata={"description": "false: no message on any channel"})
    email_optin = _YesOrNo(metadata={"description": "false unsubscribes from emails"})
    whatsapp_optin = _YesOrNo()
    name = _Words()
    surname = _Words()
    language = _Words(most=16)
    country = _Words()
    city = _Words()
    gender = _Words()
    birthday = _Words()
    age = fields.Integer(strict=True, error_messages=_messages("integer"))
    custom = _Object()

    @validates_schema
    def refuse_identifiers(self, data: Mapping[str, Any], **_more: Any) -> None:
        for name in IDENTIFIERS:
            if name in data:
                raise ValidationError({name: {"identifier": ["is an identifier, not an attribute"]}})
        _check_attributes({name: value for name, value in data.items() if name not in self.fields})


class InsiderEventSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    event_name = _Words(required=True, most=255, pattern=EVENT_NAME)
    timestamp = _Time(required=True, metadata={"description": "as in RFC 3339"})
    event_params = fields.Dict(error_messages=_messages("object"))


class InsiderUserSchema(Schema):
    """One person: who it is, and at least one attribute or event."""

    class Meta:
        unknown = EXCLUDE

    identifiers = fields.Nested(InsiderIdentifiersSchema, error_messages=_messages("object"))
    insider_id = _Words(metadata={"description": "refused: no contact of Assent has one"})
    attributes = fields.Nested(InsiderAttributesSchema, error_messages=_messages("object"))
    events = fields.List(fields.Nested(InsiderEventSchema), error_messages=_messages("list"))
    not_append = _YesOrNo(metadata={"description": "lists replace the stored ones"})
    append = _YesOrNo(metadata={"description": "false: the same; it prevails over `not_append`"})

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def refuse_incomplete(self, data: Mapping[str, Any], original: Mapping[str, Any], **_more: Any) -> None:
        if not original.get("identifiers") and "insider_id" in original:
            raise ValidationError({"insider_id": {"unknown": ["no contact has an insider_id; give identifiers"]}})
        given = data.get("identifiers", {})
        if not original.get("identifiers") or (not set(given) & set(IDENTIFIERS) and "custom" in given):
            names = ", ".join(IDENTIFIERS)
            raise ValidationError({"identifiers": {"required": [f"must have at least one of {names}"]}})
        if not original.get("attributes") and not original.get("events"):
            raise ValidationError({"attributes": {"required": ["must have at least one attribute or event"]}})


class _Records(fields.List[Any]):
    """Records as they were sent: a mistake in one of them refuses that one alone."""

    def __init__(self, inner: Any, *, most: int) -> None:
        super().__init__(inner, required=True, error_messages=dict.fromkeys(("required", "null"), "must be defined"))
        self.most = most

    def _deserialize(self, value: Any, *_more: Any, **_options: Any) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise ValidationError("must be defined")
        if len(value) > self.most:
            raise ValidationError(f"must be at most {self.most}")
        return value


class InsiderUpsertSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    users = _Records(fields.Nested(InsiderUserSchema), most=USERS_MAX)
    skip_hook = fields.Raw(metadata={"type": "boolean", "description": "accepted; webhooks are sent in any case"})
    error_callback_endpoint = fields.Raw(metadata={"type": "string", "description": "accepted and ignored"})


class InsiderNumbersSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    phone_numbers = _Records(fields.String(), most=NUMBERS_MAX)


class InsiderIdentitySchema(Schema):
    """One identifier."""

    class Meta:
        unknown = EXCLUDE

    uuid = _Words(most=255, is_id=True)
    email = _Words(most=254, pattern=EMAIL)
    phone_number = _Words(pattern=PHONE)

    @validates_schema(skip_on_field_errors=True)
    def refuse_several(self, data: Mapping[str, Any], **_more: Any) -> None:
        if len(data) != 1:
            raise _refusal("one", f"must be exactly one of {', '.join(IDENTIFIERS)}")


class InsiderIdentityChangeSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    old_identifier = fields.Nested(InsiderIdentitySchema, required=True, error_messages=_messages("object"))
    new_identifier = fields.Nested(InsiderIdentitySchema, required=True, error_messages=_messages("object"))


class InsiderIdentityRemovalSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    identifier = fields.Nested(InsiderIdentitySchema, required=True, error_messages=_messages("object"))


def paths_of(messages: Mapping[str, Any], path: str) -> dict[str, list[str]]:
    """The mistakes that a schema found, by path and rule: ``{"users.0.identifiers.uuid.junk": ["…"]}``."""
    return {f"{path}.{'.'.join(parts)}": sentences for parts, sentences in _leaves(messages, ())}


def _leaves(messages: Any, parts: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            yield from _leaves(inner, parts if name == "_schema" else (*parts, str(name)[:100]))
    else:
        yield parts or ("type",), [str(each) for each in messages]


def _check_attributes(given: Mapping[str, Any]) -> None:
    if len(given) > ATTRIBUTES_MAX:
        raise _refusal("too_many", f"must be at most {ATTRIBUTES_MAX} attributes")
    wrong = [name for name, value in given.items() if not _is_value(value)]
    if wrong:
        sentence = "must be text, a number, true, false or a list of these"
        raise ValidationError({name: {"type": [sentence]} for name in wrong})


def _is_value(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= LIST_MAX and all(not isinstance(each, list) and _is_value(each) for each in value)
    if isinstance(value, str):
        return is_storable(value)
    return isinstance(value, bool | int | float) and abs(value) < _NUMBER_MAX
