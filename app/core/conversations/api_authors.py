"""Who wrote messages, as the API says it. Nothing here writes."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.accounts import api_tokens
from app.core.conversations.appending import BOT, OUTBOUND
from app.models import Agent, BotRule, Contact, Message, OutboundChat

_AUTOMATIC: dict[str, type[BotRule | OutboundChat]] = {BOT: BotRule, OUTBOUND: OutboundChat}


@dataclass(frozen=True)
class Author:
    """Who wrote a message: ``kind`` is ``user``, ``lead``, ``admin``, or ``bot``: a token, a rule of bots (with the id
    ``bot:3``), an outbound chat (``outbound:4``), or Assent itself.
    """

    kind: str
    id: str
    name: str | None
    email: str | None


class Authors:
    """The authors of messages, read by one statement for all."""

    def __init__(self, session: Session, messages: Collection[Message], contacts: dict[int, Contact]) -> None:
        codes = {message.author.partition(":")[::2] for message in messages}
        agents = {int(number) for kind, number in codes if kind == "agent" and number.isdigit()}
        self._contacts = contacts
        self._agents = {each.id: each for each in session.scalars(select(Agent).where(Agent.id.in_(agents)))}
        self._names = api_tokens.names(session) if any(kind == "api" for kind, _ in codes) else {}
        for kind, table in _AUTOMATIC.items():
            ids = [int(number) for each, number in codes if each == kind and number.isdigit()]
            if ids:
                query = select(table.id, table.name).where(table.id.in_(ids))
                self._names |= {f"{kind}:{row.id}": row.name for row in session.execute(query)}

    def of(self, message: Message, contact_id: int) -> Author:
        """The author of one of these messages, in a conversation of this contact."""
        kind, _, number = message.author.partition(":")
        if kind == "contact":
            contact = self._contacts[contact_id]
            return Author(contact.role, contact.public_id, contact.name, contact.email)
        if kind == "agent" and number.isdigit() and int(number) in self._agents:
            agent = self._agents[int(number)]
            return Author("admin", number, agent.name, agent.email)
        author_id = message.author if kind in _AUTOMATIC else number or "0"
        return Author("bot", author_id, self._names.get(message.author), None)
