"""Whom a rule would greet now: how many contacts meet its conditions, and some of them. Writes nothing.

The conditions are those of ``matching.fits_person`` in SQL; a test compares the two for each contact. The page, the
time on it and the words are not known before a visit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, exists, false, func, literal, or_, select
from sqlalchemy.orm import Session

from app.core.bots import people
from app.core.bots.rule_values import RuleValues
from app.core.consent import reach
from app.core.contacts import filter_sql, filters, search_plans
from app.core.contacts import search as contact_search
from app.core.workspace import office_hours, settings
from app.db import run
from app.models import (
    BotGreeting,
    BotHours,
    BotRule,
    BotTrigger,
    Consent,
    Contact,
    ContactRole,
    InsertedForm,
    MessengerToken,
    OptInFormVersion,
    Segment,
    Workspace,
)

COUNTED_MAX, SAMPLES = contact_search.COUNTED_MAX, 5
_CONTACT = Contact.__table__
_GREETING = BotGreeting.__table__
_RULE = BotRule.__table__
_CONSENT = Consent.__table__
_INSERTED = InsertedForm.__table__
_VERSION = OptInFormVersion.__table__
_TOKEN = MessengerToken.__table__
_IS_USER = _CONTACT.c.role == ContactRole.USER.value
_HAS_TOKEN = exists().where(_TOKEN.c.contact_id == _CONTACT.c.id, _TOKEN.c.ended_at.is_(None))


@dataclass(frozen=True)
class Matching:
    """Whom a rule would greet now.

    :param count: of contacts, at most ``COUNTED_MAX``
    :param sample: some of them, those that changed last first
    :param greets_anonymous: whether visitors without a contact can meet the conditions
    :param is_at_this_time: whether the office hours of the rule allow it now
    """

    count: int
    sample: Sequence[Contact]
    greets_anonymous: bool
    is_at_this_time: bool

    @property
    def is_more(self) -> bool:
        return self.count >= COUNTED_MAX


def who(session: Session, values: RuleValues, rule_id: int | None, *, at: datetime) -> Matching:
    """Whom the rule with these values would greet now, if it were on.

    :param rule_id: of the saved rule, whom it greeted before; null: it is new
    """
    workspace = settings.get(session)
    condition = and_(*_conditions(session, values, rule_id), *_pause(values, workspace, at=at))
    some = select(literal(1)).select_from(_CONTACT).where(condition).limit(COUNTED_MAX).subquery()
    count = run(session, select(func.count()).select_from(some)).scalar_one()
    newest = select(Contact).where(condition).order_by(Contact.updated_at.desc(), Contact.id.desc()).limit(SAMPLES)
    is_open = office_hours.is_open(workspace.office_hours, workspace.time_zone, at=at)
    now = BotHours.INSIDE if is_open else BotHours.OUTSIDE
    return Matching(
        count=count,
        sample=list(session.scalars(newest)) if count else [],
        greets_anonymous=values.is_signed_in is not True and values.segment_id is None,
        is_at_this_time=values.hours in {BotHours.ALWAYS, now},
    )


def _conditions(session: Session, values: RuleValues, rule_id: int | None) -> list[ColumnElement[bool]]:
    """The conditions about the person, and once to a person. A lead is reached through the token of their browser."""
    wanted: list[ColumnElement[bool]] = [reach.IS_WITHIN_REACH]
    wanted.append({True: _IS_USER, False: ~_IS_USER & _HAS_TOKEN}.get(cast(bool, values.is_signed_in), _reachable()))
    if values.not_asked_type_id is not None:
        wanted += _never_asked(values.not_asked_type_id)
    if values.segment_id is not None:
        wanted.append(_in_segment(session, values.segment_id))
    if rule_id is not None:
        wanted.append(~exists().where(_GREETING.c.contact_id == _CONTACT.c.id, _GREETING.c.rule_id == rule_id))
    return wanted


def _reachable() -> ColumnElement[bool]:
    return or_(_IS_USER, _HAS_TOKEN)


def _never_asked(type_id: int) -> list[ColumnElement[bool]]:
    waiting = (
        select(_INSERTED.c.id)
        .join(_VERSION, _VERSION.c.id == _INSERTED.c.version_id)
        .where(_INSERTED.c.contact_id == _CONTACT.c.id, people.IS_WAITING, _VERSION.c.subscription_type_id == type_id)
    )
    consent = exists().where(_CONSENT.c.contact_id == _CONTACT.c.id, _CONSENT.c.subscription_type_id == type_id)
    return [~consent, ~waiting.exists()]


def _in_segment(session: Session, segment_id: int) -> ColumnElement[bool]:
    found = session.get(Segment, segment_id)
    if found is None:
        return false()
    query = filters.read(found.query)
    context = contact_search.context_of(session, query)
    return and_(filter_sql.condition(query, context), search_plans.is_listed(query, context))


def _pause(values: RuleValues, workspace: Workspace, *, at: datetime) -> list[Any]:
    """Greetings wait until the pause after the last one is over; replies do not."""
    if values.trigger == BotTrigger.WORDS or not workspace.bot_pause_hours:
        return []
    since = at - timedelta(hours=workspace.bot_pause_hours)
    recent = (
        select(_GREETING.c.rule_id)
        .join(_RULE, _RULE.c.id == _GREETING.c.rule_id)
        .where(
            _GREETING.c.contact_id == _CONTACT.c.id,
            _GREETING.c.greeted_at > since,
            _RULE.c.trigger != BotTrigger.WORDS.value,
        )
    )
    return [~recent.exists()]
