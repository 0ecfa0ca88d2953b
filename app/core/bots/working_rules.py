"""Rules that are on and complete, read for visitors, and what keeps others from working."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import select, true
from sqlalchemy.orm import Session

from app.core.bots.matching import Rule
from app.core.forms.form_view import is_offered
from app.db import run
from app.models import BotHours, BotRule, BotTrigger, OptInForm, OptInFormVersion, SubscriptionType, TypeState

_RULE = BotRule.__table__
_FORM = OptInForm.__table__
_VERSION = OptInFormVersion.__table__
_TYPE = SubscriptionType.__table__
_ASKED_TYPE = _TYPE.alias("asked_type")
_WITH_STATES = (
    select(
        _RULE,
        _FORM.c.archived_at.label("form_archived_at"),
        _TYPE.c.state.label("form_type_state"),
        _ASKED_TYPE.c.state.label("asked_type_state"),
    )
    .select_from(
        _RULE.outerjoin(_FORM, _FORM.c.id == _RULE.c.form_id)
        .outerjoin(_VERSION, (_VERSION.c.form_id == _FORM.c.id) & (_VERSION.c.number == _FORM.c.version))
        .outerjoin(_TYPE, _TYPE.c.id == _VERSION.c.subscription_type_id)
        .outerjoin(_ASKED_TYPE, _ASKED_TYPE.c.id == _RULE.c.not_asked_type_id)
    )
    .order_by(_RULE.c.position, _RULE.c.id)
)
_ON = _WITH_STATES.where(_RULE.c.is_on == true())


class Problem(StrEnum):
    """Why a rule does nothing: its form is archived; the type of its form, or that of its condition, is not live."""

    FORM_ARCHIVED = "form_archived"
    FORM_TYPE_NOT_LIVE = "form_type_not_live"
    TYPE_NOT_LIVE = "type_not_live"


def problem_of(session: Session, rule: BotRule) -> Problem | None:
    """Why the rule does nothing although it is on; null: nothing speaks against it."""
    row = run(session, _WITH_STATES.where(_RULE.c.id == rule.id)).one_or_none()
    return _problem(row) if row is not None else None


def working(session: Session, *triggers: BotTrigger) -> list[Rule]:
    """The rules of these triggers that are on and complete, in their order. One statement."""
    rows = run(session, _ON.where(_RULE.c.trigger.in_([each.value for each in triggers])))
    return [rule_of(row) for row in rows if _problem(row) is None]


def triggers(session: Session) -> list[BotTrigger]:
    """For which triggers there are working rules. One statement."""
    return sorted({BotTrigger(row.trigger) for row in run(session, _ON) if _problem(row) is None})


def is_kept(session: Session, rule_id: int) -> bool:
    """Whether the rule still exists. It is locked, so that it is not deleted while it is recorded that it applied."""
    locked = select(_RULE.c.id).where(_RULE.c.id == rule_id).with_for_update(read=True, key_share=True)
    return run(session, locked).first() is not None


def rule_of(row: Any) -> Rule:
    """A row of the table, or a ``BotRule``, as ``matching.py`` takes it."""
    return Rule(
        id=row.id,
        position=row.position,
        trigger=BotTrigger(row.trigger),
        body=row.body,
        words=tuple(row.words or ()),
        page=row.page,
        seconds=row.seconds,
        is_signed_in=row.is_signed_in,
        not_asked_type_id=row.not_asked_type_id,
        segment_id=row.segment_id,
        hours=BotHours(row.hours),
        form_id=row.form_id,
    )


def problems(session: Session) -> Mapping[int, Problem]:
    """Why rules do nothing, by their ids. Rules without a problem are left out. One statement."""
    found = {row.id: _problem(row) for row in run(session, _WITH_STATES)}
    return {rule_id: problem for rule_id, problem in found.items() if problem is not None}


def _problem(row: Any) -> Problem | None:
    if row.form_id is not None and row.form_archived_at is not None:
        return Problem.FORM_ARCHIVED
    if row.form_id is not None and not is_offered(archived_at=None, type_state=row.form_type_state):
        return Problem.FORM_TYPE_NOT_LIVE
    if row.not_asked_type_id is not None and row.asked_type_state != TypeState.LIVE:
        return Problem.TYPE_NOT_LIVE
    return None
