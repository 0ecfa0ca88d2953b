"""Rules, visits and visitors for the tests of bots."""

from typing import Any

from sqlalchemy.orm import Session

from app.core.bots import rules
from app.core.bots.rule_values import RuleValues
from app.models import BotRule, BotTrigger
from tests.make import NOON

PAGE = "https://shop.example.com/"


def values(**changed: Any) -> RuleValues:
    return RuleValues(
        **({"name": "Welcome", "trigger": BotTrigger.PAGE, "body": "Have you seen our offers?"} | changed)
    )


def rule(session: Session, *, is_on: bool = True, **changed: Any) -> BotRule:
    made = rules.create(session, values(**changed), actor="agent:1", at=NOON)
    return rules.switch(session, made.id, is_on=is_on, actor="agent:1", at=NOON)
