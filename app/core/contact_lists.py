"""The ids of a contact's tags and notes as SQL columns, beside the columns of the contact itself."""

from typing import Any

from sqlalchemy import ColumnElement, String, literal_column, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.models import Contact, ContactNote, ContactTag

_CONTACT = Contact.__table__
_TAG = ContactTag.__table__
_NOTE = ContactNote.__table__


class _Joined(FunctionElement[str]):
    """Texts of all rows, joined. SQLAlchemy's ``aggregate_strings`` cannot be compiled ahead."""

    type = String()
    inherit_cache = True


@compiles(_Joined, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **more: Any) -> str:
    return f"string_agg({compiler.process(element.clauses, **more)})"


@compiles(_Joined, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **more: Any) -> str:
    return f"group_concat({compiler.process(element.clauses, **more)})"


def _joined(column: ColumnElement[int], contact_id: ColumnElement[int], label: str) -> ColumnElement[str | None]:
    ids = select(_Joined(sql_cast(column, String), literal_column("','"))).where(contact_id == _CONTACT.c.id)
    return ids.correlate(_CONTACT).scalar_subquery().label(label)


TAG_IDS = _joined(_TAG.c.tag_id, _TAG.c.contact_id, "tag_ids")
NOTE_IDS = _joined(_NOTE.c.id, _NOTE.c.contact_id, "note_ids")


def ids_in(joined: str | None) -> tuple[int, ...]:
    """The ids in the value of such a column, the lowest first."""
    return tuple(sorted(int(each) for each in joined.split(","))) if joined else ()
