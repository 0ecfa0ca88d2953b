"""A visitor and an agent chat while web servers are killed: each message arrives at both once, in order."""

import html
import http.client
import json
import re
import secrets
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.cookiejar import CookieJar

from sqlalchemy import delete

from app.config import Settings
from app.core import clock
from app.core.accounts import agents
from app.core.accounts.agents import NewAgent
from app.core.conversations import views as conversation_views
from app.db import Database
from app.models import RateCounter, Role
from tests.serve import WebServer
from tests.web.messenger.panel import TOKEN
from tests.web.pages import PASSWORD, csrf_token

EACH = 60
KILLS = 4
PATIENCE_S = 60
ANA = "ana@example.com"


class Browser:
    """A page that repeats its requests until they succeed, with the same idempotency key."""

    def __init__(self, address: str, database: Database, headers: dict[str, str]) -> None:
        self.address, self.database, self.headers = address, database, headers
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.received: list[str] = []

    def fetch(self, path: str, body: bytes | None = None) -> str:
        """The response, after as many attempts as it takes."""
        until = time.monotonic() + PATIENCE_S
        while (response := self.try_fetch(path, body)) is None:
            assert time.monotonic() < until, f"no response from {path}"
            time.sleep(0.05)
        return response

    def try_fetch(self, path: str, body: bytes | None = None) -> str | None:
        request = urllib.request.Request(f"{self.address}{path}", body, self.headers)
        try:
            with self.opener.open(request, timeout=5) as response:
                text: str = response.read().decode()
                return text
        except urllib.error.HTTPError as refused:
            refused.close()
            if refused.code == HTTPStatus.TOO_MANY_REQUESTS:  # the test writes faster than people
                delete_counters(self.database)
            elif refused.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            return None
        except (OSError, http.client.HTTPException):  # killed before it answered, or in the middle of it
            return None


class Visitor(Browser):
    """An anonymous visitor with the messenger panel."""

    def __init__(self, address: str, database: Database) -> None:
        super().__init__(address, database, {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"})
        self.known: dict[int, int] = {}

    def send(self, text: str) -> None:
        body = {"text": text, "client_key": secrets.token_hex(8), "new": True}
        self.fetch("/messenger/api/messages", json.dumps(body).encode())

    def poll(self) -> None:
        after = ",".join(f"{number}:{revision}" for number, revision in self.known.items())
        response = self.try_fetch(f"/messenger/api/poll?after={after}")
        for each in json.loads(response)["conversations"] if response else []:
            self.known[each["id"]] = each["revision"]
            self.received += [line["text"] for line in each["messages"]]


class Agent(Browser):
    """An agent who is signed in and has the conversation open in the inbox."""

    def __init__(self, address: str, database: Database) -> None:
        super().__init__(address, database, {})
        token = csrf_token(self.fetch("/sign-in"))
        self.fetch("/sign-in", form(csrf_token=token, email=ANA, password=PASSWORD))
        self.chat = self.revision = 0
        self.cursor = self.csrf = ""

    def open(self, chat: int) -> None:
        page = self.fetch(f"/inbox/{chat}")
        said = dict(re.findall(r'data-(cursor|revision)="([^"]*)"', page))
        self.chat, self.csrf = chat, csrf_token(page)
        self.cursor, self.revision = said["cursor"], int(said["revision"])
        self.headers = {"X-Requested-With": "fetch", "Accept": "application/json"}
        self.read_lines(page)

    def send(self, text: str) -> None:
        body = form(csrf_token=self.csrf, body=text, kind="message", client_key=secrets.token_hex(8))
        self.fetch(f"/inbox/{self.chat}/messages", body)

    def poll(self) -> None:
        query = urllib.parse.urlencode({"cursor": self.cursor, "conversation": self.chat, "after": self.revision})
        response = self.try_fetch(f"/inbox/poll?{query}")
        if not response:
            return
        news = json.loads(response)
        self.cursor = news["cursor"]
        if news["conversation"]:
            self.revision = news["conversation"]["revision"]
            for line in news["conversation"]["messages"]:
                self.read_lines(line["html"])

    def read_lines(self, shown: str) -> None:
        self.received += [html.unescape(text) for text in re.findall(r'class="line-text"><bdi>(.*?)</bdi>', shown)]


def test_two_hundred_messages_over_killed_servers_arrive_once_and_in_order(
    settings: Settings, database: Database
) -> None:
    with database.unit_of_work() as session:
        new = NewAgent(ANA, "Ana", Role.AGENT, agents.hash_password(PASSWORD))
        agents.create_agent(session, new, at=clock.now())
    server = WebServer(settings, workers=2)
    server.start()
    try:
        received, stored = talk(server, database)
    finally:
        server.stop()
    assert numbers_of("visitor", stored) == numbers_of("agent", stored) == list(range(EACH))
    assert received == [stored, stored]


def talk(server: WebServer, database: Database) -> tuple[list[list[str]], list[str]]:
    """Let both chat. Returns what the visitor and the agent received, and the stored messages."""
    sides: list[Visitor | Agent] = [
        visitor := Visitor(server.address, database),
        agent := Agent(server.address, database),
    ]
    visitor.send("visitor 0")
    visitor.poll()
    (chat,) = visitor.known
    agent.open(chat)
    agent.send("agent 0")
    is_over = threading.Event()

    def write(side: Visitor | Agent, name: str) -> None:
        for number in range(1, EACH):
            side.send(f"{name} {number}")

    def listen(side: Visitor | Agent) -> None:
        while not is_over.is_set():
            side.poll()
            time.sleep(0.2)

    with ThreadPoolExecutor(5) as pool:
        listeners = [pool.submit(listen, side) for side in sides]
        tasks = [
            pool.submit(write, visitor, "visitor"),
            pool.submit(write, agent, "agent"),
            pool.submit(kill_and_restart, server),
        ]
        try:
            for task in tasks:
                task.result(2 * PATIENCE_S)
            wait_until(lambda: all(len(side.received) >= 2 * EACH for side in sides))
            time.sleep(0.5)  # nothing comes twice after that
        finally:
            is_over.set()
        for listener in listeners:
            listener.result(PATIENCE_S)
    return [side.received for side in sides], lines_of(database, chat)


def kill_and_restart(server: WebServer) -> None:
    for _ in range(KILLS):
        time.sleep(0.4)
        server.kill()
        server.start()


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not is_so() and time.monotonic() < until:
        time.sleep(0.05)


def form(**values: str) -> bytes:
    return urllib.parse.urlencode(values).encode()


def delete_counters(database: Database) -> None:
    with database.unit_of_work() as session:
        session.execute(delete(RateCounter))


def numbers_of(side: str, bodies: list[str]) -> list[int]:
    return [int(body.partition(" ")[2]) for body in bodies if body.startswith(side)]


def lines_of(database: Database, chat: int) -> list[str]:
    """The stored messages of the conversation, after checking that they are numbered without gaps."""
    with database.read_only() as session:
        lines = conversation_views.agent_news(session, chat, after=0, at=clock.now(), limit=3 * EACH).messages
    assert [line.number for line in lines] == list(range(1, 2 * EACH + 1))
    return [line.body for line in lines]
