"""The messenger, measured: a visitor's message, a poll with nothing new, and a poll with news."""

import json
import secrets
from collections.abc import Iterator

from sqlalchemy import select

from app.core import clock
from app.core.conversations import messages
from app.core.conversations.appending import NewMessage
from app.core.messenger import visitors
from app.core.messenger.identity import Identity
from app.core.messenger.visitors import Sender
from app.models import Conversation
from bench.load import Request
from bench.servers import Place

VISITORS = 2000  # so many that no visitor reaches the limit of messages a minute
_IN_ONE_TRANSACTION = 200


class Chats:
    """Visitors who wrote and got a reply, each from another client address."""

    def __init__(self, place: Place) -> None:
        self._database = place.database
        self._bearers = [f"t_{number:043d}" for number in range(VISITORS)]
        self._chats: list[int] = []

    def messages(self, _address: str | None, seconds: int) -> Iterator[Request]:
        self._fill()
        for serial in range(seconds * 2500):
            body = {"text": "Is there a table for two?", "client_key": secrets.token_urlsafe(12), "new": False}
            yield self._request(serial % VISITORS, "messages", body=json.dumps(body))

    def idle_polls(self, _address: str | None, _seconds: int) -> Iterator[Request]:
        """Nothing happened since the last poll of each visitor."""
        for number, (chat, revision) in enumerate(self._current_revisions()):
            yield self._request(number, f"poll?after={chat}:{revision}")

    def polls_with_news(self, _address: str | None, _seconds: int) -> Iterator[Request]:
        """Each visitor has not seen the newest message yet."""
        for number, (chat, revision) in enumerate(self._current_revisions()):
            yield self._request(number, f"poll?after={chat}:{revision - 1}")

    def _request(self, number: int, path: str, body: str = "") -> Request:
        return Request(
            f"/messenger/api/{path}",
            "POST" if body else "GET",
            content_type="application/json" if body else "",
            address=f"10.1.{number >> 8}.{number & 255}",
            bearer=self._bearers[number],
            body=body,
        )

    def _current_revisions(self) -> list[tuple[int, int]]:
        """Each visitor's conversation and its current revision."""
        self._fill()
        with self._database.read_only() as session:
            revisions = dict(session.execute(select(Conversation.id, Conversation.revision)).tuples().all())
        return [(chat, revisions[chat]) for chat in self._chats]

    def _fill(self) -> None:
        for start in range(len(self._chats), VISITORS, _IN_ONE_TRANSACTION):
            with self._database.unit_of_work() as session:
                for bearer in self._bearers[start : start + _IN_ONE_TRANSACTION]:
                    sender = Sender(bearer=bearer, identity=Identity(), is_new=True, address=None, locale="en")
                    posted = visitors.write(session, sender, body="Hello", client_key="first", at=clock.now()).message
                    if posted is None:
                        raise RuntimeError("a visitor was refused")
                    reply, chat = "How can we help?", posted.conversation_id
                    messages.post(session, chat, NewMessage("agent:1", reply), at=clock.now())
                    self._chats.append(chat)
