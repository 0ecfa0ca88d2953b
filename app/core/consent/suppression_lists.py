"""Lists of suppressions, by page."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import Session

from app.core import phone
from app.core.signing import keys_of
from app.core.workspace import settings
from app.db import run
from app.models import Suppression

_SUPPRESSION = Suppression.__table__


@dataclass(frozen=True)
class Filter:
    """Which suppressions to list. Null: all of them.

    :param phone_number: only the suppression of this number, in any usual way to write it
    :param cause: only those with this cause
    """

    phone_number: str | None = None
    cause: str | None = None


def page(session: Session, only: Filter, *, after: str | None = None, limit: int) -> list[Suppression]:
    """One page of suppressions, in the order of their hashes.

    :param after: the last hash of the page before
    """
    query = select(Suppression).where(*_conditions(session, only)).order_by(Suppression.phone_hash).limit(limit)
    return list(session.scalars(query.where(Suppression.phone_hash > after) if after else query))


def count(session: Session, only: Filter, *, most: int) -> int:
    """The number of suppressions, counted up to ``most``."""
    some = select(literal(1)).select_from(_SUPPRESSION).where(*_conditions(session, only)).limit(most).subquery()
    return int(run(session, select(func.count()).select_from(some)).scalar_one())


def _conditions(session: Session, only: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if only.phone_number is not None:
        numbers = phone.candidates(only.phone_number, region=settings.get(session).default_country)
        conditions.append(Suppression.phone_hash.in_(map(keys_of(session).destination_hash, numbers)))
    if only.cause is not None:
        conditions.append(Suppression.cause == only.cause)
    return conditions
