"""Greetings of contacts are erased with them, and move with a merge."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.bots import greeting, rules
from app.core.bots.greeting import Guest, Shown
from app.core.bots.matching import Visit
from app.core.consent import locking
from app.core.contacts import erase, merge
from app.core.conversations import lifecycle
from app.db import Database
from app.models import BotGreeting, BotTrigger, Message
from tests import make
from tests.core.bots.bots import PAGE, rule
from tests.crossing import cross
from tests.make import NOON


def test_greetings_move_with_a_merge_and_are_erased_with_the_person(database: Database) -> None:
    with database.unit_of_work() as session:
        both, one = rule(session), rule(session, name="Second")
        sam, lead = make.contact(session), make.contact(session, role="lead", external_id=None)
        session.flush()
        for made, contact, hours in ((both, sam, 0), (both, lead, 1), (one, lead, 2)):
            assert greeting.record(session, contact.id, made.id, at=NOON + timedelta(hours=hours))
        assert not greeting.record(session, sam.id, both.id, at=NOON)
        merge.merge(session, lead.public_id, sam.public_id, actor="agent:1", at=NOON)
        found = session.execute(select(BotGreeting.rule_id, BotGreeting.contact_id, BotGreeting.greeted_at)).all()
        assert sorted(tuple(each) for each in found) == [
            (both.id, sam.id, NOON),
            (one.id, sam.id, NOON + timedelta(hours=2)),
        ]
        erase.erase(session, locking.lock_contact(session, sam.id), actor="agent:1", at=NOON)
        assert session.scalars(select(BotGreeting.rule_id)).all() == []


def test_a_closed_conversation_stays_closed_and_the_greeting_is_placed_in_a_new_one(database: Database) -> None:
    with database.unit_of_work() as session:
        made = rule(session, form_id=make.form(session).id, trigger=BotTrigger.OPEN)
        sam = make.contact(session)
        session.flush()
        old = lifecycle.find_or_start(session, sam.id, at=NOON)
        lifecycle.close(session, old.id, actor="agent:1", at=NOON)
        guest = Guest(sam.id, is_signed_in=True)
        choice = greeting.choose(session, guest, Visit(BotTrigger.OPEN, PAGE), at=NOON)
        assert choice.greeting is not None
        assert choice.greeting.rule_id == made.id
        assert [greeting.place(session, guest, Shown(PAGE, made.id), at=NOON) for _ in range(2)] == [True, False]
        placed = session.execute(
            select(Message.conversation_id, Message.kind, Message.author).order_by(Message.id)
        ).all()
        assert [(row.kind, row.author) for row in placed if row.conversation_id != old.id] == [
            ("message", f"bot:{made.id}"),
            ("form", f"bot:{made.id}"),
        ]
        assert greeting.again(session, guest, made.id) is None


@pytest.mark.databases("postgresql")
def test_a_rule_that_is_deleted_while_it_greets_is_recorded_of_nobody(database: Database) -> None:
    with database.unit_of_work() as session:
        rule_id, sam_id = rule(session).id, make.contact(session).id

    def record(session: Session) -> bool:
        return greeting.record(session, sam_id, rule_id, at=NOON)

    def remove(session: Session) -> None:
        rules.remove(session, rule_id, actor="agent:1", at=NOON)

    assert cross(database, remove, record) is False
