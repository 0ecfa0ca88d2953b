"""Greetings of bots in the panel: which one a visitor gets, and that a contact was greeted."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from app.core.bots import greeting
from app.core.bots.greeting import Choice, Guest
from app.core.bots.matching import Visit
from app.core.errors import NotFound
from app.core.messenger import visitors
from app.core.messenger.visitors import Visitor

NO_CONTACT = Visitor(None)


def choose(session: Session, guest: Guest, visit: Visit, *, shown_rule_id: int | None = None, at: datetime) -> Choice:
    """The greeting that a visitor gets now. Writes nothing.

    :param shown_rule_id: a greeting that another page of the visitor showed, and that they did not act on; it is shown
        again before another is chosen
    """
    if shown_rule_id is not None and (found := greeting.again(session, guest, shown_rule_id)):
        return Choice(found)
    return greeting.choose(session, guest, visit, at=at)


def guest_of(session: Session, bearer: str | None, greeted: Mapping[int, datetime], locale: str) -> Guest:
    """Who is to be greeted. A bearer that is unknown, as that of a visitor who never wrote, is an anonymous visitor."""
    try:
        found = visitors.visitor(session, bearer) if bearer else NO_CONTACT
    except NotFound:
        found = NO_CONTACT
    return Guest(found.contact_id, found.is_signed, greeted, locale)


def is_new(session: Session, bearer: str, rule_id: int) -> bool:
    """Whether ``record`` would store something. Only reads.

    :raises NotFound: the visitor is unknown
    """
    found = visitors.visitor(session, bearer)
    return found.contact_id is not None and not greeting.is_recorded(session, found.contact_id, rule_id)


def record(session: Session, bearer: str, rule_id: int, *, at: datetime) -> bool:
    """Record that a rule greeted a visitor. Of one without a contact nothing is stored. Returns whether it was new.

    :raises NotFound: the visitor is unknown
    """
    found = visitors.visitor(session, bearer)
    return found.contact_id is not None and greeting.record(session, found.contact_id, rule_id, at=at)
