"""Outbound chats before they begin: create, change, find and delete them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import audit, edits, message_template
from app.core.contacts import audiences
from app.core.errors import Conflict, InvalidInput, InvalidState, NotFound
from app.core.forms import publishing
from app.models import OutboundChat, OutboundChatState

NAME_MAX = 120
BODY_MAX = 2_000
EDITABLE = frozenset({OutboundChatState.DRAFT, OutboundChatState.SCHEDULED})


@dataclass(frozen=True)
class ChatValues:
    """What an outbound chat has before it begins.

    :param body: with variables (``message_template.py``)
    :param form_id: the form that follows the message; null: none
    :param query: which contacts, as a filter in JSON; null: all. A saved segment is a filter that names it
    :param ends_at: no one gets it after this time; null: it has no end
    """

    name: str
    body: str
    form_id: int | None = None
    query: Mapping[str, Any] | None = None
    ends_at: datetime | None = None


def create(session: Session, values: ChatValues, *, actor: str, at: datetime) -> OutboundChat:
    """Create an outbound chat as a draft. Flushes, does not commit.

    :raises InvalidInput: a value is refused; ``field`` is its name
    """
    chat = OutboundChat(
        **_checked(session, values, at),
        state=OutboundChatState.DRAFT,
        excluded={},
        created_by=actor,
        edited_by=actor,
        created_at=at,
        updated_at=at,
    )
    session.add(chat)
    session.flush()
    audit.record(session, actor, "outbound_chat.created", subject(chat), {}, at=at)
    return chat


def change(
    session: Session, chat_id: int, values: ChatValues, *, revision: int | None = None, actor: str, at: datetime
) -> OutboundChat:
    """Change an outbound chat that has not begun yet. A scheduled one stays scheduled.

    :param revision: what the editor started from; null: change it whatever others changed
    :raises NotFound: there is no such outbound chat
    :raises InvalidState: it has begun
    :raises Conflict: another person changed it since ``revision``
    :raises InvalidInput: as ``create``
    """
    chat = lock(session, chat_id)
    _refuse_uneditable(chat)
    if revision is not None and revision != chat.revision:
        raise Conflict("This outbound chat was changed in the meantime. Load it again before you change it.")
    if changed := edits.write(chat, _checked(session, values, at), actor=actor, at=at):
        audit.record(session, actor, "outbound_chat.changed", subject(chat), {"fields": changed}, at=at)
        session.flush()
    return chat


def delete_draft(session: Session, chat_id: int, *, actor: str, at: datetime) -> None:
    """:raises NotFound: there is no such outbound chat. :raises InvalidState: it is not a draft"""
    chat = lock(session, chat_id)
    if chat.state != OutboundChatState.DRAFT:
        raise InvalidState("Only a draft can be deleted.")
    session.delete(chat)
    audit.record(session, actor, "outbound_chat.deleted", subject(chat), {"name": chat.name}, at=at)
    session.flush()


def get(session: Session, chat_id: int) -> OutboundChat:
    """:raises NotFound: there is no such outbound chat"""
    chat = session.get(OutboundChat, chat_id)
    if chat is None:
        raise NotFound("Resource Not Found")
    return chat


def get_editable(session: Session, chat_id: int) -> OutboundChat:
    """:raises NotFound: there is no such outbound chat. :raises InvalidState: it has begun"""
    chat = get(session, chat_id)
    _refuse_uneditable(chat)
    return chat


def lock(session: Session, chat_id: int) -> OutboundChat:
    """An outbound chat whose row is locked until the transaction ends.

    :raises NotFound: there is no such outbound chat
    """
    chat = session.get(OutboundChat, chat_id, with_for_update=True, populate_existing=True)
    if chat is None:
        raise NotFound("Resource Not Found")
    return chat


def page(session: Session, *, after: int | None = None, limit: int) -> list[OutboundChat]:
    """The newest outbound chats first.

    :param after: the id of the last one of the page before
    """
    newest = select(OutboundChat).order_by(OutboundChat.id.desc()).limit(limit)
    return list(session.scalars(newest if after is None else newest.where(OutboundChat.id < after)))


def names(session: Session, ids: Collection[int]) -> dict[int, str]:
    """The names of outbound chats by id. Those that are deleted are missing."""
    found = session.execute(select(OutboundChat.id, OutboundChat.name).where(OutboundChat.id.in_(ids)))
    return {each.id: each.name for each in found}


def subject(chat: OutboundChat) -> str:
    """The subject of its entries in the audit log."""
    return f"outbound_chat:{chat.id}"


def author(chat_id: int) -> str:
    """The author of its messages, and who inserted its forms."""
    return f"outbound:{chat_id}"


def _refuse_uneditable(chat: OutboundChat) -> None:
    if chat.state not in EDITABLE:
        raise InvalidState("Only a draft or a scheduled outbound chat can be changed.")


def _checked(session: Session, values: ChatValues, at: datetime) -> dict[str, Any]:
    if values.ends_at is not None and values.ends_at <= at:
        raise InvalidInput("Choose an end in the future.", field="ends_at")
    return {
        "name": _name(values.name),
        "body": _body(values.body),
        "form_id": _form(session, values.form_id),
        "query": audiences.checked_query(session, values.query),
        "ends_at": values.ends_at,
    }


def _name(typed: str) -> str:
    if not (name := " ".join(typed.split())) or len(name) > NAME_MAX:
        raise InvalidInput("Give the outbound chat a name of at most %(most)s characters.", field="name", most=NAME_MAX)
    return name


def _body(typed: str) -> str:
    body = typed.replace("\r\n", "\n").strip()
    if not body or len(body) > BODY_MAX or "\0" in body:
        raise InvalidInput("Write a message of at most %(most)s characters.", field="body", most=BODY_MAX)
    message_template.parse(body)
    return body


def _form(session: Session, form_id: int | None) -> int | None:
    if form_id is None:
        return None
    try:
        form = publishing.find(session, form_id)
    except NotFound:
        form = None
    if form is None or form.is_inline:
        raise InvalidInput("There is no such form.", field="form_id")
    return form.id
