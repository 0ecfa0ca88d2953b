"""Whether a form can be answered: each rule once in Python and once in SQL, side by side.

A test compares the two, case by case.
"""

from datetime import datetime
from typing import Protocol, cast

from sqlalchemy import ColumnElement, Table, and_, false

from app.models import Contact, OptInForm, SubscriptionType, TypeState

_FORM = cast(Table, OptInForm.__table__)
_TYPE = cast(Table, SubscriptionType.__table__)
_CONTACT = cast(Table, Contact.__table__)


class Person(Protocol):
    """What decides whether a contact can be reached at all: a ``Contact``, or a ``Respondent``."""

    @property
    def archived_at(self) -> datetime | None: ...
    @property
    def blocked_at(self) -> datetime | None: ...
    @property
    def gdpr_optin(self) -> bool | None: ...


def is_offered(*, archived_at: datetime | None, type_state: str) -> bool:
    """Whether a form takes answers from anybody: it is not archived, and its subscription type is live."""
    return archived_at is None and type_state == TypeState.LIVE


IS_OFFERED: ColumnElement[bool] = and_(_FORM.c.archived_at.is_(None), _TYPE.c.state == TypeState.LIVE.value)


def is_out_of_reach(person: Person) -> bool:
    """Whether this contact may answer no form and get no message: archived, blocked, or GDPR opt-in is false."""
    return person.archived_at is not None or person.blocked_at is not None or person.gdpr_optin is False


IS_WITHIN_REACH: ColumnElement[bool] = and_(
    _CONTACT.c.archived_at.is_(None), _CONTACT.c.blocked_at.is_(None), _CONTACT.c.gdpr_optin.is_not(false())
)
