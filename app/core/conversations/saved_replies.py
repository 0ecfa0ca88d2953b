"""Saved replies: create, change, delete and find them, and fill in the name of a contact."""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.accounts import rights
from app.core.accounts.rights import Right
from app.core.conversations import appending
from app.core.errors import Forbidden, InvalidInput, InvalidState, NotFound
from app.models import Agent, OptInForm, SavedReply

NAME_MAX = 120
REPLIES_MAX = 200
# "{name}", or "{name|there}" with a word for contacts without a name.
_NAME = re.compile(r"\{name(?:\|([^{}\n]*))?\}")


@dataclass(frozen=True)
class ReplyContent:
    """What a saved reply has: ``name`` for the staff, the text, and perhaps a saved form that is sent after it."""

    name: str
    body: str
    form_id: int | None = None


def create(session: Session, content: ReplyContent, *, actor: str, at: datetime) -> SavedReply:
    """Save a reply, which every agent can use from then on.

    :raises InvalidInput: the name or the text is empty or too long; there is no such saved form
    :raises InvalidState: there are ``REPLIES_MAX`` replies already
    """
    if (session.scalar(select(func.count()).select_from(SavedReply)) or 0) >= REPLIES_MAX:
        raise InvalidState("There are %(most)s saved replies already. Delete one first.", most=REPLIES_MAX)
    reply = SavedReply(**_checked(session, content), created_by=actor, created_at=at, updated_at=at)
    session.add(reply)
    session.flush()
    audit.record(session, actor, "saved_reply.created", _subject(reply.id), {}, at=at)
    return reply


def change(session: Session, reply_id: int, content: ReplyContent, *, actor: str, at: datetime) -> SavedReply:
    """Change a saved reply. Messages that were sent with it stay as they are.

    :raises NotFound: there is no such reply
    :raises Forbidden: the actor may not change it (``may_change``)
    :raises InvalidInput: as ``create``
    """
    reply = _own(session, reply_id, actor)
    for name, value in _checked(session, content).items():
        setattr(reply, name, value)
    reply.updated_at = at
    audit.record(session, actor, "saved_reply.changed", _subject(reply.id), {}, at=at)
    session.flush()
    return reply


def delete(session: Session, reply_id: int, *, actor: str, at: datetime) -> None:
    """Delete a saved reply. Messages that were sent with it stay.

    :raises NotFound: there is no such reply
    :raises Forbidden: the actor may not change it (``may_change``)
    """
    session.delete(_own(session, reply_id, actor))
    audit.record(session, actor, "saved_reply.deleted", _subject(reply_id), {}, at=at)
    session.flush()


def find(session: Session, reply_id: int) -> SavedReply:
    """:raises NotFound: there is no such reply"""
    reply = find_or_none(session, reply_id)
    if reply is None:
        raise NotFound("There is no such saved reply.")
    return reply


def find_or_none(session: Session, reply_id: int) -> SavedReply | None:
    """The saved reply with this id; null when there is none."""
    return session.get(SavedReply, reply_id)


def find_all(session: Session) -> list[SavedReply]:
    """Every saved reply, by name."""
    return list(session.scalars(select(SavedReply).order_by(func.lower(SavedReply.name), SavedReply.id)))


def may_change(session: Session, reply: SavedReply, actor: str) -> bool:
    """Whether this actor (``agent:3``) may change and delete a reply: its author, marketers and admins."""
    kind, _, number = actor.partition(":")
    if reply.created_by == actor or kind != "agent" or not number.isdigit():
        return True
    agent = session.get(Agent, int(number))
    return agent is not None and rights.may(agent.role, Right.MARKETING)


def filled(body: str, name: str | None) -> str:
    """The text for one contact: ``{name}`` and ``{name|there}`` become the name, else the word after the bar."""
    return _NAME.sub(lambda found: name or found[1] or "", body)


def _own(session: Session, reply_id: int, actor: str) -> SavedReply:
    reply = find(session, reply_id)
    if not may_change(session, reply, actor):
        raise Forbidden("Only its author, marketers and admins may change this saved reply.")
    return reply


def _checked(session: Session, content: ReplyContent) -> dict[str, str | int | None]:
    name = "".join(character for character in " ".join(content.name.split()) if character.isprintable())
    if not name:
        raise InvalidInput("Give the saved reply a name.", field="name")
    if len(name) > NAME_MAX:
        raise InvalidInput("Use at most %(most)s characters.", field="name", most=NAME_MAX)
    if content.form_id is not None:
        form = session.get(OptInForm, content.form_id)
        if form is None or form.is_inline:
            raise InvalidInput("Choose one of the saved forms.", field="form_id")
    return {"name": name, "body": appending.clean_body(content.body), "form_id": content.form_id}


def _subject(reply_id: int) -> str:
    return f"saved_reply:{reply_id}"
