"""Outbound chats at a visit: reading writes nothing, the visit is delivered once, strangers get nothing."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.core import clock
from app.core.contacts import records
from app.core.outbound_chats import lifecycle, report
from app.db import Database
from app.jobs import run_outbound_chats
from app.models import Contact, Message
from tests import make
from tests.web.messenger.panel import OTHERS, TOKEN, get, messages_of, post, write
from tests.web.pages import statements

pytestmark = pytest.mark.databases("sqlite")


def begun(database: Database) -> int:
    with database.unit_of_work() as session:
        chat_id = make.outbound_chat(session, make.form(session, make.live_type(session))).id
        lifecycle.send(session, chat_id, actor="agent:1", at=make.NOON)
    run_outbound_chats.run_until_active(database, chat_id)
    return chat_id


def count(database: Database) -> int:
    with database.read_only() as session:
        return session.scalar(select(func.count()).select_from(Message)) or 0


def test_a_visitor_who_returns_gets_what_waits_once(client: FlaskClient, database: Database) -> None:
    write(client)
    begun(database)
    write(client, bearer=OTHERS)
    before = count(database)
    assert "pending" not in get(client, "poll", TOKEN).get_json()
    assert get(client, "poll?after=&visit=1", TOKEN).get_json()["pending"] is True
    assert "pending" not in get(client, "poll?after=&visit=1", OTHERS).get_json()
    assert count(database) == before
    for _ in range(2):
        assert post(client, "visit", {}, TOKEN).get_json() == {}
    assert post(client, "visit", {}, OTHERS).status_code == 200
    assert count(database) == before + 2
    answer = get(client, "poll?after=&visit=1", TOKEN)
    shown = messages_of(answer)
    assert [(each["from"], each["text"], bool(each["form"])) for each in shown][1:] == [
        ("office", "Hello there", False),
        ("office", "", True),
    ]
    assert "pending" not in answer.get_json()
    for stranger in ("", "t_" + "c" * 43, "nonsense"):
        assert post(client, "visit", {}, stranger).status_code == 404


def test_a_closed_contact_gets_nothing_and_a_poll_asks_no_more_than_before(
    app: Flask, client: FlaskClient, database: Database
) -> None:
    write(client)
    chat_id = begun(database)
    with statements(app) as without:
        get(client, "poll", TOKEN)
    assert not [each for each in without if "outbound" in each]
    with database.unit_of_work() as session:
        lead = session.scalars(select(Contact)).one()
        records.block(session, lead, at=clock.now())
    assert post(client, "visit", {}, TOKEN).status_code == 200
    with database.read_only() as session:
        assert report.counts(session, chat_id, at=clock.now()).skipped == {"blocked": 1}
    assert count(database) == 1
