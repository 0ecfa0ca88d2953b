"""What lists that are read by pages share: the query, and the pages of the response."""

from typing import Any

from marshmallow import ValidationError, fields, missing, pre_load, validate

from app.schemas.fields import Constant, Input, ListSchema, Output, Text


class WholeNumber(fields.Integer):
    """An integer of a query string, where clients also write ``50.0``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> int:
        if isinstance(value, str):
            whole, dot, rest = value.partition(".")
            value = whole if dot and rest.strip("0") == "" else value
        return super()._deserialize(value, attr, data, **more)


class PhoneInQuery(Text):
    """A phone number in a query string. A space at its beginning is a plus sign that was sent unencoded."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        text = super()._deserialize(value, attr, data, **more)
        return "+" + text.lstrip() if text.startswith(" ") else text


class NextPageSchema(Output):
    page = fields.Integer(required=True)
    starting_after = fields.String(required=True, metadata={"description": "opaque; send it back as it is"})


class PagesSchema(Output):
    type = Constant("pages")
    page = fields.Integer(required=True)
    per_page = fields.Integer(required=True)
    total_pages = fields.Integer(required=True)
    next = fields.Nested(NextPageSchema, metadata={"description": "left out on the last page"})


class PagedListSchema(ListSchema):
    """One page of a list. Subclasses add ``data``."""

    total_count = fields.Integer(required=True)
    total_count_is_minimum = fields.Boolean(
        required=True, metadata={"description": "true where counting stopped: there are at least so many"}
    )
    pages = fields.Nested(PagesSchema, required=True)


class PagingSchema(Input):
    """How much of a list, from where. A list without page numbers refuses ``page``, so that no client loops forever."""

    per_page = WholeNumber(
        load_default=None, validate=validate.Range(min=1, max=150), metadata={"description": "at most 150"}
    )
    starting_after = fields.String(load_default=None, metadata={"description": "from the page before"})

    @pre_load
    def refuse_page(self, data: Any, **_more: Any) -> Any:
        has_number = "page" not in self.fields and data.get("page", "1") not in ("1", missing)
        if has_number and data.get("starting_after", missing) in ("", missing):
            raise ValidationError("Page by “starting_after”: this list has no pages by number.", "page")
        return data
