"""Rules are created, changed, ordered, switched and deleted; what is no longer offered keeps them from working."""

from typing import Any

import pytest
from sqlalchemy import func, select

from app.core.bots import rule_values, rules, working_rules
from app.core.bots.working_rules import Problem
from app.core.contacts import segments
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.core.forms import publishing
from app.core.subscriptions import subscription_types
from app.db import Database
from app.models import AuditEntry, BotGreeting, BotTrigger
from tests import make
from tests.core.bots.bots import rule, values
from tests.make import NOON

pytestmark = pytest.mark.databases("sqlite")
WHO: Any = {"actor": "agent:1", "at": NOON}


def test_a_rule_is_created_off_changed_moved_and_deleted_and_each_step_is_audited(database: Database) -> None:
    with database.unit_of_work() as session:
        first = rules.create(session, values(name=" Welcome  all "), **WHO)
        second = rules.create(
            session, values(trigger=BotTrigger.WORDS, words=["Price", "price", " "], seconds=9), **WHO
        )
        assert (first.name, first.is_on, second.words, second.seconds) == ("Welcome all", False, ["Price"], 0)
        rules.change(session, first.id, values(name="Hi"), revision=1, **WHO)
        rules.change(session, first.id, values(name="Hi"), revision=2, **WHO)
        with pytest.raises(InvalidState, match="changed since"):
            rules.change(session, first.id, values(), revision=1, **WHO)
        rules.switch(session, first.id, is_on=True, **WHO)
        rules.switch(session, first.id, is_on=True, **WHO)
        rules.move(session, first.id, is_up=True, **WHO)
        rules.move(session, first.id, is_up=False, **WHO)
        assert [each.rule.id for each in rules.find_all(session)] == [second.id, first.id]
        session.add(BotGreeting(rule_id=first.id, contact_id=make.contact(session).id, greeted_at=NOON))
        session.flush()
        assert [each.greeted for each in rules.find_all(session)] == [0, 1]
        rules.remove(session, first.id, **WHO)
        assert session.scalar(select(func.count()).select_from(BotGreeting)) == 0
        with pytest.raises(NotFound):
            rules.find(session, first.id)
        of_bots = select(AuditEntry.action).where(AuditEntry.action.startswith("bot."))
        found = session.scalars(of_bots.order_by(AuditEntry.id))
        acts = ["created", "created", "changed", "switched_on", "moved", "deleted"]
        assert list(found) == [f"bot.{each}" for each in acts]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"trigger": "never"}, "trigger"),
        ({"trigger": "words"}, "words"),
        ({"trigger": "words", "words": ["x" * 61]}, "words"),
        ({"page": "shop"}, "page"),
        ({"page": "/shop?x=1"}, "page"),
        ({"page": "ftp://shop.example.com/"}, "page"),
        ({"seconds": 3601}, "seconds"),
        ({"hours": "lunch"}, "hours"),
        ({"body": " "}, "body"),
        ({"form_id": 99}, "form_id"),
        ({"segment_id": 99}, "segment_id"),
        ({"not_asked_type_id": 99}, "not_asked_type_id"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_its_field(database: Database, change: Any, field: str) -> None:
    with database.unit_of_work() as session, pytest.raises(InvalidInput) as refused:
        rules.create(session, values(**change), **WHO)
    assert refused.value.field == field


def test_an_address_without_a_path_means_its_first_page() -> None:
    assert rule_values.check_page(" https://shop.example.com ") == "https://shop.example.com/"
    assert [rule_values.check_page(each) for each in ("", "*", "/sale*")] == ["", "*", "/sale*"]


def test_a_rule_whose_form_or_type_is_no_longer_offered_does_not_work_and_says_why(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, news = make.live_type(session), make.live_type(session, name="News")
        form = make.form(session, offers)
        with_form, asking = rule(session, form_id=form.id), rule(session, not_asked_type_id=news.id)

        def shown() -> tuple[list[Problem | None], list[int]]:
            session.flush()
            working = working_rules.working(session, *BotTrigger)
            return [each.problem for each in rules.find_all(session)], [each.id for each in working]

        assert shown() == ([None, None], [with_form.id, asking.id])
        publishing.archive(session, form, actor="agent:1", at=NOON)
        assert shown() == ([Problem.FORM_ARCHIVED, None], [asking.id])
        publishing.unarchive(session, form, actor="agent:1", at=NOON)
        for each in (offers, news):
            subscription_types.archive(session, each, actor="agent:1", at=NOON)
        assert shown() == ([Problem.FORM_TYPE_NOT_LIVE, Problem.TYPE_NOT_LIVE], [])
        assert working_rules.triggers(session) == []
        with pytest.raises(InvalidState, match="cannot be switched on"):
            rules.switch(session, with_form.id, is_on=True, **WHO)


def test_a_segment_that_a_rule_names_cannot_be_deleted(database: Database) -> None:
    query = {"field": "role", "operator": "=", "value": "user"}
    with database.unit_of_work() as session:
        segment = segments.create(session, "Users", query, **WHO)
        made = rule(session, segment_id=segment.id, is_on=False)
        with pytest.raises(InvalidState, match="A bot uses this segment"):
            segments.delete(session, segment, **WHO)
        rules.remove(session, made.id, **WHO)
        segments.delete(session, segment, **WHO)
