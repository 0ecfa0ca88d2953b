"""Whether a form accepts answers: the rule in Python and in SQL. A test compares the two for each case."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_

from app.models import OptInForm, SubscriptionType, TypeState

_FORM = OptInForm.__table__
_TYPE = SubscriptionType.__table__


def is_offered(*, archived_at: datetime | None, type_state: str) -> bool:
    """Whether the form is not archived, and its subscription type is live."""
    return archived_at is None and type_state == TypeState.LIVE


IS_OFFERED: ColumnElement[bool] = and_(_FORM.c.archived_at.is_(None), _TYPE.c.state == TypeState.LIVE.value)
