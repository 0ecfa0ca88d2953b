"""Whom a rule would greet now: the conditions in SQL are those of the rule, for each contact."""

import secrets
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.bots import matching, people, preview
from app.core.bots.greeting import at_this_time
from app.core.bots.matching import Visit
from app.core.bots.working_rules import rule_of
from app.core.consent import reach
from app.core.contacts import segments
from app.core.messenger import tokens
from app.core.workspace import settings
from app.db import Database
from app.models import BotGreeting, BotRule, BotTrigger, Contact, ContactRole, MessengerToken
from tests import make
from tests.core.bots.bots import PAGE, rule, values
from tests.make import NOON


def test_the_preview_counts_the_contacts_to_whom_the_rule_applies(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, news = make.live_type(session), make.live_type(session, name="News")
        form = make.form(session, news)
        vip = segments.create(
            session, "VIP", {"field": "name", "operator": "^", "value": "Vip"}, actor="agent:1", at=NOON
        )
        earlier, tested = rule(session, is_on=False), rule(session, is_on=False, name="Tested")
        numbers = iter(f"+1202555{each:04}" for each in range(100, 200))
        for number, (is_user, name, asked) in enumerate(product([True, False], ["Vip", "Sam"], [0, 1, 2, 3])):
            sam = make.contact(
                session,
                role=ContactRole.USER if is_user else ContactRole.LEAD,
                name=f"{name} {number}",
                external_id=f"u{number}" if is_user else None,
                phone_number=next(numbers),
            )
            if asked == 1:
                make.opt_in(session, sam, news)
            if asked == 2:
                make.inserted(session, form, sam, at=NOON)
            if asked == 3:
                make.inserted(session, form, sam, at=NOON).withdrawn_at = NOON
            if not is_user and number % 2:
                tokens.store(session, f"t_{secrets.token_urlsafe(32)}", sam.id, at=NOON)
            session.flush()
            if number % 7 == 0:
                session.add(BotGreeting(rule_id=tested.id, contact_id=sam.id, greeted_at=NOON - timedelta(days=9)))
            if number % 5 == 0:
                session.add(
                    BotGreeting(rule_id=earlier.id, contact_id=sam.id, greeted_at=NOON - timedelta(hours=3 * number))
                )
        closed, archived = make.contact(session, name="Vip closed"), make.contact(session, name="Vip archived")
        closed.blocked_at, archived.archived_at = NOON, NOON
        session.flush()
        kinds = product([None, True, False], [None, news.id, offers.id], [None, vip.id], BotTrigger)
        for is_signed_in, type_id, segment_id, trigger in kinds:
            conditions = {
                "trigger": trigger,
                "words": ["price"] if trigger == BotTrigger.WORDS else [],
                "is_signed_in": is_signed_in,
                "not_asked_type_id": type_id,
                "segment_id": segment_id,
            }
            made = BotRule(id=tested.id, position=1, page="", seconds=0, hours="always", form_id=None, **conditions)
            found = preview.who(session, values(**conditions), tested.id, at=NOON)
            made.body = "Hello"
            visit = at_this_time(settings.get(session), Visit(trigger, PAGE, text="The price?"), at=NOON)
            expected = 0
            for each in session.scalars(select(Contact)):
                is_user = each.role == ContactRole.USER
                has_messenger = is_user or each.id in _with_token(session)
                if reach.is_out_of_reach(each) or not has_messenger:
                    continue
                applied = rule_of(made)
                person = people.known(session, each.id, [applied], people.anonymous({}, is_signed_in=is_user, at=NOON))
                match = matching.match([applied], visit, person, at=NOON, pause=timedelta(hours=24))
                expected += match.rule is not None
            assert found.count == expected, conditions
            assert len(found.sample) == min(expected, preview.SAMPLES)
            assert found.greets_anonymous is (is_signed_in is not True and segment_id is None)


def _with_token(session: Session) -> set[int]:
    return set(session.scalars(select(MessengerToken.contact_id)))


@pytest.mark.databases("sqlite")
def test_a_rule_for_office_hours_says_when_it_is_not_their_time(database: Database) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"office_hours": {"tue": ["09:00", "17:00"]}}, actor="agent:1", at=NOON)
        counted = [
            preview.who(session, values(hours=each), None, at=NOON).is_at_this_time
            for each in ("always", "inside", "outside")
        ]
    assert counted == [True, False, True]
