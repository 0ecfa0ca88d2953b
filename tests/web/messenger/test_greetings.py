"""Greetings and answers of bots over the panel's API: shown without anything being stored, stored when acted on."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.core import clock
from app.core.bots import rules
from app.core.workspace import settings
from app.db import Database
from app.models import Base, BotGreeting, BotTrigger, Contact, Conversation, InsertedForm, Message
from tests import make
from tests.core.bots.bots import PAGE, rule
from tests.make import NOON
from tests.web.messenger.panel import OTHERS, TOKEN, get, messages_of, post, session_of, write
from tests.web.pages import statements


@pytest.fixture(autouse=True)
def noon() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as moved:
        yield moved


def ask(client: FlaskClient, bearer: str = "", trigger: str = "page", **more: Any) -> dict[str, Any]:
    query = "&".join(f"{name}={quote(str(value))}" for name, value in ({"page": PAGE} | more).items())
    response = get(client, f"greeting?trigger={trigger}&{query}", bearer)
    assert response.status_code == 200
    found: dict[str, Any] = response.get_json()
    return found


def rule_shown(client: FlaskClient, bearer: str = "", **more: Any) -> int | None:
    found = ask(client, bearer, **more)["greeting"]
    return found["rule"] if found else None


def press(client: FlaskClient, rule_id: int, bearer: str = TOKEN, **more: Any) -> int:
    body = {"press": True, "client_key": "p1", "new": True, "greeting": rule_id, "page": PAGE} | more
    return post(client, "messages", body, bearer).status_code


def stored(database: Database) -> list[tuple[str, str, str]]:
    with database.read_only() as session:
        found = session.execute(select(Message.author, Message.kind, Message.body).order_by(Message.id))
        return [(row.author, row.kind, row.body) for row in found]


def rows(database: Database) -> dict[str, list[Any]]:
    """The whole database."""
    with database.read_only() as session:
        return {
            name: [tuple(row) for row in session.execute(select(table))] for name, table in Base.metadata.tables.items()
        }


def with_form(database: Database, **values: Any) -> int:
    with database.unit_of_work() as session:
        return rule(session, form_id=make.form(session).id, **values).id


def test_a_visitor_who_only_looks_is_greeted_and_nothing_is_stored(client: FlaskClient, database: Database) -> None:
    welcome = with_form(database, seconds=5)
    before = rows(database)
    assert ask(client, seconds=2) == {"greeting": None, "wait_s": 3}
    for bearer in ("", TOKEN):
        assert ask(client, bearer, seconds=5)["greeting"] == {
            "rule": welcome,
            "text": "Have you seen our offers?",
            "form": {"title": "Texts from Harbour Coffee", "button": "Sign Up Now", "lang": "en"},
        }
    assert ask(client, trigger="open") == {"greeting": None, "wait_s": None}
    assert post(client, "greeted", {"rule": welcome}, TOKEN).status_code == 404
    seconds = int(NOON.timestamp())
    assert rule_shown(client, seconds=5, greeted=f"{welcome}:{seconds}") is None
    assert rule_shown(client, seconds=0, greeted=f"{welcome}:{seconds}", shown=welcome) == welcome
    assert rows(database) == before
    assert get(client, "greeting?trigger=words").status_code == 400


def test_pressing_the_form_stores_lead_conversation_greeting_and_form_once(
    client: FlaskClient, database: Database
) -> None:
    welcome = with_form(database)
    assert [press(client, welcome) for _ in range(2)] == [200, 200]
    assert stored(database) == [
        (f"bot:{welcome}", "message", "Have you seen our offers?"),
        (f"bot:{welcome}", "form", ""),
    ]
    with database.read_only() as session:
        counts = [
            session.scalar(select(func.count()).select_from(each)) for each in (Contact, Conversation, InsertedForm)
        ]
        assert counts == [1, 1, 1]
        assert session.scalars(select(InsertedForm.inserted_by)).one() == f"bot:{welcome}"
    shown = messages_of(get(client, "poll", TOKEN))
    assert [(each["from"], each["name"], bool(each["form"])) for each in shown] == [
        ("office", "", False),
        ("office", "", True),
    ]
    assert rule_shown(client, TOKEN, shown=welcome) is None


def test_writing_stores_the_greeting_that_was_on_the_screen_before_the_message(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        welcome = rule(session).id
    for _ in range(2):
        body = {"text": "Yes", "client_key": "k1", "new": True, "greeting": welcome, "page": PAGE}
        assert post(client, "messages", body, TOKEN).get_json()["number"] == 2
    assert stored(database) == [
        (f"bot:{welcome}", "message", "Have you seen our offers?"),
        ("contact", "message", "Yes"),
    ]


def test_a_greeting_that_does_not_fit_is_left_out_and_the_message_is_kept(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        off, elsewhere = rule(session, is_on=False).id, rule(session, page="/other").id
        for_users, answer = rule(session, is_signed_in=True).id, rule(session, trigger="words", words=["x"]).id
    for number, rule_id in enumerate([off, elsewhere, for_users, answer, 99, "1", True, 2**40]):
        body = {"text": "Yes", "client_key": f"k{number}", "new": number == 0, "greeting": rule_id, "page": PAGE}
        assert post(client, "messages", body, TOKEN).status_code == 200
    assert {author for author, _, _ in stored(database)} == {"contact"}


def test_a_contact_is_greeted_once_by_each_rule_and_not_in_the_pause(
    client: FlaskClient, database: Database, noon: Any
) -> None:
    with database.unit_of_work() as session:
        first, second = rule(session).id, rule(session, name="Second").id
    write(client)
    assert rule_shown(client, TOKEN) == first
    assert [post(client, "greeted", {"rule": first}, TOKEN).status_code for _ in range(2)] == [200, 200]
    assert rule_shown(client, TOKEN) is None
    noon.shift(timedelta(hours=24))
    assert rule_shown(client, TOKEN) == second
    with database.unit_of_work() as session:
        settings.change(session, {"bot_pause_hours": 0}, actor="agent:1", at=clock.now())
        session.scalars(select(Contact)).one().blocked_at = clock.now()
    assert rule_shown(client, TOKEN) is None
    assert post(client, "greeted", {"rule": second}, TOKEN).status_code == 200
    with database.read_only() as session:
        assert list(session.scalars(select(BotGreeting.rule_id))) == [first]


def test_a_signed_user_without_a_contact_is_greeted_and_becomes_one_by_pressing(
    client: FlaskClient, database: Database
) -> None:
    welcome = with_form(database, is_signed_in=True, trigger=BotTrigger.OPEN)
    sam = session_of(client, database, "sam")
    before = rows(database)
    assert rule_shown(client, TOKEN, trigger="open") is None
    assert rule_shown(client, sam, trigger="open") == welcome
    assert post(client, "greeted", {"rule": welcome}, sam).status_code == 200
    assert rows(database) == before
    assert press(client, welcome, sam, new=False) == 200
    with database.read_only() as session:
        assert session.scalars(select(Contact.external_id)).one() == "sam"


def test_a_rule_answers_words_once_to_a_person_with_its_form_and_never_another_bot(
    client: FlaskClient, database: Database
) -> None:
    answer = with_form(database, trigger=BotTrigger.WORDS, words=["price"], body="The price is on the page.")
    assert [
        write(client, text, client_key=f"k{number}").status_code
        for number, text in enumerate(["Hello", "What’s the PRICE?", "Price!"])
    ] == [200] * 3
    write(client, "What’s the PRICE?", client_key="k1")  # the panel sends it again
    write(client, "The price", bearer=OTHERS, client_key="k1")
    expected = [
        ("contact", "message", "Hello"),
        ("contact", "message", "What’s the PRICE?"),
        (f"bot:{answer}", "message", "The price is on the page."),
        (f"bot:{answer}", "form", ""),
        ("contact", "message", "Price!"),
        ("contact", "message", "The price"),
        (f"bot:{answer}", "message", "The price is on the page."),
        (f"bot:{answer}", "form", ""),
    ]
    assert stored(database) == expected


def test_rules_for_words_cost_a_message_no_statement_unless_there_are_any(
    app: Flask, client: FlaskClient, database: Database
) -> None:
    write(client)
    counts = []
    for number in range(3):
        if number == 1:
            with database.unit_of_work() as session:
                rule(session, trigger=BotTrigger.WORDS, words=["price"], is_on=False)
                rule(session)
        if number == 2:
            with database.unit_of_work() as session:
                rules.switch(session, 1, is_on=True, actor="agent:1", at=NOON)
        with statements(app) as executed:
            assert write(client, "Hello", client_key=f"k{number}").status_code == 200
        counts.append(len(executed))
    assert counts[1] == counts[0] < counts[2] <= counts[0] + 2
