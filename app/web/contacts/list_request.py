"""What the address of a list of contacts asks for: search, filter, order, columns, page. It can be shared."""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from app.core.contacts import filter_json, filters, typed_search
from app.core.contacts.filters import Query
from app.core.contacts.search_walks import Key, Order
from app.core.errors import InvalidInput
from app.core.wording import translatable
from app.schemas.entry import BadValue, read_json
from app.schemas.fields import ID_MAX

# Values of "sort", and what they are called. A minus in front is descending.
SORTS: Mapping[str, str] = {
    "": translatable("Newest contacts first"),
    "name": translatable("Name, A to Z"),
    "-name": translatable("Name, Z to A"),
    "-created_at": translatable("Date created, newest first"),
    "created_at": translatable("Date created, oldest first"),
    "-updated_at": translatable("Date changed, newest first"),
    "updated_at": translatable("Date changed, oldest first"),
    "-last_seen_at": translatable("Last visit, newest first"),
    "last_seen_at": translatable("Last visit, oldest first"),
}
_KEY_MAX = 4000


@dataclass(frozen=True)
class ListRequest:
    """The parameters as they were given. ``filter`` is JSON text in the query language.

    ``edit`` is the id of the segment whose filter is being edited.
    """

    path: str
    q: str = ""
    filter: str = ""
    sort: str = ""
    columns: tuple[str, ...] = ()
    after: str = ""
    before: str = ""
    edit: str = ""

    @property
    def order(self) -> Order:
        if self.sort not in SORTS or not self.sort:
            return Order()
        return Order(self.sort.removeprefix("-"), is_descending=self.sort.startswith("-"))

    def address(self, **changes: Any) -> str:
        """The address of a list like this one, with changes; of its first page, unless the change names another."""
        changed = replace(self, **({"after": "", "before": ""} | changes))
        query = urlencode(changed.fields(), doseq=True)
        return f"{changed.path}?{query}" if query else changed.path

    def fields(self) -> list[tuple[str, tuple[str, ...]]]:
        """The parameters that are not empty, each with its values."""
        given = vars(self) | {"sort": self.sort if self.sort in SORTS else ""}
        del given["path"]
        values = ((name, value if isinstance(value, tuple) else (value,)) for name, value in given.items())
        return [(name, value) for name, value in values if any(value)]

    def hidden(self, *without: str) -> list[tuple[str, str]]:
        """The parameters as hidden fields of a form that sets the others; the page is left out."""
        left_out = {*without, "after", "before"}
        return [(name, each) for name, values in self.fields() if name not in left_out for each in values]


def read(path: str, arguments: MultiDict[str, str]) -> ListRequest:
    """The parameters of an address; texts are as long as they may be."""
    return ListRequest(
        path,
        q=arguments.get("q", "")[: typed_search.TYPED_MAX].strip(),
        filter=arguments.get("filter", "").strip(),
        sort=arguments.get("sort", ""),
        columns=tuple(dict.fromkeys(arguments.getlist("columns"))),
        after=arguments.get("after", ""),
        before=arguments.get("before", ""),
        edit=arguments.get("edit", ""),
    )


def query_of(text: str) -> Query | None:
    """The query of a filter. :raises InvalidInput: it is not valid"""
    if not text:
        return None
    try:
        raw = read_json(text.encode())
    except BadValue:
        raise InvalidInput("This is not valid JSON.", field="filter") from None
    return filters.read(raw)


def compact(raw: Mapping[str, Any]) -> str:
    """A query as the text of an address."""
    return json.dumps(raw, ensure_ascii=False, separators=(",", ":"))


def packed(key: Key | None) -> str:
    """The key of a row as text; empty for null."""
    if key is None:
        return ""
    return base64.urlsafe_b64encode(json.dumps(key, ensure_ascii=False).encode()).rstrip(b"=").decode()


def unpacked(text: str) -> Key | None:
    """The key that ``packed`` made this text of; null for an empty text.

    :raises InvalidInput: it is no such text
    """
    if not text:
        return None
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        value, row_id = read_json(base64.b64decode(padded, b"-_", validate=True)) if len(text) <= _KEY_MAX else (0, 0)
    except (ValueError, TypeError, BadValue, binascii.Error):
        value, row_id = 0, 0
    is_value = value is None or (isinstance(value, str | int) and not isinstance(value, bool))
    if not is_value or not isinstance(row_id, int) or not 0 < row_id <= ID_MAX or "\0" in str(value):
        raise InvalidInput("This page of the list does not exist.", field="after")
    return (value, row_id)


def known_columns(chosen: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """The chosen ones among the known columns, in the order of these."""
    wanted = set(chosen)
    return tuple(each for each in known if each in wanted)


def selection(text: str, q: str) -> dict[str, Any]:
    """The contacts of a filter and a search, as ``core/bulk/selection.py`` has them.

    :raises InvalidInput: the filter is not valid
    """
    query = query_of(text)
    return {"query": filter_json.dump(query) if query is not None else None, "q": q}
