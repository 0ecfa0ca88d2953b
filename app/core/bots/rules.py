"""Rules by which a bot writes to visitors: created, changed, ordered, switched on and off.

A rule whose form or subscription type is no longer offered does nothing, whatever its switch says (``Problem``).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.bots import rule_values, working_rules
from app.core.bots.rule_values import RuleValues
from app.core.bots.working_rules import Problem
from app.core.errors import InvalidState, NotFound
from app.models import BotGreeting, BotRule

RULES_MAX = 50


@dataclass(frozen=True)
class ListedRule:
    """A rule with what keeps it from working (null: nothing), and how many people it applied to."""

    rule: BotRule
    problem: Problem | None
    greeted: int

    @property
    def is_working(self) -> bool:
        return self.rule.is_on and self.problem is None


def create(session: Session, values: RuleValues, *, actor: str, at: datetime) -> BotRule:
    """Create a rule, off, as the last one.

    :raises InvalidInput: a value is refused; ``field`` names it
    :raises InvalidState: there are ``RULES_MAX`` rules already
    """
    count, last = session.execute(select(func.count(), func.max(BotRule.position)).select_from(BotRule)).one()
    if count >= RULES_MAX:
        raise InvalidState("There are %(most)s bots already. Delete one first.", most=RULES_MAX)
    rule = BotRule(
        **rule_values.checked(session, values), position=(last or 0) + 1, created_by=actor, created_at=at, updated_at=at
    )
    session.add(rule)
    session.flush()
    _record(session, rule, "created", audit.changes({}, _described(rule)), actor=actor, at=at)
    return rule


def change(
    session: Session, rule_id: int, values: RuleValues, *, revision: int | None, actor: str, at: datetime
) -> BotRule:
    """Change a rule. People to whom it applied before are not greeted again.

    :param revision: of the page that was filled in
    :raises InvalidInput: a value is refused; ``field`` names it
    :raises InvalidState: the rule was changed since
    :raises NotFound: there is no such rule
    """
    rule = find(session, rule_id, lock=True)
    if revision is not None and revision != rule.revision:
        raise InvalidState("This bot was changed since you opened the page. Load the page again.")
    before = _described(rule)
    for name, value in rule_values.checked(session, values).items():
        setattr(rule, name, value)
    if details := audit.changes(before, _described(rule)):
        rule.updated_at, rule.revision = at, rule.revision + 1
        _record(session, rule, "changed", details, actor=actor, at=at)
    return rule


def switch(session: Session, rule_id: int, *, is_on: bool, actor: str, at: datetime) -> BotRule:
    """Switch a rule on or off.

    :raises InvalidState: it cannot be switched on, because of its form or type
    :raises NotFound: there is no such rule
    """
    rule = find(session, rule_id, lock=True)
    if is_on and working_rules.problem_of(session, rule) is not None:
        raise InvalidState("This bot cannot be switched on: what it offers or asks for is no longer available.")
    if rule.is_on != is_on:
        rule.is_on, rule.updated_at = is_on, at
        _record(session, rule, "switched_on" if is_on else "switched_off", {}, actor=actor, at=at)
    return rule


def move(session: Session, rule_id: int, *, is_up: bool, actor: str, at: datetime) -> None:
    """Exchange a rule with the one before or after it. The first and the last one stay.

    :raises NotFound: there is no such rule
    """
    ordered = list(session.scalars(select(BotRule).order_by(BotRule.position, BotRule.id).with_for_update()))
    place = next((index for index, each in enumerate(ordered) if each.id == rule_id), None)
    if place is None:
        raise NotFound("There is no such bot.")
    other = place - 1 if is_up else place + 1
    if 0 <= other < len(ordered):
        ordered[place], ordered[other] = ordered[other], ordered[place]
        for position, each in enumerate(ordered, start=1):
            each.position = position
        _record(session, ordered[other], "moved", {"position": other + 1}, actor=actor, at=at)


def remove(session: Session, rule_id: int, *, actor: str, at: datetime) -> None:
    """Delete a rule. What it wrote stays in the conversations. :raises NotFound: there is no such rule"""
    rule = find(session, rule_id, lock=True)
    session.execute(delete(BotGreeting).where(BotGreeting.rule_id == rule.id))
    _record(session, rule, "deleted", {"name": rule.name}, actor=actor, at=at)
    session.delete(rule)
    session.flush()


def find(session: Session, rule_id: int, *, lock: bool = False) -> BotRule:
    """:raises NotFound: there is no such rule"""
    found = session.get(BotRule, rule_id, with_for_update=True if lock else None)
    if found is None:
        raise NotFound("There is no such bot.")
    return found


def find_all(session: Session) -> list[ListedRule]:
    """Every rule in its order."""
    greeted = {
        row.rule_id: row.people
        for row in session.execute(
            select(BotGreeting.rule_id, func.count().label("people")).group_by(BotGreeting.rule_id)
        )
    }
    problems = working_rules.problems(session)
    found = session.scalars(select(BotRule).order_by(BotRule.position, BotRule.id))
    return [ListedRule(each, problems.get(each.id), greeted.get(each.id, 0)) for each in found]


def _described(rule: BotRule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in rule_values.NAMES}


def _record(session: Session, rule: BotRule, action: str, details: dict[str, Any], *, actor: str, at: datetime) -> None:
    audit.record(session, actor, f"bot.{action}", f"bot:{rule.id}", details, at=at)
    session.flush()
