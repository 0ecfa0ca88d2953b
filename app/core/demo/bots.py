"""The demo's bots: one greets visitors, and one that is off answers words."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.core.bots import rules
from app.core.bots.rule_values import RuleValues
from app.core.demo.people import OFFERS
from app.core.demo.shop import Shop
from app.models import BotTrigger

_WELCOME = "Welcome to Harbour Coffee! Would you like our offers by text, before they are on the site?"
_HOURS = "We are open every day from 8 to 18. Ask us anything here, and we will answer as soon as we can."


def create(session: Session, made: Shop, *, at: datetime) -> None:
    """Two bots; only the first is on."""
    welcome = RuleValues(
        "Offers for visitors",
        BotTrigger.PAGE,
        _WELCOME,
        seconds=5,
        not_asked_type_id=made.types[OFFERS].id,
        form_id=made.forms[OFFERS].id,
    )
    hours = RuleValues("Opening hours", BotTrigger.WORDS, _HOURS, words=["opening hours", "open", "hours", "closed"])
    first = rules.create(session, welcome, actor=made.marketer, at=at)
    rules.create(session, hours, actor=made.marketer, at=at)
    rules.switch(session, first.id, is_on=True, actor=made.marketer, at=at)
