"""Which rule applies: the table of conditions, words in any script, and once, order and pause for all visits."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.bots import matching
from app.core.bots.matching import Match, Person, Rule, Visit
from app.models import BotHours, BotTrigger
from tests.make import NOON

DAY = timedelta(hours=24)
SHOP = "https://shop.example.com"
NOBODY = Person()


def rule(rule_id: int = 1, **values: Any) -> Rule:
    return Rule(**({"id": rule_id, "position": rule_id, "trigger": BotTrigger.PAGE, "body": "Hello!"} | values))


def visit(page: str = f"{SHOP}/", **values: Any) -> Visit:
    return Visit(**({"trigger": BotTrigger.PAGE, "page": page, "seconds": 60} | values))


def applied(rules: list[Rule], seen: Visit, person: Person = NOBODY) -> int | None:
    found = matching.match(rules, seen, person, at=NOON, pause=DAY)
    return found.rule.id if found.rule else None


@pytest.mark.parametrize(
    ("conditions", "seen", "person", "is_met"),
    [
        ({}, {}, {}, True),
        ({"trigger": BotTrigger.OPEN}, {}, {}, False),
        ({"trigger": BotTrigger.OPEN}, {"trigger": BotTrigger.OPEN}, {}, True),
        ({"seconds": 60}, {"seconds": 59}, {}, False),
        ({"seconds": 60}, {"seconds": 60}, {}, True),
        ({"page": "/"}, {}, {}, True),
        ({"page": "/"}, {"page": f"{SHOP}/sale"}, {}, False),
        ({"page": "/sale*"}, {"page": f"{SHOP}/sale/shoes"}, {}, True),
        ({"page": "*/shoes"}, {"page": f"{SHOP}/sale/shoes"}, {}, True),
        ({"page": "/sale/*/red"}, {"page": f"{SHOP}/sale/red"}, {}, False),
        ({"page": "/a*a"}, {"page": f"{SHOP}/a"}, {}, False),
        ({"page": "/sale.x"}, {"page": f"{SHOP}/salexx"}, {}, False),
        ({"page": f"{SHOP}/sale"}, {"page": f"{SHOP}/sale"}, {}, True),
        ({"page": f"{SHOP}/sale"}, {"page": "https://other.example.com/sale"}, {}, False),
        ({"page": "https://*.example.com/*"}, {"page": f"{SHOP}/sale"}, {}, True),
        ({"is_signed_in": True}, {}, {}, False),
        ({"is_signed_in": True}, {}, {"is_signed_in": True}, True),
        ({"is_signed_in": False}, {}, {"is_signed_in": True}, False),
        ({"not_asked_type_id": 7}, {}, {"asked_type_ids": frozenset({7})}, False),
        ({"not_asked_type_id": 7}, {}, {"asked_type_ids": frozenset({8})}, True),
        ({"segment_id": 7}, {}, {}, False),
        ({"segment_id": 7}, {}, {"segment_ids": frozenset({7})}, True),
        ({"hours": BotHours.INSIDE}, {"is_office_open": False}, {}, False),
        ({"hours": BotHours.OUTSIDE}, {"is_office_open": False}, {}, True),
        ({"hours": BotHours.OUTSIDE}, {}, {}, False),
        ({}, {}, {"greeted": frozenset({1})}, False),
        ({}, {}, {"greeted_at": NOON - timedelta(hours=23)}, False),
        ({}, {}, {"greeted_at": NOON - DAY}, True),
    ],
)
def test_a_rule_applies_when_all_its_conditions_are_met(
    conditions: Any, seen: dict[str, Any], person: Any, *, is_met: bool
) -> None:
    assert (applied([rule(**conditions)], visit(**seen), Person(**person)) == 1) is is_met


def test_a_reply_to_words_neither_waits_nor_depends_on_the_time_on_the_page() -> None:
    answer = rule(trigger=BotTrigger.WORDS, words=("price",), seconds=90)
    greeted = Person(greeted_at=NOON)
    assert applied([answer], visit(trigger=BotTrigger.WORDS, text="What’s the price?", seconds=0), greeted) == 1
    assert applied([answer], visit(trigger=BotTrigger.WORDS, text="Hello"), greeted) is None


def test_a_rule_for_later_is_announced_with_the_seconds_that_are_left() -> None:
    rules = [rule(1, seconds=30), rule(2, seconds=10), rule(3, seconds=5, page="/other")]
    assert matching.match(rules, visit(seconds=4), Person(), at=NOON, pause=DAY) == Match(wait_s=6)
    assert applied(rules, visit(seconds=10)) == 2
    assert applied(rules, visit(seconds=30)) == 1


@pytest.mark.parametrize(
    ("word", "text", "is_said"),
    [
        ("price", "PRICE?", True),
        ("price", "prices", False),
        ("price list", "your  Price\nlist, please", True),
        ("straße", "STRASSE 5", True),
        ("iptal", "İPTAL", True),
        ("don't", "don’t", True),
        ("цена", "Какая ЦЕНА?", True),
        ("цена", "оценат", False),
        ("السعر", "كم السعر؟", True),
        ("क", "की", False),
        ("价格", "请问价格多少", True),
        ("ราคา", "สินค้าราคาเท่าไร", True),
        ("가격", "가격 알려주세요", True),
        ("👋", "hi👋there", True),
        ("50%", "with 50%!", True),
        ("", "anything", False),
    ],
)
def test_words_are_found_whole_and_in_any_script(word: str, text: str, *, is_said: bool) -> None:
    assert matching.has_word([word], text) is is_said


RULES = st.lists(
    st.builds(
        rule,
        st.integers(1, 6),
        position=st.integers(1, 4),
        trigger=st.sampled_from([BotTrigger.OPEN, BotTrigger.PAGE]),
        page=st.sampled_from(["", "/", "/sale*"]),
        seconds=st.sampled_from([0, 5]),
    ),
    max_size=5,
    unique_by=lambda each: each.id,
)
VISITS = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from([BotTrigger.OPEN, BotTrigger.PAGE]),
        st.sampled_from([f"{SHOP}/", f"{SHOP}/sale"]),
        st.integers(0, 9),
    ),
    max_size=8,
)


@settings(max_examples=150)
@given(RULES, VISITS, st.integers(0, 30))
def test_no_rule_greets_twice_none_greets_in_the_pause_and_the_first_one_goes_first(
    rules: list[Rule], visits: list[tuple[int, BotTrigger, str, int]], pause_hours: int
) -> None:
    at, person, pause = NOON, Person(), timedelta(hours=pause_hours)
    for hours, trigger, page, seconds in visits:
        at += timedelta(hours=hours)
        found = matching.match(rules, visit(page, trigger=trigger, seconds=seconds), person, at=at, pause=pause).rule
        fitting = [
            each
            for each in rules
            if each.trigger == trigger and matching.is_page(each.page, page) and each.seconds <= seconds
        ]
        left = sorted((each.position, each.id) for each in fitting if each.id not in person.greeted)
        is_paused = pause_hours > 0 and person.greeted_at is not None and at - person.greeted_at < pause
        assert (found.position, found.id) == left[0] if found else is_paused or not left
        if found:
            assert not is_paused
            person = Person(greeted=person.greeted | {found.id}, greeted_at=at)
