"""Conversations: begun, listed, read, answered; forms inserted between what is said."""

from datetime import datetime
from typing import Any

from flask import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.contacts import profile as contact_profile
from app.core.contacts import views as contact_views
from app.core.contacts.search import COUNTED_MAX
from app.core.conversations import api_views as conversation_records
from app.core.conversations import forms as conversation_forms
from app.core.conversations import lifecycle
from app.core.conversations import messages as conversations
from app.core.conversations.api_views import Record
from app.core.conversations.appending import CONTACT, NewMessage
from app.core.errors import InvalidInput, NotAvailable, NotFound
from app.models import Agent, Contact, MessageKind
from app.schemas.conversation import (
    ConversationListSchema,
    ConversationPagingSchema,
    ConversationQuerySchema,
    ConversationSchema,
    ManageSchema,
    MessageSchema,
    NewConversationSchema,
    NewMessageSchema,
    ReplySchema,
    conversation_body,
    message_body,
)
from app.schemas.form import PlacedFormSchema
from app.web.api import auth as callers
from app.web.api import exchange, forms, ids
from app.web.api import pagination as cursors
from app.web.api.blueprint import Room
from app.web.api.responses import Body, polled, written

room = Room("conversations", __name__, url_prefix="/api", description="Chats, and the forms inserted into them.")
PER_PAGE = 20
_LAST = "last"


@room.call("GET", "/conversations", ConversationListSchema, query=ConversationPagingSchema)
def list_conversations(paging: dict[str, Any]) -> Response:
    """List conversations, those begun last first.

    Without their parts. Ask again with the `ETag` of the answer in `If-None-Match`: 304 while nothing changed.
    """
    session, per_page = callers.looking(), paging["per_page"] or PER_PAGE
    place = cursors.read(paging["starting_after"], keys=1)
    after = place.key[0] if place.key and isinstance(place.key[0], int) else None
    found = conversation_records.page(session, after=after, limit=per_page + 1)
    key = (found[per_page - 1].conversation.id,) if len(found) > per_page else None
    total = place.total
    if total is None:
        total = conversation_records.count(session, most=COUNTED_MAX) if key else len(found)
    page = cursors.Page(found[:per_page], key, total, is_minimum=total >= COUNTED_MAX)
    is_plain, home = paging["display_as"] == "plaintext", exchange.home()
    listed = cursors.listed(
        page, place, per_page, lambda each: conversation_body(each, home=home, is_plain=is_plain, has_parts=False)
    )
    body = {"conversations": listed.pop("data"), **listed, "type": "conversation.list"}
    return polled(body, (each.conversation.revision for each in page.items))


@room.call("POST", "/conversations", MessageSchema, body=NewConversationSchema, errors=(404, 409, 410))
def create_conversation(asked: dict[str, Any]) -> Response:
    """Begin a conversation in the name of a contact. The message that begins it is the answer."""

    def act(session: Session) -> Body:
        contact, at = _contact(session, asked["from_"]), clock.now()
        begun = lifecycle.start(session, contact.id, at=at)
        said = conversations.post(session, begun.id, NewMessage(CONTACT, asked["body"]), at=at)
        return message_body(said, "user_message")

    return written(act, audited="conversation.begun", details={"as": "contact"})


@room.call("GET", "/conversations/<conversation_id>", ConversationSchema, query=ConversationQuerySchema, errors=(404,))
def find_conversation(wanted: dict[str, Any], conversation_id: str) -> Response:
    """Find a conversation with everything in it, the newest 500 parts of a longer one.

    `body` is HTML; with `display_as=plaintext` it is what was written.
    """
    record = conversation_records.find(callers.looking(), ids.number(conversation_id) or 0, at=clock.now())
    return polled(_record(record, wanted["display_as"]), [record.conversation.revision])


@room.call(
    "POST",
    "/conversations/<conversation_id>/reply",
    ConversationSchema,
    body=ReplySchema,
    query=ConversationQuerySchema,
    errors=(404, 409, 410, 422),
)
def reply_to_conversation(asked: dict[str, Any], wanted: dict[str, Any], conversation_id: str) -> Response:
    """Answer in a conversation: as its contact, as an admin, or by a note among admins.

    The id may be `last`: the conversation that the contact began last; of an admin, the one in which something happened
    last. A contact that answers in a closed conversation opens it again.
    """

    def act(session: Session) -> Body:
        at = clock.now()
        if asked["type"] == "admin":
            found = _reply_as_admin(session, asked, conversation_id, at)
        else:
            found = _reply_as_contact(session, asked, conversation_id, at)
        return _body(session, found, wanted["display_as"])

    who = _as_admin(asked["admin_id"]) if asked["type"] == "admin" else {"as": "contact"}
    return written(act, audited=f"conversation.{asked['message_type']}", details=who)


@room.call(
    "POST",
    "/conversations/<conversation_id>/parts",
    ConversationSchema,
    body=ManageSchema,
    query=ConversationQuerySchema,
    errors=(404, 409, 422),
)
def manage_conversation(asked: dict[str, Any], wanted: dict[str, Any], conversation_id: str) -> Response:
    """Close a conversation, open it again, or assign it.

    As an admin, by `message_type` `close`, `open` or `assignment`. A step that changes nothing leaves no trace in it.
    """
    if asked["message_type"] == "snoozed":
        raise NotAvailable("Conversations cannot be snoozed.", field="message_type")

    def act(session: Session) -> Body:
        actor, number, at = (
            f"agent:{_agent(session, asked['admin_id']).id}",
            ids.number(conversation_id) or 0,
            clock.now(),
        )
        if asked["body"]:
            conversations.post(session, number, NewMessage(actor, asked["body"]), at=at)
        match asked["message_type"]:
            case "close":
                lifecycle.close(session, number, actor=actor, at=at)
            case "open":
                lifecycle.reopen(session, number, actor=actor, at=at)
            case _:
                lifecycle.assign(session, number, _assignee(session, asked["assignee_id"]), actor=actor, at=at)
        return _body(session, number, wanted["display_as"])

    return written(act, audited=f"conversation.{asked['message_type']}", details=_as_admin(asked["admin_id"]))


@room.call(
    "POST",
    "/conversations/<conversation_id>/forms",
    ConversationSchema,
    body=PlacedFormSchema,
    query=ConversationQuerySchema,
    errors=(404, 409, 422),
)
def insert_form_into_conversation(asked: dict[str, Any], wanted: dict[str, Any], conversation_id: str) -> Response:
    """Insert a form into a conversation: a saved one, or one that is for this conversation only.

    The newest part carries it as `form`, with `embed_url` and `state`.
    """

    def act(session: Session) -> Body:
        number, at, actor = ids.number(conversation_id) or 0, clock.now(), callers.current().actor
        if "form_id" in asked:
            form_id = ids.number(asked["form_id"]) or 0
            conversation_forms.insert_saved(session, number, form_id, actor=actor, at=at)
        else:
            content = forms.content_of(asked)
            conversation_forms.insert_configured(session, number, content, actor=actor, at=at)
        return _body(session, number, wanted["display_as"])

    return written(act, audited="conversation.form_inserted")


@room.call("POST", "/messages", MessageSchema, body=NewMessageSchema, errors=(404, 409, 410, 422))
def create_message(asked: dict[str, Any]) -> Response:
    """Write to a contact as an admin: begins a conversation (`message_type` inapp).

    `not_available`: other kinds of messages.
    """
    if asked["message_type"] not in {"inapp", "in_app"}:
        raise NotAvailable("Only messages of the type “inapp” can be sent yet.", field="message_type")

    def act(session: Session) -> Body:
        agent, contact, at = _agent(session, asked["from_"]["id"]), _contact(session, asked["to"]), clock.now()
        if asked["from_"]["type"] != "admin":
            raise InvalidInput("A message comes from an admin; a contact begins a conversation.", field="from.type")
        begun = lifecycle.start(session, contact.id, at=at, assignee_id=agent.id)
        said = conversations.post(session, begun.id, NewMessage(f"agent:{agent.id}", asked["body"]), at=at)
        return message_body(said, "admin_message")

    return written(act, audited="conversation.begun", details=_as_admin(asked["from_"]["id"]))


def _reply_as_admin(session: Session, asked: dict[str, Any], conversation_id: str, at: datetime) -> int:
    if asked["message_type"] == "quick_reply":
        raise NotAvailable("Quick replies are not available.", field="message_type")
    agent = _agent(session, asked["admin_id"])
    is_last = conversation_id == _LAST
    found = conversation_records.newest_of(session, None) if is_last else ids.number(conversation_id) or 0
    kind = MessageKind.NOTE if asked["message_type"] == "note" else MessageKind.MESSAGE
    conversations.post(session, found, NewMessage(f"agent:{agent.id}", asked["body"], kind), at=at)
    return found


def _reply_as_contact(session: Session, asked: dict[str, Any], conversation_id: str, at: datetime) -> int:
    if asked["message_type"] != "comment":
        raise InvalidInput("A contact writes comments.", field="message_type")
    who = {"id": asked["intercom_user_id"], "user_id": asked["user_id"], "email": asked["email"]}
    contact = _contact(session, who, field="intercom_user_id")
    is_last = conversation_id == _LAST
    found = conversation_records.newest_of(session, contact.id) if is_last else ids.number(conversation_id) or 0
    if lifecycle.find(session, found).contact_id != contact.id:
        raise NotFound("Resource Not Found")  # nobody writes in another's conversation
    conversations.post(session, found, NewMessage(CONTACT, asked["body"]), at=at)
    return found


def _contact(session: Session, who: dict[str, Any], *, field: str = "id") -> Contact:
    """Whom a call means, held. :raises InvalidInput: nobody is named"""
    if who["id"] is not None:
        return contact_profile.hold(session, who["id"])
    if who["user_id"] is not None:
        return contact_profile.hold(session, contact_views.find_by_external_id(session, who["user_id"]).row.public_id)
    if who["email"] is None:
        raise InvalidInput("Say which contact, by id, user_id or email.", field=field)
    by_address = select(Contact).where(Contact.email == who["email"].strip().lower(), Contact.archived_at.is_(None))
    found = session.scalars(by_address.order_by(Contact.role.desc(), Contact.id.desc()).limit(1)).first()
    if found is None:
        raise NotFound("User Not Found")
    return contact_profile.hold(session, found.public_id)


def _assignee(session: Session, admin_id: str | None) -> int | None:
    """The agent's number; null for nobody. :raises InvalidInput: neither was named"""
    if admin_id is None:
        raise InvalidInput("Say to whom, or 0 for nobody.", field="assignee_id")
    return None if admin_id == "0" else _agent(session, admin_id).id


def _agent(session: Session, admin_id: str | None) -> Agent:
    if admin_id is None:
        raise InvalidInput("Say which admin.", field="admin_id")
    agent = session.get(Agent, ids.number(admin_id) or 0)
    if agent is None or not agent.active:
        raise NotFound("Admin Not Found")
    return agent


def _as_admin(admin_id: str | None) -> Body:
    return {"as": f"agent:{ids.number(admin_id)}"}


def _body(session: Session, conversation_id: int, display_as: str | None) -> Body:
    return _record(conversation_records.find(session, conversation_id, at=clock.now()), display_as)


def _record(record: Record, display_as: str | None) -> Body:
    return conversation_body(record, home=exchange.home(), is_plain=display_as == "plaintext", has_parts=True)
