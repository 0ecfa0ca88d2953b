"""Two people talk while the web servers under them are killed: each message arrives once, in order, on both sides."""

import json
import secrets
import threading
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any

from sqlalchemy import delete

from app.config import Settings
from app.core import clock, conversation_views, conversations
from app.db import Database
from app.models import RateCounter
from tests import make
from tests.serve import WebServer
from tests.web.messenger.panel import TOKEN

EACH = 100
KILLS = 4


class Visitor:
    """Writes and polls as the panel does: sends again, under the same key, until it is answered."""

    def __init__(self, address: str, database: Database) -> None:
        self.database = database
        self.address = f"{address}/messenger/api"
        self.known: dict[int, int] = {}
        self.heard: list[str] = []

    def say(self, text: str) -> None:
        body = {"text": text, "client_key": secrets.token_hex(8), "new": True}
        until = time.monotonic() + 60
        while not self._call("messages", body):
            assert time.monotonic() < until, "nobody answers"
            time.sleep(0.05)

    def poll(self) -> None:
        after = ",".join(f"{number}:{revision}" for number, revision in self.known.items())
        answer = self._call(f"poll?after={after}")
        for each in answer["conversations"] if answer else []:
            self.known[each["id"]] = each["revision"]
            self.heard += [line["text"] for line in each["messages"]]

    def _call(self, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body else None
        try:
            with urllib.request.urlopen(
                urllib.request.Request(f"{self.address}/{path}", data, headers), timeout=5
            ) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            if refused.code == HTTPStatus.TOO_MANY_REQUESTS:  # nobody writes that fast by hand
                forget_counters(self.database)
            return None
        except OSError:
            return None


def test_two_hundred_messages_over_killed_servers_arrive_once_and_in_order(
    settings: Settings, database: Database
) -> None:
    server = WebServer(settings, workers=2)
    server.start()
    with database.unit_of_work() as session:
        agent = f"agent:{make.agent(session).id}"
    writer, listener = Visitor(server.address, database), Visitor(server.address, database)
    writer.say("visitor 0")
    listener.poll()
    (chat,) = listener.known
    is_over = threading.Event()

    def answer() -> None:
        for number in range(EACH):
            with database.unit_of_work() as session:
                conversations.say(session, chat, author=agent, body=f"agent {number}", at=clock.now())
            time.sleep(0.02)

    def listen() -> None:
        while not is_over.is_set():
            listener.poll()
            time.sleep(0.02)

    ear, *threads = (threading.Thread(target=each) for each in (listen, answer, lambda: disturb(server)))
    ear.start()
    for thread in threads:
        thread.start()
    for number in range(1, EACH):
        writer.say(f"visitor {number}")
    for thread in threads:
        thread.join()
    time.sleep(1)  # the last one is heard of within a second, too
    is_over.set()
    ear.join()
    server.stop()

    stood = lines_of(database, chat)
    assert said_by("visitor", stood) == said_by("agent", stood) == list(range(EACH))
    assert listener.heard == stood


def disturb(server: WebServer) -> None:
    for _ in range(KILLS):
        time.sleep(0.4)
        server.kill()
        server.start()


def forget_counters(database: Database) -> None:
    with database.unit_of_work() as session:
        session.execute(delete(RateCounter))


def said_by(side: str, bodies: list[str]) -> list[int]:
    return [int(body.partition(" ")[2]) for body in bodies if body.startswith(side)]


def lines_of(database: Database, chat: int) -> list[str]:
    """What stands in the conversation, numbered without gaps."""
    with database.read_only() as session:
        lines = conversation_views.messages_after(session, chat, 0, at=clock.now(), limit=3 * EACH).lines
    assert [line.number for line in lines] == list(range(1, 2 * EACH + 1))
    return [line.body for line in lines]
