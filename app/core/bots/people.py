"""What rules may ask about a contact, read from the database."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, select, union
from sqlalchemy.orm import Session

from app.core.bots.matching import Person, Rule
from app.core.contacts import filters
from app.core.contacts import search as contact_search
from app.db import run
from app.models import BotGreeting, BotRule, BotTrigger, Consent, Contact, InsertedForm, OptInFormVersion, Segment

_CONTACT = Contact.__table__
_GREETING = BotGreeting.__table__
_RULE = BotRule.__table__
_CONSENT = Consent.__table__
_INSERTED = InsertedForm.__table__
_VERSION = OptInFormVersion.__table__
_GREETINGS = (
    select(_GREETING.c.rule_id, _GREETING.c.greeted_at, _RULE.c.trigger)
    .join(_RULE, _RULE.c.id == _GREETING.c.rule_id)
    .where(_GREETING.c.contact_id == bindparam("contact_id"))
)
IS_WAITING: ColumnElement[bool] = and_(_INSERTED.c.answered_at.is_(None), _INSERTED.c.withdrawn_at.is_(None))
"""Inserted forms that ask their contact for something: neither answered nor withdrawn."""
_ASKED = union(
    select(_CONSENT.c.subscription_type_id).where(_CONSENT.c.contact_id == bindparam("contact_id")),
    select(_VERSION.c.subscription_type_id)
    .join(_INSERTED, _INSERTED.c.version_id == _VERSION.c.id)
    .where(_INSERTED.c.contact_id == bindparam("contact_id"), IS_WAITING),
)


def anonymous(greeted: Mapping[int, datetime], *, is_signed_in: bool, at: datetime) -> Person:
    """A visitor without a contact, of whom only the browser knows what greeted them.

    :param greeted: when each rule greeted them
    """
    newest = max(greeted.values(), default=None)
    return Person(is_signed_in, frozenset(greeted), min(newest, at) if newest else None)


def known(session: Session, contact_id: int, rules: Collection[Rule], visitor: Person) -> Person:
    """A contact, with what the browser says about greetings. Reads only what these rules ask for.

    :param visitor: the visitor as ``anonymous`` says it
    """
    rows = run(session, _GREETINGS, {"contact_id": contact_id}).all()
    times = [row.greeted_at for row in rows if row.trigger != BotTrigger.WORDS]
    times += [visitor.greeted_at] if visitor.greeted_at else []
    return replace(
        visitor,
        greeted=visitor.greeted | {row.rule_id for row in rows},
        greeted_at=max(times, default=None),
        asked_type_ids=_asked(session, contact_id) if any(each.not_asked_type_id for each in rules) else frozenset(),
        segment_ids=_segments(session, contact_id, {each.segment_id for each in rules if each.segment_id}),
    )


def _asked(session: Session, contact_id: int) -> frozenset[int]:
    return frozenset(run(session, _ASKED, {"contact_id": contact_id}).scalars())


def _segments(session: Session, contact_id: int, segment_ids: Collection[int]) -> frozenset[int]:
    if not segment_ids:
        return frozenset()
    found = session.execute(select(Segment.id, Segment.query).where(Segment.id.in_(segment_ids))).all()
    results = contact_search.which(session, [filters.read(row.query) for row in found], contact_id)
    return frozenset(row.id for row, is_in in zip(found, results, strict=True) if is_in)
