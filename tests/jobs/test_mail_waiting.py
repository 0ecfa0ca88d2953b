"""Agents are mailed about conversations that wait."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from app.core import clock
from app.core.conversations import lifecycle, messages
from app.core.conversations.appending import NewMessage
from app.core.problems import failures
from app.core.wording import LOCALES
from app.db import Database
from app.jobs import mail_waiting
from app.mail_client import MailServer, server_of
from app.models import Agent, AgentNotice, FailureKind
from tests import make
from tests.mail_server import mail_server

URL = "https://consent.example.com"


def ana(database: Database, email: str = "ana@example.com", **values: Any) -> Agent:
    with database.unit_of_work() as session:
        found = make.agent(session, email=email)
        found.password, found.mailed_about = "x", "all"
        for name, value in values.items():
            setattr(found, name, value)
        return found


def wait(database: Database, name: str | None = "Sam Rivera", body: str = "My number is +12025550123") -> int:
    """A conversation that has waited for 20 minutes; returns its id."""
    at = clock.now() - timedelta(minutes=20)
    with database.unit_of_work() as session:
        contact = make.contact(session, name=name, email_address=f"{make.contact(session).public_id}@example.com")
        chat = lifecycle.start(session, contact.id, at=at)
        messages.post(session, chat.id, NewMessage("contact", body), at=at)
        return chat.id


def send(database: Database, url: str) -> int:
    return mail_waiting.send_due(database, server_of(url), public_url=URL)


def notices(database: Database) -> list[AgentNotice]:
    with database.read_only() as session:
        return list(session.scalars(select(AgentNotice)))


def test_one_mail_lists_what_waits_with_links_and_without_a_word_of_the_contact(database: Database) -> None:
    ana(database)
    chats = [wait(database), wait(database, name=None)]
    with mail_server() as server:
        assert send(database, server.url) == 1
        assert send(database, server.url) == 0
    (mail,) = server.mails
    text = mail.get_content()
    assert mail["To"] == "ana@example.com"
    assert mail["Subject"] == "Conversations waiting for a reply: 2"
    assert "Sam Rivera, for 20 minutes" in text
    assert "A visitor, for 20 minutes" in text
    assert all(f"{URL}/inbox/{chat}\n" in text for chat in chats)
    assert f"{URL}/account" in text
    assert "+12025550123" not in text
    assert "@example.com" not in text
    assert all(each.sent_at for each in notices(database))


@pytest.mark.parametrize("locale", LOCALES)
def test_the_mail_is_in_the_language_of_the_agent(database: Database, locale: str) -> None:
    ana(database, locale=locale)
    wait(database)
    with mail_server() as server:
        assert send(database, server.url) == 1
    (mail,) = server.mails
    duration = {"de": "20 Minuten", "es": "20 minutos", "pt_BR": "20 minutos", "ar": "20 دقيقة"}
    assert duration.get(locale, "20 minutes") in mail.get_content()


def test_a_mail_that_is_refused_is_sent_by_a_later_run_and_keeps_no_one_else_waiting(database: Database) -> None:
    ana(database, "eve@example.com")
    ana(database, "max@example.com")
    wait(database)
    with mail_server(refuses="eve@") as server:
        assert send(database, server.url) == 1
    assert [mail["To"] for mail in server.mails] == ["max@example.com"]
    assert len(notices(database)) == 1
    with database.read_only() as session:
        (failed,) = failures.find_all(session, FailureKind.MAIL)
        assert (failed.name, failed.count) == ("eve@example.com", 1)
        assert "no such mailbox" in failed.problem
    with mail_server() as again:
        assert send(database, again.url) == 0
        with time_machine.travel(clock.now() + mail_waiting.RETRY_AFTER):
            assert send(database, again.url) == 1
    assert [mail["To"] for mail in again.mails] == ["eve@example.com"]


def test_without_a_mail_server_or_a_public_address_nothing_is_claimed(database: Database) -> None:
    ana(database)
    wait(database)
    assert mail_waiting.send_due(database, None, public_url=URL) == 0
    assert mail_waiting.send_due(database, MailServer("smtp", "localhost", 1, "a@b.example"), public_url="") == 0
    assert notices(database) == []


def test_a_run_ends_where_the_mail_server_is_slow(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ana(database)
    wait(database)
    monkeypatch.setattr(mail_waiting, "RUN_S", 0)
    with mail_server() as server:
        assert send(database, server.url) == 0
    assert notices(database) == []


def test_a_long_list_is_shortened_and_a_name_is_one_line(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_waiting, "LISTED_MAX", 1)
    ana(database)
    chats = [wait(database, name="Sam\nhttps://evil.example"), wait(database)]
    with mail_server() as server:
        send(database, server.url)
    text = server.mails[0].get_content()
    assert "Sam https://evil.example, for" in text
    assert f"{URL}/inbox/{chats[1]}" not in text
    assert "More of them are in the inbox." in text


def test_two_workers_mail_an_agent_once(database: Database) -> None:
    ana(database)
    for _ in range(3):
        wait(database)
    with mail_server() as server, ThreadPoolExecutor() as workers:
        start = Barrier(2)

        def work(_number: int) -> int:
            start.wait()
            return send(database, server.url)

        sent = sum(workers.map(work, range(2)))
    links = [line for mail in server.mails for line in mail.get_content().splitlines() if "/inbox/" in line]
    assert (len(links), len(set(links))) == (3, 3)
    assert sent == len(server.mails)
