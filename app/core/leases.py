"""Claims: a part of the work holds what it claimed for a while, and so keeps it from others.

When its process was killed, the lease ends by itself: after its time, and immediately where the clock was set back
since, so that the claim is from the future.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_


def holds(claimed_at: datetime | None, lease: timedelta, *, at: datetime) -> bool:
    """Whether a claim still holds."""
    return claimed_at is not None and abs(at - claimed_at) <= lease


def is_over(claimed_at: Any, lease: timedelta, *, at: datetime) -> ColumnElement[bool]:
    """The same in SQL: whether there is a claim that holds no more.

    :param claimed_at: a column
    """
    return or_(claimed_at < at - lease, claimed_at > at + lease)


def is_free(claimed_at: Any, lease: timedelta, *, at: datetime) -> ColumnElement[bool]:
    """In SQL: whether there is no claim, or one that holds no more."""
    return or_(claimed_at.is_(None), is_over(claimed_at, lease, at=at))
