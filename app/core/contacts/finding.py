"""Contacts by exactly what an agent knows of one."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.contacts import records, typed_search
from app.db import dialect_of
from app.models import Contact

FOUND_MAX = 50


def find_exactly(session: Session, typed: str, *, region: str | None) -> list[Contact]:
    """The contacts with exactly this number, address, external id or label (``Lead 361421``), the newest first.

    A number may be written as in its own country (``07400 123456``), whichever that is.

    :param region: the country in which numbers without a ``+`` are read
    """
    found = {each.id: each for each in records.look_up(session, typed, region=region)}
    others = (typed_search.label_range(typed), typed_search.written_at_home(typed, dialect_of(session)))
    for condition in others:
        if condition is not None:
            rows = session.scalars(select(Contact).where(condition).order_by(Contact.id.desc()).limit(FOUND_MAX))
            found |= {each.id: each for each in rows}
    return list(found.values())
