"""Contacts by exactly what an agent knows of one."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.contacts import records, typed_search
from app.models import Contact

FOUND_MAX = 50


def find_exactly(session: Session, typed: str, *, region: str | None) -> list[Contact]:
    """The contacts with exactly this number, address, external id or label (``Lead 361421``), the newest first.

    :param region: the country in which numbers without a ``+`` are read
    """
    known = records.look_up(session, typed, region=region)
    labeled = typed_search.label_range(typed)
    if labeled is None:
        return known
    found = session.scalars(select(Contact).where(labeled).limit(FOUND_MAX))
    return list({each.id: each for each in (*known, *found)}.values())
