"""Every response schema: nothing that it declares is lost on the way, and nothing is required in vain."""

import importlib
import pkgutil
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from marshmallow import fields

from app import schemas
from app.core.wording import DEFAULT_BUTTON_TEXT
from app.schemas.contact import ContactSchema, WebhookContactSchema
from app.schemas.fields import Constant, IsoTime, Itself, Output, UnixTime
from app.schemas.form import ButtonText

for module in pkgutil.iter_modules(schemas.__path__):
    importlib.import_module(f"app.schemas.{module.name}")
AT = datetime(2026, 11, 2, 12, tzinfo=UTC)


def outputs(base: type[Output] = Output) -> list[type[Output]]:
    found = [each for each in base.__subclasses__() if each.__module__.startswith("app.schemas.")]
    return sorted({*found, *(deeper for each in found for deeper in outputs(each))}, key=lambda each: each.__name__)


class Anything(SimpleNamespace):
    """An object with every attribute that a schema reads, each of a value that its field takes."""


def value_for(field: fields.Field[Any], schema: Output) -> Any:
    if isinstance(field, Itself):
        return None
    if isinstance(field, fields.Nested):
        return filled(field.schema) if isinstance(field.schema, Output) else ()
    if isinstance(field, UnixTime | IsoTime):
        return AT
    if type(field) is fields.List:
        return [value_for(field.inner, schema)]
    if isinstance(field, fields.Dict):
        return {"name": "value"}
    return 7 if isinstance(field, fields.Number) else "text"


def filled(schema: Output) -> Anything:
    """A value whose optional fields are there, too."""
    value = Anything(
        row=Anything(public_id="a" * 24),
        kind="message",
        is_plain=True,
        evidence=Anything(),
        message=Anything(kind="message", body="text"),
    )
    for name, field in schema.dump_fields.items():
        place: Any = value
        *parents, last = (field.attribute or name).split(".")
        for parent in parents:
            if not hasattr(place, parent) or not isinstance(getattr(place, parent), Anything):
                setattr(place, parent, Anything())
            place = getattr(place, parent)
        if isinstance(field, Itself):
            merge(value, filled(field.schema))
        elif isinstance(field, fields.Dict) or not isinstance(getattr(place, last, None), Anything):
            setattr(place, last, special(schema, name, field))
    return value


def merge(value: Anything, more: Anything) -> None:
    """Add the attributes of ``more`` that ``value`` lacks."""
    for name, each in vars(more).items():
        own = vars(value).setdefault(name, each)
        if isinstance(own, Anything) and isinstance(each, Anything) and own is not each:
            merge(own, each)


def special(schema: Output, name: str, field: fields.Field[Any]) -> Any:
    """Fields of ours that read more than a plain value."""
    match type(field).__name__:
        case "ContentTypes":
            return "sms"
        case "Collection" | "EmptyCollection":
            return (1, 2)
        case "Translations" | "TypesField":
            return []
        case "Source":
            return None
        case "_DryRun":
            return {"dry_run": True}
        case "Dict" if isinstance(field.value_field, fields.Integer):
            return {"blocked": 2}
        case _:
            return value_for(field, schema)


@pytest.mark.parametrize("schema", outputs(), ids=lambda each: each.__name__)
def test_a_dump_has_every_field_of_its_schema(schema: type[Output]) -> None:
    made = schema()
    assert set(made.dump(filled(made))) == {field.data_key or name for name, field in made.fields.items()}


@pytest.mark.parametrize("schema", outputs(), ids=lambda each: each.__name__)
def test_a_required_field_that_the_value_lacks_is_an_error(schema: type[Output]) -> None:
    made = schema()
    needed = [
        name
        for name, field in made.dump_fields.items()
        if field.required and field._CHECK_ATTRIBUTE and not isinstance(field, Constant)
    ]
    if needed:
        with pytest.raises((AttributeError, KeyError)):
            made.dump(SimpleNamespace())
        with pytest.raises((AttributeError, KeyError)):
            made.dump({})


def test_webhooks_show_a_contact_with_the_fields_of_rest() -> None:
    rest, webhook = ContactSchema(), WebhookContactSchema()
    value = filled(rest)
    in_rest, in_webhook = rest.dump(value), webhook.dump(value)
    differing = {name for name in {*in_rest, *in_webhook} if in_rest.get(name) != in_webhook.get(name)}
    assert differing == {"created_at", "updated_at", "signed_up_at", "last_seen_at"}
    assert in_webhook["created_at"] == "2026-11-02T12:00:00.000+00:00"


def test_an_empty_button_text_shows_the_default_of_the_form() -> None:
    assert ButtonText()._serialize("") == DEFAULT_BUTTON_TEXT
